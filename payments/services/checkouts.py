"""Creating a payment, in three beats.

1. Intend: one transaction takes the idempotency key and writes the checkout, its orders, the attempt with its
   frozen request, and the job that takes over should this process die.
2. Call: the provider registers the checkout, with no transaction open.
3. Record: one transaction stores the token before any page is shown, and moves the states.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.db.models import QuerySet

from ledger.money import Money
from operations import idempotency
from operations.edges import money_tx
from operations.errors import DomainError
from operations.ids import new_id
from operations.rows import insert_row, prepared_query
from operations.services import require_running
from payments.commissions import Terms, commission_of
from payments.errors import UnknownSeller
from payments.gateway import CheckoutFacts, Outcome, Unknown
from payments.models import Attempt, Checkout, CommissionMinimum, CommissionRate, PaymentOrder, Seller
from payments.services.attempt_rows import UNSENT, store_attempt
from payments.services.attempts import register, register_first
from payments.services.common import field_of_total
from payments.services.risk import REJECTED as RISK_REJECTED
from payments.services.risk import act_on_first, local_verdict, question_about
from payments.services.routing import Wish, takers
from payments.states import AttemptState

# The provider's codes for an amount that it does not charge, whatever we know of its limits.
_OF_THE_AMOUNT = ("amount_too_small", "amount_too_large")


class CheckoutExists(DomainError):
    """The checkout {checkout_id!r} exists already, under another idempotency key."""

    code = "checkout_exists"
    parameter = "checkout_id"


class OrderExists(DomainError):
    """The payment order {payment_order_id!r} exists already."""

    code = "payment_order_exists"


class ProviderRefused(DomainError):
    """The provider refused the payment: {message}"""

    code = "provider_refused"


class PaymentRefused(DomainError):
    """This payment is not accepted, and neither will the same one be."""

    code = "payment_refused"


class ProviderUnavailable(DomainError):
    """The provider {psp} is not available now: send the same request again, under the same key."""

    code = "provider_unavailable"
    retryable = True
    # In how many seconds the request is worth repeating.
    wait: int


@dataclass(frozen=True, kw_only=True)
class NewOrder:
    """One seller's part of a new checkout. A category may have a commission rate of its own."""

    payment_order_id: str
    seller_account: str
    amount: Money
    category: str = ""


@dataclass(frozen=True, kw_only=True)
class NewCheckout:
    """A new payment, as the storefront describes it. All amounts are in one currency."""

    checkout_id: str
    buyer_info: dict[str, Any]
    orders: list[NewOrder]
    return_url: str = ""
    # "automatic" takes the money when the buyer pays, "manual" only reserves it.
    capture_method: str = "automatic"

    @property
    def total(self) -> Money:
        """Return the sum of the orders."""
        return sum((order.amount for order in self.orders[1:]), start=self.orders[0].amount)


@dataclass(frozen=True, kw_only=True)
class CheckoutResult:
    """The checkout's id, its idempotency key's row, and the stored answer if the key has one."""

    checkout: str
    key_id: int
    answered_status: int | None = None
    answered_body: Any = None
    # Whether the answer is an earlier request's.
    replayed: bool = True


@dataclass(frozen=True, kw_only=True)
class Made:
    """What one request made: the checkout, its orders and the attempt that counts, as the database has them by now."""

    checkout: Checkout
    orders: list[PaymentOrder]
    attempt: Attempt


# How a new checkout is shown once its page is there: status and body, kept as the answer of its key.
Show = Callable[[Made], tuple[int, Any]]


