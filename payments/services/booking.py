"""What is posted when money was taken: the capture, by seller, and how the provider settled it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ledger import recipes
from ledger.money import Money
from ledger.services import post
from operations.lifecycle import move
from operations.services import enqueue
from payments.commissions import Commission, of_part
from payments.gateway import CheckoutFacts
from payments.models import Attempt, PaymentOrder
from payments.services.fees import book_settlement
from payments.states import OrderState

LATE = (OrderState.EXPIRED, OrderState.CANCELED, OrderState.FAILED)


def book_capture(
    attempt: Attempt,
    orders: Sequence[PaymentOrder],
    parts: Mapping[str, int],
    facts: CheckoutFacts,
    *,
    earlier: Money,
    now: datetime,
) -> None:
    """Post one capture, `parts` of it by order in minor units, and move the orders; in the caller's transaction.

    `earlier` is what was captured of the charge before: with nothing before it, the charge's id names the capture.
    """
    assert facts.paid_at is not None  # noqa: S101 - the reader fills both for everything that was captured
    assert facts.captured is not None  # noqa: S101
    taken = [order for order in orders if parts.get(order.id)]
    shares = {order.id: _share(order, parts[order.id]) for order in taken}
    entry = recipes.payment_captured(
        psp=attempt.psp,
        charge=facts.charge_ref,
        capture=f"{facts.charge_ref}:{facts.captured.minor}" if earlier.minor else "",
        sales=[_sale(order, parts[order.id], shares[order.id]) for order in taken],
        subject=f"checkout:{attempt.checkout_id}",
        value_date=facts.paid_at.date(),
    )
    post(entry, actor=f"psp:{attempt.psp}", now=now)
    settled = Money(sum(parts.values()), attempt.currency)
    book_settlement(attempt, facts, taken=settled, later=bool(earlier.minor), now=now)
    for order in taken:
        if order.state == OrderState.SUCCESS:
            # Where the order was delivered and released by now, this part of it was not.
            key = f"{order.id}:{order.captured_minor + parts[order.id]}"
            enqueue(kind="payouts.release_again", key=key, args={"order": order.id}, run_at=now)
        _captured(order, attempt, parts[order.id], shares[order.id], paid_at=facts.paid_at, now=now)


def _share(order: PaymentOrder, part_minor: int) -> Commission:
    return of_part(
        sold=Commission(commission=order.commission, tax=order.commission_tax),
        gross=order.amount,
        earlier=order.captured,
        part=Money(part_minor, order.currency),
    )


def _sale(order: PaymentOrder, part_minor: int, share: Commission) -> recipes.Sale:
    return recipes.Sale(
        order=order.id,
        seller=order.seller_id,
        gross=Money(part_minor, order.currency),
        commission=share.commission,
        commission_tax=share.tax,
        tax=order.tax,
    )


def _captured(
    order: PaymentOrder, attempt: Attempt, part_minor: int, share: Commission, *, paid_at: datetime, now: datetime
) -> None:
    changes: dict[str, Any] = {
        "captured_minor": order.captured_minor + part_minor,
        "captured_commission_minor": order.captured_commission_minor + share.commission.minor,
        "captured_tax_minor": order.captured_tax_minor + share.tax.minor,
    }
    if order.state == OrderState.SUCCESS:
        PaymentOrder.objects.filter(pk=order.pk).update(**changes)
        for name, value in changes.items():
            setattr(order, name, value)
        return
    changes |= {"ledger_updated": True, "wallet_updated": True, "paid_at": paid_at, "paid_by": attempt}
    move(order, "pay_late" if order.state in LATE else "succeed", actor=f"psp:{attempt.psp}", now=now, **changes)
