"""Creating a payment, in three beats.

1. Intend: one transaction takes the idempotency key and writes the checkout, its orders, the attempt with its
   frozen request, and the job that takes over should this process die.
2. Call: the provider registers the checkout, with no transaction open.
3. Record: one transaction stores the token before any page is shown, and moves the states.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError

from ledger.money import Money
from operations import idempotency
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from operations.services import enqueue, require_running, wake, withdraw
from payments.commissions import Terms, commission_of
from payments.errors import UnknownSeller
from payments.gateway import CheckoutFacts, CheckoutRequest, Declined, Gateway, Succeeded, Unknown, provider
from payments.gateway.base import CheckoutLine
from payments.models import Attempt, Checkout, CommissionMinimum, CommissionRate, PaymentOrder, Seller
from payments.services.common import key_alive, require_key_alive, try_later
from payments.states import AttemptState, OrderState

# How long the request that made an attempt has for itself before a job takes it over.
TAKE_OVER_AFTER = timedelta(seconds=15)
# The first poll for a webhook that may have been lost.
FIRST_POLL_AFTER = timedelta(minutes=2)
# A poll that is due this soon anyway is soon enough for a buyer who waits.
ASK_SOON = timedelta(seconds=20)
UNSENT = (AttemptState.CREATED, AttemptState.UNKNOWN)


class CheckoutExists(DomainError):
    """The checkout {checkout_id!r} exists already, under another idempotency key."""

    code = "checkout_exists"


class OrderExists(DomainError):
    """The payment order {payment_order_id!r} exists already."""

    code = "payment_order_exists"


class ProviderRefused(DomainError):
    """The provider refused the payment: {message}"""

    code = "provider_refused"


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


def create_checkout(
    *, storefront: str, new: NewCheckout, key: str, fingerprint: str, actor: str, now: datetime
) -> CheckoutResult:
    """Store a payment and register it with the provider; the same key again is the same payment.

    Raises UnknownSeller, CheckoutExists, OrderExists, KeyReused, RequestInProgress, Stopped; then nothing is
    stored. ProviderRefused means that it is stored as FAILED, and that the same key gets the same answer. An outcome
    that the provider did not tell is no error: the orders are UNKNOWN, and a job asks on.
    """
    with money_tx("payments.intend"):
        claim = idempotency.claim(scope=f"storefront:{storefront}", key=key, fingerprint=fingerprint, now=now)
        if claim.answered:
            return CheckoutResult(
                checkout=claim.subject,
                key_id=claim.key_id,
                answered_status=claim.response_status,
                answered_body=claim.response_body,
            )
        if claim.fresh:
            checkout_pk = _intend(storefront=storefront, new=new, now=now)
            idempotency.bind(key_id=claim.key_id, subject=checkout_pk)
        else:
            checkout_pk = claim.subject
    attempt = Attempt.objects.filter(checkout=checkout_pk).order_by("-number").first()
    if attempt is not None and attempt.state in UNSENT:
        _register(attempt, actor=actor, now=now)
        attempt.refresh_from_db()
    if attempt is not None and attempt.state == AttemptState.DECLINED and attempt.psp_ref is None:
        with money_tx("payments.refused"):
            idempotency.let_go(key_id=claim.key_id)
        raise ProviderRefused(message=attempt.last_error)
    return CheckoutResult(checkout=checkout_pk, key_id=claim.key_id)


def register_attempt(*, attempt: str, now: datetime) -> None:
    """Bring an attempt that was not registered to a known state (a job). Raises TryLater, ProviderUnclear."""
    found = Attempt.objects.get(pk=attempt)
    if found.state not in UNSENT:
        return
    outcome = _register(found, actor="system:jobs", now=now)
    if isinstance(outcome, Unknown):
        require_key_alive(provider(), what=f"the attempt {attempt}", sent_at=found.sent_at, now=now)
        raise try_later(outcome)


def buyer_returned(*, checkout: str, now: datetime) -> None:
    """Have the provider asked soon about a checkout whose buyer came back: a webhook may be late, or lost.

    At most once in a while, whoever loads the page how often.
    """
    attempt = Attempt.objects.filter(checkout=checkout, state=AttemptState.PENDING).first()
    if attempt is not None:
        with money_tx("payments.buyer_returned"):
            wake(kind="payments.sync_attempt", key=attempt.id, now=now, unless_within=ASK_SOON)


def _intend(*, storefront: str, new: NewCheckout, now: datetime) -> str:
    require_running("checkout")
    sellers = _sellers(storefront, [order.seller_account for order in new.orders])
    total = new.total
    try:
        checkout = Checkout.objects.create(
            storefront_id=storefront,
            checkout_id=new.checkout_id,
            buyer_info=new.buyer_info,
            currency=total.currency,
            total_minor=total.minor,
            return_url=new.return_url,
            expires_at=now + settings.CHECKOUT_LIFE,
            created_at=now,
        )
    except IntegrityError as error:
        raise CheckoutExists(checkout_id=new.checkout_id) from error
    rates, minimums = _rates(new, sellers), _minimums(checkout.currency, sellers)
    for order in new.orders:
        seller = sellers[order.seller_account]
        terms = seller.terms(bps=rates.get((seller.id, order.category)), minimum=minimums.get(seller.id))
        _store_order(checkout, order, seller, terms)
    attempt = _store_attempt(checkout, new, sellers, now=now)
    enqueue(
        kind="payments.register_attempt",
        key=attempt.id,
        args={"attempt": attempt.id},
        run_at=now + TAKE_OVER_AFTER,
    )
    return checkout.id


def _sellers(storefront: str, wanted: list[str]) -> dict[str, Seller]:
    found = {seller.seller_id: seller for seller in Seller.objects.filter(storefront=storefront, seller_id__in=wanted)}
    for seller_account in wanted:
        if seller_account not in found:
            raise UnknownSeller(seller_account=seller_account)
    return found


def _rates(new: NewCheckout, sellers: dict[str, Seller]) -> dict[tuple[str, str], int]:
    """Return the rates, in basis points, that the sellers have for the categories of a checkout."""
    categories = {order.category for order in new.orders if order.category}
    if not categories:
        return {}
    rates = CommissionRate.objects.filter(seller__in=sellers.values(), category__in=categories)
    return {(seller, category): bps for seller, category, bps in rates.values_list("seller_id", "category", "bps")}


def _minimums(currency: str, sellers: dict[str, Seller]) -> dict[str, Money]:
    """Return the least commission of the sellers that have one in the checkout's currency."""
    found = CommissionMinimum.objects.filter(seller__in=sellers.values(), currency=currency)
    return {each.seller_id: each.minimum for each in found}


