"""A refund of a whole checkout, or of an amount of it: split over its sellers' orders, one refund each."""

from collections.abc import Sequence
from datetime import datetime

from ledger.money import CurrencyMismatch, Money
from operations import idempotency
from operations.edges import money_tx
from operations.services import require_running
from payments.errors import UnknownPayment
from payments.gateway import provider
from payments.models import Attempt, Checkout, PaymentOrder, Refund
from payments.services.common import require_representable
from payments.services.refunds import NotRefundable, RefundExceedsPaid, hand_on, request_refund_in_tx
from payments.states import OrderState

# Between the ids of the refunds that one key made.
_COMMA = ","


def refund_checkout(
    *,
    storefront: str,
    checkout_id: str,
    amount: Money | None,
    reason: str,
    key: str,
    fingerprint: str,
    actor: str,
    now: datetime,
) -> tuple[list[Refund], int]:
    """Reserve a refund of each order of a checkout that was paid, and have them sent; all that is left, or an amount.

    An amount is split in proportion to what is left of each order, by the largest remainder, ties to the order that
    comes first; in the provider's steps of the currency. Of orders that get nothing of it there is no refund. Either
    all are reserved or none. Where it takes what is given back of the checkout above the limit, each is sent once a
    second person agrees.

    Returns the refunds and the idempotency key's row; the same key again is the same refunds. Raises UnknownPayment,
    NotRefundable, PaymentDisputed, RefundExceedsPaid, AmountNotRepresentable, CurrencyMismatch, KeyReused,
    RequestInProgress, Stopped.
    """
    with money_tx("refunds.request_all"):
        claim = idempotency.claim(scope=f"storefront:{storefront}", key=key, fingerprint=fingerprint, now=now)
        if not claim.fresh:
            found = Refund.objects.select_related("order").in_bulk(claim.subject.split(_COMMA))
            return [found[each] for each in claim.subject.split(_COMMA)], claim.key_id
        orders = _paid_orders(storefront, checkout_id)
        require_running("refunds")
        shares = split(orders, amount, of=checkout_id)
        # With what was given back of it before: in parts it is no less.
        given = sum((order.refunded for order in orders), start=Money(0, orders[0].currency))
        whole = sum(shares, start=given)
        refunds = [
            request_refund_in_tx(order=order, amount=share, reason=reason, actor=actor, now=now, part_of=whole)
            for order, share in zip(orders, shares, strict=True)
            if share.minor
        ]
        idempotency.bind(key_id=claim.key_id, subject=_COMMA.join(refund.id for refund in refunds))
        for refund in refunds:
            hand_on(refund, now=now)
    return refunds, claim.key_id


def split(orders: Sequence[PaymentOrder], amount: Money | None, *, of: str) -> list[Money]:
    """Return what each of these orders gives of an amount, or of all that is left of them.

    Raises NotRefundable where nothing is left, RefundExceedsPaid, CurrencyMismatch, AmountNotRepresentable.
    """
    left = [order.captured - order.refunded for order in orders]
    whole = sum(left, start=Money(0, orders[0].currency))
    if not whole.minor:
        raise NotRefundable(payment_id=of, state="refunded already")
    if amount is None:
        return left
    if amount.currency != whole.currency:
        raise CurrencyMismatch(left=whole.currency, right=amount.currency)
    if (whole - amount).minor < 0 or amount.minor <= 0:
        raise RefundExceedsPaid(amount=str(amount), left=str(whole), payment_id=of)
    gateway = provider(Attempt.objects.get(pk=orders[0].paid_by_id).psp)
    require_representable(amount, gateway, field="amount")
    # In steps of the provider's: what was captured of an order, and refunded of it, is a whole number of them.
    step = gateway.step_of(amount.currency)
    steps = Money(amount.minor // step, amount.currency).allocate([each.minor // step for each in left])
    return [Money(each.minor * step, amount.currency) for each in steps]


def _paid_orders(storefront: str, checkout_id: str) -> list[PaymentOrder]:
    """Return, locked, the orders of a checkout that were paid. Raises UnknownPayment, NotRefundable."""
    checkout = Checkout.objects.filter(storefront=storefront, checkout_id=checkout_id).first()
    if checkout is None:
        raise UnknownPayment(payment_id=checkout_id)
    rows = list(PaymentOrder.objects.select_for_update().filter(checkout=checkout).order_by("pk"))
    paid = [order for order in rows if order.state == OrderState.SUCCESS]
    if not paid:
        latest = max(rows, key=lambda order: order.cart)
        raise NotRefundable(payment_id=checkout_id, state=latest.state)
    return paid
