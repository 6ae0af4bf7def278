"""The front door for questions about money in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import F, Prefetch, Q, QuerySet, Sum

from ledger.money import Money
from payments.errors import UnknownEndpoint, UnknownPayment, UnknownSeller
from payments.figures import Acceptance as Acceptance
from payments.figures import ProviderHealth as ProviderHealth
from payments.figures import acceptance as acceptance
from payments.figures import provider_health as provider_health
from payments.gateway import ACCOUNTS_PSP
from payments.models import (
    Attempt,
    Bearer,
    Checkout,
    Dispute,
    DisputeShare,
    EventDelivery,
    EvidenceFile,
    Instruction,
    PaymentOrder,
    ProviderCall,
    Refund,
    Seller,
    StorefrontEvent,
    Surplus,
    WebhookEndpoint,
    WebhookEvent,
)
from payments.states import HOLDS_MONEY, WANTS_EVIDENCE, AttemptState, InstructionState, OrderState, RefundState

_UNDER_WAY = (InstructionState.REQUESTED, InstructionState.SENDING, InstructionState.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class PaidOrder:
    """A paid order, as those who release and pay out see it. It was accepted when it was asked for."""

    order: str
    checkout: str
    seller: str
    amount: Money
    accepted_at: datetime
    paid_at: datetime


@dataclass(frozen=True, kw_only=True)
class SellerFacts:
    """A seller, as those who pay out see it."""

    seller: str
    storefront: str
    seller_id: str
    name: str
    psp_account: str
    payouts_enabled: bool
    bank_changed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class OrderTotals:
    """Sums over some checkouts of one storefront, in minor units of one currency.

    Fees that the provider charged in another currency are none of these: the books have them by currency.
    """

    orders: int
    paid_orders: int
    captured_minor: int
    commission_minor: int
    psp_fees_minor: int
    refunded_minor: int


def payments_of(*, storefront: str) -> QuerySet[PaymentOrder]:
    """Return a storefront's payment orders with what is shown of them."""
    rows = PaymentOrder.objects.filter(storefront=storefront).select_related("checkout", "seller")
    return rows.prefetch_related("refunds")


def checkouts_of(*, storefront: str) -> QuerySet[Checkout]:
    """Return a storefront's checkouts with what is shown of them."""
    rows = Checkout.objects.filter(storefront=storefront)
    return rows.prefetch_related("orders__seller", "attempts")


def refunds_in(*, storefront: str) -> QuerySet[Refund]:
    """Return a storefront's refunds, each with its payment order."""
    return Refund.objects.filter(order__storefront=storefront).select_related("order")


def disputes_of(*, storefront: str) -> QuerySet[Dispute]:
    """Return a storefront's disputes with the orders that they are about and what was handed in."""
    rows = Dispute.objects.filter(checkout__storefront=storefront).select_related("checkout")
    files = Prefetch("files", EvidenceFile.objects.defer("content"))
    return rows.prefetch_related("shares__order", "evidence", files)


def sellers_of(*, storefront: str) -> QuerySet[Seller]:
    """Return a storefront's sellers with their terms."""
    return Seller.objects.filter(storefront=storefront).prefetch_related("commission_rates", "commission_minimums")


def events_of(*, storefront: str) -> QuerySet[StorefrontEvent]:
    """Return what a storefront was to be told."""
    return StorefrontEvent.objects.filter(storefront=storefront)


def endpoints_of(*, storefront: str) -> QuerySet[WebhookEndpoint]:
    """Return a storefront's endpoints, without those that it deleted."""
    return WebhookEndpoint.objects.filter(storefront=storefront, deleted_at=None)


def deliveries_to(*, storefront: str, endpoint: str) -> QuerySet[EventDelivery]:
    """Return what was sent to an endpoint, with each try. Raises UnknownEndpoint."""
    if not endpoints_of(storefront=storefront).filter(pk=endpoint).exists():
        raise UnknownEndpoint(endpoint=endpoint)
    return EventDelivery.objects.filter(endpoint=endpoint).prefetch_related("tries")


def one_endpoint(*, storefront: str, endpoint: str) -> WebhookEndpoint:
    """Return a storefront's endpoint. Raises UnknownEndpoint."""
    found = endpoints_of(storefront=storefront).filter(pk=endpoint).first()
    if found is None:
        raise UnknownEndpoint(endpoint=endpoint)
    return found


def checkout(*, checkout: str) -> Checkout:
    """Return a checkout with its orders. Raises UnknownPayment."""
    found = Checkout.objects.filter(pk=checkout).prefetch_related("orders__seller", "attempts").first()
    if found is None:
        raise UnknownPayment(payment_id=checkout)
    return found


def payment(*, storefront: str, payment_order_id: str) -> PaymentOrder:
    """Return a storefront's payment order. Raises UnknownPayment, also for another storefront's."""
    found = (
        PaymentOrder.objects.select_related("checkout", "seller")
        .filter(storefront=storefront, payment_order_id=payment_order_id)
        .first()
    )
    if found is None:
        raise UnknownPayment(payment_id=payment_order_id, parameter="payment_order_id")
    return found