def create_checkout(
    *, storefront: str, new: NewCheckout, key: str, fingerprint: str, actor: str, now: datetime, show: Show
) -> CheckoutResult:
    """Store a payment and register it with the provider; the same key again is the same payment.

    The answer that `show` makes is stored with the page that it tells of, in one transaction.

    Raises UnknownSeller, NoProvider, AmountNotRepresentable, AmountTooSmall, AmountTooLarge, CheckoutExists,
    OrderExists, KeyReused, RequestInProgress, Stopped; then nothing is stored. ProviderRefused, and PaymentRefused
    where our own check does, mean that it is stored as FAILED, and that the same key gets the same answer. An outcome
    that the provider did not tell is no error: the orders are UNKNOWN, and a job asks on. Nor is a review by a person:
    the orders are IN_REVIEW, and there is no page yet. ProviderUnavailable means that it is stored and was not sent;
    the same key, or a job, goes on.
    """
    made = None
    with money_tx("payments.intend"):
        claim = idempotency.claim(
            scope=f"storefront:{storefront}", key=key, fingerprint=fingerprint, now=now, subject=new_id("chk")
        )
        if claim.answered:
            return CheckoutResult(
                checkout=claim.subject,
                key_id=claim.key_id,
                answered_status=claim.response_status,
                answered_body=claim.response_body,
            )
        if claim.fresh:
            made = _intend(claim.subject, storefront=storefront, new=new, now=now)
    if made is not None and made.attempt.state == AttemptState.CREATED and made.attempt.sent_at is not None:
        return _execute(made, claim, show, actor=actor, now=now)
    attempt = _latest(claim.subject)
    outcome = register(attempt, actor=actor, now=now) if attempt is not None and attempt.state in UNSENT else None
    return _result(_latest(claim.subject), outcome, claim)


def _execute(made: Made, claim: idempotency.Claim, show: Show, *, actor: str, now: datetime) -> CheckoutResult:
    """Register a payment that this request has just stored, and answer it in the same beat as its page is recorded."""
    answers: list[tuple[int, Any]] = []

    def finish(attempt: Attempt) -> None:
        status, body = show(replace(made, attempt=attempt))
        idempotency.answer(key_id=claim.key_id, status=status, body=body)
        answers.append((status, body))

    outcome = register_first(made.attempt, made.orders, actor=actor, now=now, finish=finish)
    for status, body in answers:
        return CheckoutResult(
            checkout=claim.subject, key_id=claim.key_id, answered_status=status, answered_body=body, replayed=False
        )
    return _result(_latest(claim.subject), outcome, claim)


def _latest(checkout: str) -> Attempt | None:
    """Return a checkout's last attempt, which is another one where the first was passed on."""
    return Attempt.objects.filter(checkout=checkout).order_by("-number").first()


def _result(
    attempt: Attempt | None, outcome: Outcome[CheckoutFacts] | None, claim: idempotency.Claim
) -> CheckoutResult:
    """Return what is not answered yet, or raise what the provider said instead of giving a page."""
    if attempt is not None and attempt.state == AttemptState.CREATED:
        if isinstance(outcome, Unknown) and not outcome.sent:
            with money_tx("payments.not_sent"):
                idempotency.let_go(key_id=claim.key_id)
            raise ProviderUnavailable(psp=attempt.psp, wait=outcome.retry_after_s or 1)
    elif attempt is not None and attempt.state == AttemptState.DECLINED and attempt.psp_ref is None:
        with money_tx("payments.refused"):
            idempotency.end(key_id=claim.key_id)
        raise _refused(attempt)
    return CheckoutResult(checkout=claim.subject, key_id=claim.key_id)


def _refused(attempt: Attempt) -> DomainError:
    """Return the error that a definite no is: ours, which does not say why, or the provider's.

    The amount is named where that was the reason.
    """
    if attempt.declined_as == RISK_REJECTED:
        return PaymentRefused()
    if attempt.declined_as not in _OF_THE_AMOUNT:
        return ProviderRefused(message=attempt.last_error)
    lines = len(attempt.params["lines"])
    return ProviderRefused(message=attempt.last_error, parameter=field_of_total(lines))


def _intend(checkout_pk: str, *, storefront: str, new: NewCheckout, now: datetime) -> Made:
    """Store all of a payment, and what the risk check says of it where that asks nobody outside."""
    require_running("checkout")
    psp = takers(wish_for(storefront, new.orders, capture_method=new.capture_method))[0]
    sellers = sellers_of(storefront, [order.seller_account for order in new.orders])
    total = new.total
    checkout = Checkout(
        id=checkout_pk,
        storefront_id=storefront,
        checkout_id=new.checkout_id,
        buyer_info=new.buyer_info,
        currency=total.currency,
        total_minor=total.minor,
        return_url=new.return_url,
        capture_method=new.capture_method,
        expires_at=now + settings.CHECKOUT_LIFE,
        created_at=now,
    )
    try:
        insert_row(checkout)
    except IntegrityError as error:
        raise CheckoutExists(checkout_id=new.checkout_id) from error
    orders = store_orders(checkout, new.orders, sellers, cart=1, now=now)
    asked = question_about(checkout, amount=total, sellers=[order.seller_id for order in orders])
    verdict = local_verdict(asked)
    accepted = verdict is not None and verdict.decision == "accept"
    attempt = store_attempt(checkout, orders, psp=psp, now=now, number=1, sent_at=now if accepted else None)
    if verdict is not None:
        act_on_first(attempt, orders, verdict, now=now)
    return Made(checkout=checkout, orders=orders, attempt=attempt)


