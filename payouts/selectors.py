"""The front door for questions about money out."""

from dataclasses import dataclass

from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Subquery, Sum

from ledger.money import Money
from operations.errors import DomainError
from payments.selectors import payment, payments_of
from payouts.models import Batch, Delivery, Payout, PayoutItem
from payouts.states import BatchState, PayoutState

UNSETTLED = (PayoutState.APPROVED, PayoutState.SENDING, PayoutState.UNKNOWN, PayoutState.SENT)


@dataclass(frozen=True, kw_only=True)
class ReleaseTotals:
    """What was released and paid out for some orders, in minor units of their currency."""

    released_minor: int
    paid_out_minor: int


class UnknownDelivery(DomainError):
    """No delivery of the payment {payment_id!r} was reported."""

    code = "unknown_delivery"


def delivery(*, storefront: str, payment_order_id: str) -> Delivery:
    """Return what a storefront reported of a payment order. Raises UnknownPayment, UnknownDelivery."""
    order = payment(storefront=storefront, payment_order_id=payment_order_id)
    found = Delivery.objects.filter(order_id=order.pk).first()
    if found is None:
        raise UnknownDelivery(payment_id=payment_order_id)
    return found


def deliveries_of(*, storefront: str) -> QuerySet[Delivery]:
    """Return what a storefront reported, each with the storefront's own ids of order and seller.

    They are annotated as `payment_order_id` and `seller_account`; `released` tells whether the hold is over and done.
    """
    order = payments_of(storefront=storefront).filter(pk=OuterRef("order_id"))
    return Delivery.objects.filter(Exists(order)).annotate(
        payment_order_id=Subquery(order.values("payment_order_id")[:1]),
        seller_account=Subquery(order.values("seller__seller_id")[:1]),
        released=ExpressionWrapper(Q(released_at__isnull=False), output_field=BooleanField()),
    )


def totals(*, orders: list[str]) -> ReleaseTotals:
    """Return what was released, and what of it was paid out, for some orders (our own ids)."""
    released = Delivery.objects.filter(order_id__in=orders).aggregate(total=Sum("released_minor"))
    paid = PayoutItem.objects.filter(order_id__in=orders, payout__state=PayoutState.PAID)
    return ReleaseTotals(
        released_minor=released["total"] or 0,
        paid_out_minor=paid.aggregate(total=Sum("amount_minor"))["total"] or 0,
    )


def payouts_of_orders(*, orders: list[str]) -> list[str]:
    """Return the ids of the payouts that settle some orders."""
    items = PayoutItem.objects.filter(order_id__in=orders)
    return list(items.order_by("payout_id").values_list("payout_id", flat=True).distinct())


def unsettled_payouts() -> int:
    """Return how many approved payouts have not ended."""
    return Payout.objects.filter(state__in=UNSETTLED).count()


def subject_of_reference(*, psp_ref: str) -> str | None:
    """Return what a provider's object is about (`payout:…`), if a payout carries its id."""
    payout = Payout.objects.filter(psp_ref=psp_ref).first()
    return f"payout:{payout.id}" if payout else None


def provider_refs(*, payouts: list[str]) -> list[str]:
    """Return the provider's ids of some payouts' transfers."""
    sent = Payout.objects.filter(pk__in=payouts, psp_ref__isnull=False)
    return [str(ref) for ref in sent.values_list("psp_ref", flat=True)]


def proposed_totals() -> list[tuple[int, Money]]:
    """Return how many batches wait for a second person and their total, per currency."""
    rows = (
        Batch.objects.filter(state=BatchState.PROPOSED)
        .values_list("currency")
        .annotate(batches=Count("pk"), sum_minor=Sum("total_minor"))
        .order_by("currency")
    )
    return [(batches, Money(int(total), currency)) for currency, batches, total in rows]
