"""What the books say of one payment order: what was taken back for refunds and disputes, and from where.

Refunds and lost disputes bear on an order in the same way, so both are read here, from the entries themselves: what a
refund that failed late took is mirrored from what was posted, and no rounding is ever guessed a second time.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger import chart, recipes
from ledger.entries import Line
from ledger.money import Money
from ledger.selectors import entries_about, open_items, pending_of_order, reserved_of_order
from ledger.services import lock_wallet
from payments.commissions import Commission, given_back
from payments.models import PaymentOrder

# What takes a sale back, in part or whole; the last two undo it.
_TAKES_BACK = ("refund_succeeded", "dispute_lost", "loss_passed_on", "refund_failed_late", "dispute_recovered")
# By which a dispute is lost, and what was lost comes back, or was nobody's; each has a line under the dispute.
_OF_A_LOSS = ("dispute_lost", "loss_passed_on", "dispute_recovered", "unidentified_identified")


# One of a seller's accounts: the function of the chart that names it.
Part = Callable[[str], str]
_PARTS: tuple[Part, ...] = (chart.pending, chart.reserved, chart.available, chart.receivable)


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
        ours=_ours(lines, order),
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
    entries = _entries(order)
    [booked] = [entry for entry in entries if (entry["recipe"], entry["reference"]) == (recipe, reference)]
    # What was ours of it at first may have become the sale's since.
    passed_on = [entry for entry in entries if entry["recipe"] == "loss_passed_on" and _is_about(entry, reference)]
    lines = [line for entry in (booked, *passed_on) for line in _lines_of(entry, order)]
    parts = _parts(lines, order)
    return put_back(
        order,
        parts,
        seller_part=sum(parts.values(), start=Money(0, order.currency)),
        ours=_ours(lines, order),
    )


def put_back(
    order: PaymentOrder, parts: Mapping[Part, Money], *, seller_part: Money, ours: Commission
) -> recipes.RefundSplit:
    """Return where it goes that a seller gets back, and what we get back beside it.

    `parts` is what was taken from where and is not back yet. Locks the seller's wallet in the caller's transaction.
    """
    lock_wallet(seller=order.seller_id, currency=order.currency)
    done = {entry["recipe"] for entry in _entries(order) if entry["reference"] == order.id}
    nothing = Money(0, order.currency)
    left = seller_part
    pending = nothing if "funds_released" in done else at_most(left, parts[chart.pending])
    left -= pending
    reserved = nothing if "reserve_released" in done else at_most(left, parts[chart.reserved])
    left -= reserved
    owed = at_most(at_most(left, parts[chart.receivable]), still_owed(order.seller_id, order.id, order.currency))
    return recipes.RefundSplit(
        seller=order.seller_id,
        order=order.id,
        from_pending=pending,
        from_reserved=reserved,
        from_available=left - owed,
        from_receivable=owed,
        commission_back=ours.commission,
        tax_back=ours.tax,
        tax=order.tax,
    )


def taken_by(order: PaymentOrder, *, dispute: str) -> tuple[dict[Part, Money], Commission]:
    """Return what the loss of a dispute (the provider's id) took of an order, and recoveries did not bring back yet.

    By where the seller had it, and our commission with its tax.
    """
    lines = [line for entry in entries_of_loss(order.checkout_id, dispute) for line in _lines_of(entry, order)]
    return _parts(lines, order), _ours(lines, order)


def entries_of_loss(checkout: str, dispute: str) -> list[dict[str, Any]]:
    """Return the entries by which a dispute (the provider's id) was lost, and what was lost came back."""
    entries = entries_about(subjects=[f"checkout:{checkout}"])
    return [entry for entry in entries if entry["recipe"] in _OF_A_LOSS and _is_about(entry, dispute)]


def losses_of_ours(order: PaymentOrder, items: Collection[str]) -> list[tuple[str, Money]]:
    """Return what we bear of some disputes and refunds (the provider's ids), as far as we bear any."""
    lines = [Line(**line) for entry in _entries(order) for line in entry["lines"]]
    ours = [line for line in lines if line.account == chart.DISPUTE_LOSSES]
    found = [(item, _sum([line for line in ours if line.item == item], order)) for item in items]
    return [(item, amount) for item, amount in found if amount.minor > 0]


def at_most(wanted: Money, there: Money) -> Money:
    """Return what is wanted, as far as it is there."""
    return Money(max(0, min(wanted.minor, there.minor)), wanted.currency)


def still_owed(seller: str, item: str, currency: str) -> Money:
    """Return what a seller still owes us for an order or for a dispute's fee."""
    items = open_items(code=chart.receivable(seller), currency=currency)
    return sum((each.debit for each in items if each.item == item), start=Money(0, currency))


def _is_about(entry: Mapping[str, Any], item: str) -> bool:
    return any(line["item"] == item for line in entry["lines"])


def _parts(lines: Sequence[Line], order: PaymentOrder) -> dict[Part, Money]:
    return {of: _sum([line for line in lines if line.account == of(order.seller_id)], order) for of in _PARTS}


def _ours(lines: Sequence[Line], order: PaymentOrder) -> Commission:
    return Commission(
        commission=_sum([line for line in lines if line.account == chart.COMMISSION], order),
        tax=_sum([line for line in lines if line.account.startswith("tax:")], order),
    )


def _entries(order: PaymentOrder) -> list[dict[str, Any]]:
    return entries_about(subjects=[f"checkout:{order.checkout_id}"])


def _lines_of(entry: dict[str, Any], order: PaymentOrder) -> list[Line]:
    return [Line(**line) for line in entry["lines"] if line["item"] == order.id]


def _sum(lines: Sequence[Line], order: PaymentOrder) -> Money:
    return sum((line.amount for line in lines), start=Money(0, order.currency))
