"""From delivered to available: the storefront reports, the hold runs, the money is released."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.db.models import Q

from ledger import recipes
from ledger.money import Money
from ledger.selectors import entries_about, pending_of_order
from ledger.services import lock_wallet, post
from operations.edges import money_tx
from operations.errors import DomainError
from operations.services import record_audit
from payments.selectors import PaidOrder, disputed_orders, paid_order
from payouts.models import Delivery
from payouts.services.debts import net_debts

# How many deliveries are looked through at once for those that may be released.
_PAGE = 500
# A storefront's clock may be a little ahead of ours, or behind.
CLOCK_SKEW = timedelta(minutes=5)


class OrderNotPaid(DomainError):
    """The payment {payment_order_id!r} is not paid: nothing can be released for it."""

    code = "order_not_paid"


class DeliveryInFuture(DomainError):
    """The delivery of {payment_order_id!r} is dated {delivered_at}, which is in the future."""

    code = "delivery_in_future"
    parameter = "delivered_at"


class DeliveryBeforePayment(DomainError):
    """The delivery of {payment_order_id!r} is dated {delivered_at}, and its payment was accepted at {accepted_at}."""

    code = "delivery_before_payment"
    parameter = "delivered_at"


class DeliveryAlreadyReported(DomainError):
    """The delivery of {payment_order_id!r} was reported already, for {first}."""

    code = "delivery_already_reported"
    parameter = "delivered_at"


def report_delivery(
    *, storefront: str, payment_order_id: str, delivered_at: datetime, actor: str, now: datetime
) -> tuple[Delivery, bool]:
    """Note that a paid order was delivered; the hold runs from that moment. The same report again is no new one.

    Returns the delivery and whether it is new. Raises UnknownPayment, OrderNotPaid, DeliveryInFuture,
    DeliveryBeforePayment, and DeliveryAlreadyReported when another moment was reported before.
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
            _require_after(order, delivered_at, payment_order_id=payment_order_id)
            record_audit(action="payouts.delivery.reported", actor=actor, subject=f"order:{order.order}", now=now)
    return delivery, created


def _require_after(order: PaidOrder, delivered_at: datetime, *, payment_order_id: str) -> None:
    """Raise DeliveryBeforePayment for a moment at which the order's payment had not been accepted."""
    if delivered_at < order.accepted_at - CLOCK_SKEW:
        raise DeliveryBeforePayment(
            payment_order_id=payment_order_id,
            delivered_at=delivered_at.isoformat(),
            accepted_at=order.accepted_at.isoformat(),
        )


def release_due(*, limit: int, actor: str, now: datetime) -> int:
    """Release what was delivered and whose hold is over. Returns how many orders were released.

    What a buyer's bank disputes waits until that is decided, and keeps nothing behind it waiting. Debts are paid from
    what is released.
    """
    released = (delivery for delivery in _due(now=now) if _release(delivery, actor=actor, now=now))
    return sum(1 for _ in islice(released, limit))


def release_again(*, order: str, now: datetime) -> None:
    """Let an order be released of which something became pending after its release (a job).

    Its money came back when there had been nothing to release, or more of it was captured.
    """
    with money_tx("deliveries.again"):
        delivery = Delivery.objects.select_for_update().filter(order_id=order).exclude(released_at=None).first()
        if delivery is not None and _pending(delivery).minor > 0:
            Delivery.objects.filter(pk=delivery.pk).update(released_at=None)


def _due(*, now: datetime) -> Iterator[int]:
    """Yield the deliveries whose hold is over, the oldest first, but for those that are disputed."""
    due = Delivery.objects.filter(released_at=None, release_at__lte=now).order_by("release_at", "pk")
    page = list(due[:_PAGE])
    while page:
        disputed = disputed_orders(orders=[delivery.order_id for delivery in page])
        yield from (delivery.pk for delivery in page if delivery.order_id not in disputed)
        last = page[-1]
        after = Q(release_at__gt=last.release_at) | Q(release_at=last.release_at, pk__gt=last.pk)
        page = list(due.filter(after)[:_PAGE])


def _release(delivery_id: int, *, actor: str, now: datetime) -> bool:
    with money_tx("deliveries.release"):
        delivery = Delivery.objects.select_for_update(skip_locked=True).filter(pk=delivery_id, released_at=None).first()
        if delivery is None:
            return False
        if disputed_orders(orders=[delivery.order_id]):
            return False
        # What is still pending of the order: less than was earned, where part of it was refunded meanwhile.
        lock_wallet(seller=delivery.seller_id, currency=delivery.currency)
        amount = _pending(delivery)
        if amount.minor > 0:
            entry = recipes.funds_released(
                seller=delivery.seller_id,
                order=delivery.order_id,
                amount=amount,
                number=_releases(delivery) + 1,
                subject=f"checkout:{delivery.checkout_id}",
            )
            post(entry, actor=actor, now=now)
            net_debts(seller=delivery.seller_id, currency=delivery.currency, actor=actor, now=now)
        released_minor = (delivery.released_minor or 0) + amount.minor
        Delivery.objects.filter(pk=delivery.pk).update(released_at=now, released_minor=released_minor)
    return True


def _pending(delivery: Delivery) -> Money:
    return pending_of_order(seller=delivery.seller_id, order=delivery.order_id, currency=delivery.currency)


def _releases(delivery: Delivery) -> int:
    """Return how often something of an order was released."""
    if not delivery.released_minor:
        return 0
    entries = entries_about(subjects=[f"checkout:{delivery.checkout_id}"])
    released = (entry for entry in entries if entry["recipe"] == "funds_released")
    return sum(any(line["item"] == delivery.order_id for line in entry["lines"]) for entry in released)