def latest_attempt(*, checkout: str) -> Attempt | None:
    """Return a checkout's latest attempt."""
    return Attempt.objects.filter(checkout=checkout).order_by("-number").first()


def payable_page(*, checkout: Checkout, now: datetime) -> str:
    """Return the page on which a buyer can still pay a checkout; nothing where it was paid, is closed, or will be."""
    alive = (each for each in checkout.attempts.all() if each.state == AttemptState.PENDING)
    attempt = next((each for each in alive if each.cart == checkout.cart), None)
    if attempt is None or attempt.processing_since is not None or checkout.expires_at <= now:
        return ""
    closing = Instruction.objects.filter(attempt=attempt, state__in=_UNDER_WAY).exists()
    return "" if closing else attempt.page_url


def is_clear(*, checkout: Checkout) -> bool:
    """Tell whether the last request about a checkout has its outcome: nothing is unknown, under way or in review."""
    unclear = (OrderState.NOT_STARTED, OrderState.UNKNOWN, OrderState.IN_REVIEW)
    # The orders may be prefetched: what counts is filtered here.
    if any(order.state in unclear for order in checkout.orders.all() if order.cart == checkout.cart):
        return False
    return not Instruction.objects.filter(
        attempt__checkout=checkout, purpose__in=("capture", "cancel", "replace"), state__in=_UNDER_WAY
    ).exists()


def paid_order(*, storefront: str, payment_order_id: str) -> PaidOrder | None:
    """Return a storefront's order if it is paid, None while it is not. Raises UnknownPayment."""
    found = payment(storefront=storefront, payment_order_id=payment_order_id)
    if found.state != OrderState.SUCCESS or found.paid_at is None:
        return None
    return PaidOrder(
        order=found.id,
        checkout=found.checkout_id,
        seller=found.seller_id,
        amount=found.captured,
        accepted_at=found.checkout.created_at,
        paid_at=found.paid_at,
    )


def seller(*, storefront: str, seller_id: str) -> Seller:
    """Return a storefront's seller. Raises UnknownSeller, also for another storefront's."""
    found = Seller.objects.filter(storefront=storefront, seller_id=seller_id).first()
    if found is None:
        raise UnknownSeller(seller_account=seller_id)
    return found


def sellers_by_id(*, sellers: list[str]) -> dict[str, SellerFacts]:
    """Return sellers by our own ids."""
    return {
        found.id: SellerFacts(
            seller=found.id,
            storefront=found.storefront_id,
            seller_id=found.seller_id,
            name=found.name,
            psp_account=found.psp_account,
            payouts_enabled=found.payouts_enabled,
            bank_changed_at=found.bank_changed_at,
        )
        for found in Seller.objects.filter(pk__in=sellers)
    }


def seller_names(*, keys: list[str]) -> dict[str, str]:
    """Return the names of sellers by id; an id of no seller is left out."""
    return dict(Seller.objects.filter(pk__in=keys).values_list("pk", "name"))


def sellers_without_account(*, storefront: str) -> int:
    """Return how many of a storefront's sellers still wait for their account at the provider."""
    return Seller.objects.filter(storefront=storefront, psp_account="").count()


def open_refunds(*, storefront: str) -> int:
    """Return how many of a storefront's refunds have no final outcome yet."""
    ended = (RefundState.SUCCEEDED, RefundState.FAILED, RefundState.CANCELED)
    return Refund.objects.filter(order__storefront=storefront).exclude(state__in=ended).count()


def order_subjects(*, storefront: str, checkout_ids: list[str]) -> dict[str, str]:
    """Return our own ids of a storefront's checkouts, by the storefront's ids."""
    rows = Checkout.objects.filter(storefront=storefront, checkout_id__in=checkout_ids).values_list("checkout_id", "id")
    return dict(rows)


def orders_of(*, checkouts: list[str]) -> list[str]:
    """Return our own ids of all payment orders of some checkouts (our ids)."""
    return list(PaymentOrder.objects.filter(checkout__in=checkouts).order_by("pk").values_list("pk", flat=True))


def totals(*, checkouts: list[str]) -> OrderTotals:
    """Return the sums over some checkouts (our own ids)."""
    orders = PaymentOrder.objects.filter(checkout__in=checkouts)
    paid = orders.filter(state=OrderState.SUCCESS)
    sums: dict[str, Any] = paid.aggregate(captured=Sum("captured_minor"), commission=Sum("captured_commission_minor"))
    attempts = Attempt.objects.filter(checkout__in=checkouts, state=AttemptState.SUCCEEDED)
    refunds = Refund.objects.filter(order__checkout__in=checkouts, state=RefundState.SUCCEEDED)
    return OrderTotals(
        orders=orders.count(),
        paid_orders=paid.count(),
        captured_minor=sums["captured"] or 0,
        commission_minor=sums["commission"] or 0,
        psp_fees_minor=attempts.filter(fee_currency__in=("", F("currency"))).aggregate(total=Sum("fee_minor"))["total"]
        or 0,
        refunded_minor=refunds.aggregate(total=Sum("amount_minor"))["total"] or 0,
    )