def wish_for(storefront: str, orders: list[NewOrder], *, capture_method: str) -> Wish:
    """Return what decides who can make the page of a cart."""
    amounts = tuple(order.amount for order in orders)
    return Wish(storefront=storefront, amounts=amounts, capture_method=capture_method)


def store_orders(
    checkout: Checkout, wanted: list[NewOrder], sellers: dict[str, Seller], *, cart: int, now: datetime
) -> list[PaymentOrder]:
    """Store the orders of one version of a cart with our commission frozen; in the caller's transaction.

    Raises OrderExists.
    """
    rates, minimums = _rates(wanted, sellers), _minimums(checkout.currency, sellers)
    orders = []
    for place, order in enumerate(wanted):
        seller = sellers[order.seller_account]
        terms = seller.terms(bps=rates.get((seller.id, order.category)), minimum=minimums.get(seller.id))
        try:
            orders.append(_store_order(checkout, order, seller, terms, cart=cart, now=now))
        except IntegrityError as error:
            field = f"payment_orders[{place}].payment_order_id"
            raise OrderExists(payment_order_id=order.payment_order_id, parameter=field) from error
    return orders


def sellers_of(storefront: str, wanted: list[str]) -> dict[str, Seller]:  # tidy: read inside a transaction
    """Return a storefront's sellers by its own ids. Raises UnknownSeller."""
    found = {name: _seller(storefront, name) for name in dict.fromkeys(wanted)}
    for seller_account, rows in found.items():
        if not rows:
            place = wanted.index(seller_account)
            raise UnknownSeller(seller_account=seller_account, parameter=f"payment_orders[{place}].seller_account")
    return {seller_account: rows[0] for seller_account, rows in found.items()}


@prepared_query
def _seller(storefront: str, seller_id: str) -> QuerySet[Seller]:
    return Seller.objects.filter(storefront=storefront, seller_id=seller_id)


def _rates(orders: list[NewOrder], sellers: dict[str, Seller]) -> dict[tuple[str, str], int]:
    """Return the rates, in basis points, that the sellers have for the categories of a checkout."""
    categories = {order.category for order in orders if order.category}
    if not categories:
        return {}
    rates = CommissionRate.objects.filter(seller__in=sellers.values(), category__in=categories)
    return {(seller, category): bps for seller, category, bps in rates.values_list("seller_id", "category", "bps")}


def _minimums(currency: str, sellers: dict[str, Seller]) -> dict[str, Money]:
    """Return the least commission of the sellers that have one in the checkout's currency."""
    found = [row for seller in sellers.values() for row in _minimum(seller.pk, currency)]
    return {each.seller_id: each.minimum for each in found}


@prepared_query
def _minimum(seller: str, currency: str) -> QuerySet[CommissionMinimum]:
    return CommissionMinimum.objects.filter(seller=seller, currency=currency)


def _store_order(
    checkout: Checkout, order: NewOrder, seller: Seller, terms: Terms, *, cart: int, now: datetime
) -> PaymentOrder:
    share = commission_of(order.amount, terms)
    stored = PaymentOrder(
        checkout=checkout,
        storefront_id=checkout.storefront_id,
        payment_order_id=order.payment_order_id,
        seller=seller,
        amount_minor=order.amount.minor,
        category=order.category,
        commission_minor=share.commission.minor,
        commission_tax_minor=share.tax.minor,
        tax=seller.commission_tax,
        currency=order.amount.currency,
        cart=cart,
        state_since=now,
    )
    return insert_row(stored)
