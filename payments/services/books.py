"""What the books say of one payment order: what was taken back for refunds and disputes, and from where.

Refunds and lost disputes bear on an order in the same way, so both are read here, from the entries themselves: what a
refund that failed late took is mirrored from what was posted, and no rounding is ever guessed a second time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger import chart, recipes
from ledger.entries import Line
from ledger.money import Money
from ledger.selectors import entries_about, open_items, pending_of_order, reserved_of_order
from ledger.services import lock_wallet
from payments.commissions import Commission, given_back
from payments.models import PaymentOrder

# What takes a sale back, in part or whole; the last one undoes the first.
_TAKES_BACK = ("refund_succeeded", "dispute_lost", "refund_failed_late")


@dataclass(frozen=True, kw_only=True)
class TakenBack:
    """What refunds and lost disputes took of one order so far, all parts together, and what of it we gave back."""

    total: Money
    ours: Commission


def taken_back(order: PaymentOrder) -> TakenBack:
    """Return what the books have taken back of an order so far, late failures subtracted."""
    lines = [line for entry in _entries(order) if entry["recipe"] in _TAKES_BACK for line in _lines_of(entry, order)]
    return TakenBack(
        total=_sum(lines, order),
        ours=Commission(
            commission=_sum([line for line in lines if line.account == chart.COMMISSION], order),
            tax=_sum([line for line in lines if line.account.startswith("tax:")], order),
        ),
    )


def what_bears(order: PaymentOrder, amount: Money, *, spent: Money | None = None) -> recipes.RefundSplit:
    """Split what is taken back of a sale: our share as of the sale, the rest from what the seller has, in order.

    `spent` is what the same entry takes already from what the seller has available. Locks the seller's wallet in the
    caller's transaction.
    """
    wallet = lock_wallet(seller=order.seller_id, currency=order.currency)
    earlier = taken_back(order)
    back = given_back(
        sold=Commission(commission=order.captured_commission, tax=order.captured_tax),
        gross=order.captured,
        earlier=earlier.total,
        refund=amount,
        already=earlier.ours,
    )
    nothing = Money(0, order.currency)
    of_order = {"seller": order.seller_id, "order": order.id, "currency": order.currency}
    left = amount - back.commission - back.tax
    from_pending = at_most(left, pending_of_order(**of_order))
    left -= from_pending
    # What was kept back of the sale is there for this; another sale's reserve is not.
    from_reserved = at_most(left, reserved_of_order(**of_order)) if wallet.reserved.minor else nothing
    left -= from_reserved
    from_available = at_most(left, wallet.available - spent if spent else wallet.available)
    return recipes.RefundSplit(
        seller=order.seller_id,
        order=order.id,
        from_pending=from_pending,
        from_reserved=from_reserved,
        from_available=from_available,
        from_receivable=left - from_available,
        commission_back=back.commission,
        tax_back=back.tax,
        tax=order.tax,
    )


def as_given_back(order: PaymentOrder, *, recipe: str, reference: str) -> recipes.RefundSplit:
    """Return how an entry that took a sale back is undone: the parts as booked, put where they can be used now.

    What was pending or in reserve and has been released since comes back as available, and so does what the seller
    owed and has paid by now. Locks the seller's wallet in the caller's transaction.
    """
    lock_wallet(seller=order.seller_id, currency=order.currency)
    entries = _entries(order)
    [booked] = [entry for entry in entries if (entry["recipe"], entry["reference"]) == (recipe, reference)]
    lines = _lines_of(booked, order)
    done = {entry["recipe"] for entry in entries if entry["reference"] == order.id}
    parts = {of: _sum([line for line in lines if line.account == of(order.seller_id)], order) for of in _PARTS}
    nothing = Money(0, order.currency)
    pending = nothing if "funds_released" in done else parts[chart.pending]
    reserved = nothing if "reserve_released" in done else parts[chart.reserved]
    owed = at_most(parts[chart.receivable], _owed(order))
    seller_parts = sum((parts[of] for of in _PARTS), start=nothing)
    return recipes.RefundSplit(
        seller=order.seller_id,
        order=order.id,
        from_pending=pending,
        from_reserved=reserved,
        from_available=seller_parts - pending - reserved - owed,
        from_receivable=owed,
        commission_back=_sum([line for line in lines if line.account == chart.COMMISSION], order),
        tax_back=_sum([line for line in lines if line.account.startswith("tax:")], order),
        tax=order.tax,
    )


def at_most(wanted: Money, there: Money) -> Money:
    """Return what is wanted, as far as it is there."""
    return Money(max(0, min(wanted.minor, there.minor)), wanted.currency)


_PARTS = (chart.pending, chart.reserved, chart.available, chart.receivable)


def _owed(order: PaymentOrder) -> Money:
    """Return what the seller still owes us for an order."""
    items = open_items(code=chart.receivable(order.seller_id), currency=order.currency)
    return sum((item.debit for item in items if item.item == order.id), start=Money(0, order.currency))


def _entries(order: PaymentOrder) -> list[dict[str, Any]]:
    return entries_about(subjects=[f"checkout:{order.checkout_id}"])


def _lines_of(entry: dict[str, Any], order: PaymentOrder) -> list[Line]:
    return [Line(**line) for line in entry["lines"] if line["item"] == order.id]


def _sum(lines: Sequence[Line], order: PaymentOrder) -> Money:
    return sum((line.amount for line in lines), start=Money(0, order.currency))