def unresolved_orders() -> int:
    """Return how many orders are in a state that only the provider or a person can resolve."""
    return PaymentOrder.objects.filter(state=OrderState.UNKNOWN).count()


def configured_providers() -> list[str]:
    """Return the providers in use: where checkouts are paid, and where sellers have their accounts."""
    return sorted({ACCOUNTS_PSP, *(psp for order in settings.PSP_ROUTES.values() for psp in order)})


def subject_of_reference(*, psp_ref: str) -> str | None:
    """Return what a provider's object is about (`checkout:…`), if one of our rows carries its id."""
    attempt = Attempt.objects.filter(charge_ref=psp_ref).first()
    if attempt is not None:
        return f"checkout:{attempt.checkout_id}"
    surplus = Surplus.objects.select_related("attempt").filter(psp_ref=psp_ref).first()
    if surplus is not None:
        return f"checkout:{surplus.attempt.checkout_id}"
    refund = Refund.objects.select_related("order").filter(psp_ref=psp_ref).first()
    if refund is not None:
        return f"checkout:{refund.order.checkout_id}"
    found = Dispute.objects.filter(psp_ref=psp_ref).first()
    return f"checkout:{found.checkout_id}" if found else None


def provider_refs(*, checkouts: list[str]) -> list[str]:
    """Return the provider's ids of the charges, refunds and disputes of some checkouts (our own ids)."""
    charges = Attempt.objects.filter(checkout__in=checkouts, charge_ref__isnull=False)
    refunds = Refund.objects.filter(order__checkout__in=checkouts, psp_ref__isnull=False)
    surpluses = Surplus.objects.filter(attempt__checkout__in=checkouts, psp_ref__isnull=False)
    disputes = Dispute.objects.filter(checkout__in=checkouts)
    found = [
        charges.values_list("charge_ref", flat=True),
        *(kind.values_list("psp_ref", flat=True) for kind in (refunds, surpluses, disputes)),
    ]
    return [str(ref) for refs in found for ref in refs]


def calls_about(*, subjects: list[str]) -> list[ProviderCall]:
    """Return the provider calls that are kept under some subjects (kind:id), oldest first."""
    return list(ProviderCall.objects.filter(about__in=subjects).order_by("sent_at", "id"))


def kept_events(
    *,
    psp: str,
    event_ids: list[str] | None = None,
    type: str | None = None,
    state: str | None = None,
    object_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[WebhookEvent]:
    """Return the provider's events that the inbox keeps, oldest first, without their bodies. None asks for all."""
    wanted = {
        "event_id__in": event_ids,
        "type": type,
        "state": state,
        "object_id": object_id,
        "received_at__gte": since,
        "received_at__lt": until,
    }
    chosen = {name: value for name, value in wanted.items() if value is not None}
    return list(WebhookEvent.objects.filter(psp=psp, **chosen).defer("payload").order_by("id"))


def events_about(*, attempts: Iterable[Attempt], objects: Iterable[str | None]) -> list[WebhookEvent]:
    """Return what the provider told of attempts, and of objects that came of them, as it came, without the bodies.

    That is also what is about an object of which there is no row here, and names the payment.
    """
    tried = list(attempts)
    refs = {ref for one in tried for ref in (one.psp_ref, one.payment_ref, one.charge_ref)} | set(objects)
    payments = {one.payment_ref for one in tried}
    about = Q(object_id__in=[ref for ref in refs if ref]) | Q(payment_ref__in=[ref for ref in payments if ref])
    return list(WebhookEvent.objects.filter(about).defer("payload").order_by("id"))


def disputes_wanting_evidence() -> int:
    """Return how many disputes wait for evidence."""
    return Dispute.objects.filter(state__in=WANTS_EVIDENCE).count()


def disputed_orders(*, orders: list[str]) -> set[str]:
    """Return those of some orders (our own ids) whose money a seller-borne dispute holds until it is decided."""
    held = DisputeShare.objects.filter(order__in=orders, borne_by=Bearer.SELLER, dispute__state__in=HOLDS_MONEY)
    return set(held.values_list("order_id", flat=True))


def held_by_disputes(*, currency: str) -> dict[str, list[tuple[str, Money]]]:
    """Return what open disputes could still take of each seller: seller -> order and amount at stake."""
    found: dict[str, list[tuple[str, Money]]] = {}
    shares = DisputeShare.objects.filter(borne_by=Bearer.SELLER, dispute__state__in=HOLDS_MONEY, currency=currency)
    for share in shares.select_related("order").order_by("pk"):
        found.setdefault(share.order.seller_id, []).append((share.order_id, share.amount))
    return found