def _store_order(checkout: Checkout, order: NewOrder, seller: Seller, terms: Terms) -> None:
    share = commission_of(order.amount, terms)
    try:
        PaymentOrder.objects.create(
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
        )
    except IntegrityError as error:
        raise OrderExists(payment_order_id=order.payment_order_id) from error


def _store_attempt(checkout: Checkout, new: NewCheckout, sellers: dict[str, Seller], *, now: datetime) -> Attempt:
    request = CheckoutRequest(
        reference=checkout.id,
        currency=checkout.currency,
        lines=[
            CheckoutLine(name=sellers[order.seller_account].name, amount_minor=order.amount.minor)
            for order in new.orders
        ],
        success_url=f"{settings.PUBLIC_URL}/pay/{checkout.id}/return",
        cancel_url=f"{settings.PUBLIC_URL}/pay/{checkout.id}/return",
        expires_at=int(checkout.expires_at.timestamp()),
        email=str(new.buyer_info.get("email", "")),
        embedded=settings.CHECKOUT_PAGE == "embedded",
        metadata={"reference": checkout.id, "checkout_id": checkout.checkout_id},
    )
    number = Attempt.objects.filter(checkout=checkout).count() + 1
    return Attempt.objects.create(
        checkout=checkout,
        number=number,
        psp="stripe",
        psp_key=f"{checkout.id}:{number}",
        params=request.frozen(),
        created_at=now,
    )


def _register(attempt: Attempt, *, actor: str, now: datetime) -> Succeeded[CheckoutFacts] | Declined | Unknown:
    gateway = provider(attempt.psp)
    request = CheckoutRequest.thaw(attempt.params)
    outcome = _already_there(gateway, attempt) if attempt.sent_at is not None else None
    if outcome is None:
        if not key_alive(gateway, attempt.sent_at, now):
            outcome = Unknown(reason="too old to be sent again, and the provider does not show it")
        else:
            Attempt.objects.filter(pk=attempt.pk, sent_at=None).update(sent_at=now)
            outcome = gateway.register_checkout(request, key=attempt.psp_key)
    _record(attempt.pk, outcome, actor=actor, now=now)
    return outcome


def _already_there(gateway: Gateway, attempt: Attempt) -> Succeeded[CheckoutFacts] | Declined | Unknown | None:
    """Look for an earlier, unanswered registration: a stored 500 is replayed for ever, a look-up is not."""
    found = gateway.find_checkout(attempt.checkout_id, since=attempt.created_at)
    match found:
        case Succeeded(value=CheckoutFacts() as facts):
            return Succeeded(facts)
        case Succeeded():
            return None
        case Declined(message=message):
            # That the look-up was refused says nothing about what was looked for.
            return Unknown(reason=f"the look-up was refused: {message}")
        case _:
            return found


def _record(
    attempt_id: str, outcome: Succeeded[CheckoutFacts] | Declined | Unknown, *, actor: str, now: datetime
) -> None:
    with money_tx("payments.record_registration"):
        attempt = Attempt.objects.select_for_update().get(pk=attempt_id)
        if attempt.state not in UNSENT:
            return
        orders = list(PaymentOrder.objects.select_for_update().filter(checkout=attempt.checkout_id).order_by("pk"))
        match outcome:
            case Succeeded(value=facts):
                withdraw(kind="payments.register_attempt", key=attempt.id, now=now)
                page_url = facts.page_url or f"{settings.PUBLIC_URL}/pay/{attempt.checkout_id}"
                shown: dict[str, Any] = {"page_url": page_url, "page_secret": facts.page_secret}
                move(attempt, "register", actor=actor, now=now, psp_ref=facts.psp_ref, **shown)
                _move_all(orders, "start", actor=actor, now=now)
                enqueue(
                    kind="payments.sync_attempt",
                    key=attempt.id,
                    args={"attempt": attempt.id},
                    run_at=now + FIRST_POLL_AFTER,
                )
            case Declined(code=code, message=message):
                move(attempt, "decline", actor=actor, now=now, reason=code, last_error=message)
                _move_all(orders, "fail", actor=actor, now=now, reason=code)
            case Unknown(reason=reason):
                if attempt.state == AttemptState.CREATED:
                    move(attempt, "lose_sight", actor=actor, now=now, reason=reason, last_error=reason)
                _move_all(
                    [order for order in orders if order.state != OrderState.UNKNOWN],
                    "lose_sight",
                    actor=actor,
                    now=now,
                    reason=reason,
                )


def _move_all(orders: list[PaymentOrder], event: str, *, actor: str, now: datetime, reason: str = "") -> None:
    for order in orders:
        move(order, event, actor=actor, now=now, reason=reason)
