"""From delivered to available: the storefront reports, the hold runs, the money is released."""

from datetime import datetime, timedelta

from django.conf import settings

from ledger import recipes
from ledger.selectors import pending_of_order
from ledger.services import lock_wallet, post
from operations.edges import money_tx
from operations.errors import DomainError
from operations.services import record_audit
from payments.selectors import disputed_orders, paid_order
from payouts.models import Delivery
from payouts.services.debts import net_debts

# A storefront's clock may be a little ahead of ours.
CLOCK_SKEW = timedelta(minutes=5)


class OrderNotPaid(DomainError):
    """The payment {payment_order_id!r} is not paid: nothing can be released for it."""

    code = "order_not_paid"


class DeliveryInFuture(DomainError):
    """The delivery of {payment_order_id!r} is dated {delivered_at}, which is in the future."""

    code = "delivery_in_future"
    parameter = "delivered_at"


class DeliveryAlreadyReported(DomainError):
    """The delivery of {payment_order_id!r} was reported already, for {first}."""

    code = "delivery_already_reported"


def report_delivery(
    *, storefront: str, payment_order_id: str, delivered_at: datetime, actor: str, now: datetime
) -> tuple[Delivery, bool]:
    """Note that a paid order was delivered; the hold runs from that moment. The same report again is no new one.

    Returns the delivery and whether it is new. Raises UnknownPayment, OrderNotPaid, DeliveryInFuture, and
    DeliveryAlreadyReported when another moment was reported before.
    """
    if delivered_at > now + CLOCK_SKEW:
        raise DeliveryInFuture(payment_order_id=payment_order_id, delivered_at=delivered_at.isoformat())
    order = paid_order(storefront=storefront, payment_order_id=payment_order_id)
    if order is None:
        raise OrderNotPaid(payment_order_id=payment_order_id)
    with money_tx("deliveries.report"):
        delivery, created = Delivery.objects.get_or_create(
            order_id=order.order,
            defaults={
                "seller_id": order.seller,
                "checkout_id": order.checkout,
                "currency": order.amount.currency,
                "delivered_at": delivered_at,
                "release_at": delivered_at + timedelta(days=settings.HOLD_DAYS),
                "reported_at": now,
            },
        )
        if delivery.delivered_at != delivered_at:
            raise DeliveryAlreadyReported(payment_order_id=payment_order_id, first=delivery.delivered_at.isoformat())
        if created:
            record_audit(action="payouts.delivery.reported", actor=actor, subject=f"order:{order.order}", now=now)
    return delivery, created


def release_due(*, limit: int, actor: str, now: datetime) -> int:
    """Release what was delivered and whose hold is over. Returns how many orders were released.

    What a buyer's bank disputes waits until that is decided. Debts are paid from what is released.
    """
    due = Delivery.objects.filter(released_at=None, release_at__lte=now).order_by("release_at", "pk")
    return sum(_release(pk, actor=actor, now=now) for pk in due.values_list("pk", flat=True)[:limit])


def release_again(*, order: str, now: datetime) -> None:
    """Let an order be released whose money came back after there had been nothing to release (a job)."""
    with money_tx("deliveries.again"):
        Delivery.objects.filter(order_id=order, released_minor=0).update(released_at=None, released_minor=None)


def _release(delivery_id: int, *, actor: str, now: datetime) -> bool:
    with money_tx("deliveries.release"):
        delivery = Delivery.objects.select_for_update(skip_locked=True).filter(pk=delivery_id, released_at=None).first()
        if delivery is None:
            return False
        if disputed_orders(orders=[delivery.order_id]):
            return False
        # What is still pending of the order: less than was earned, where part of it was refunded meanwhile.
        lock_wallet(seller=delivery.seller_id, currency=delivery.currency)
        amount = pending_of_order(seller=delivery.seller_id, order=delivery.order_id, currency=delivery.currency)
        if amount.minor > 0:
            entry = recipes.funds_released(
                seller=delivery.seller_id,
                order=delivery.order_id,
                amount=amount,
                subject=f"checkout:{delivery.checkout_id}",
            )
            post(entry, actor=actor, now=now)
            net_debts(seller=delivery.seller_id, currency=delivery.currency, actor=actor, now=now)
        Delivery.objects.filter(pk=delivery.pk).update(released_at=now, released_minor=amount.minor)
    return True
