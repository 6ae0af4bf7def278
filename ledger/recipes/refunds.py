"""Refunds: money back to the buyer, and its late failure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ledger import chart
from ledger.entries import Entry, Line, credit, debit, mirrored
from ledger.money import Money
from ledger.recipes.common import Event, nothing
from ledger.recipes.sales import tax_lines


@dataclass(frozen=True, kw_only=True)
class RefundSplit:
    """What one sale bears of a refund or of a lost dispute: the seller's parts, and what we give back ourselves.

    The seller's part comes from what is still pending of the sale, else from its reserve, else from what is
    available, else it is owed to us; who makes the split decides. `tax` names the tax on our commission.
    """

    seller: str
    order: str
    from_pending: Money
    from_available: Money
    from_receivable: Money
    commission_back: Money
    from_reserved: Money | None = None
    tax_back: Money | None = None
    tax: str = ""

    @property
    def parts(self) -> dict[str, Money]:
        """Return the parts by name."""
        zero = nothing(self.commission_back)
        return {
            "from_pending": self.from_pending,
            "from_reserved": self.from_reserved or zero,
            "from_available": self.from_available,
            "from_receivable": self.from_receivable,
            "commission_back": self.commission_back,
            "tax_back": self.tax_back or zero,
        }

    @property
    def total(self) -> Money:
        """Return the sum of the parts."""
        return sum(self.parts.values(), start=nothing(self.commission_back))


def refund_succeeded(
    *,
    psp: str,
    refund: str,
    amount: Money,
    split: RefundSplit | Sequence[RefundSplit],
    platform_loss: Money | None = None,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that a buyer got money back: the seller bears it, and we give our commission back.

    Takes one split for each sale that the refund is about, and our own loss: what was under way already when a lost
    dispute took the sale back. Together they are the amount.

    Dr  seller:{seller}:pending      what is still pending of the sale
    Dr  seller:{seller}:reserved     else from its reserve
    Dr  seller:{seller}:available    else from what is available
    Dr  seller:{seller}:receivable   else the seller owes it to us
    Dr  platform:commission          commission given back
    Dr  tax:{tax}                    tax on that commission
    Dr  losses:disputes              what a lost dispute had left nothing of
    Cr  psp:{psp}:clearing           the refund
    """
    event = Event("refund_succeeded", refund)
    lines = [*borne(event, refund, amount, split, platform_loss), credit(chart.clearing(psp), amount, refund)]
    return event.entry(lines, subject=subject, value_date=value_date)


def refund_failed_late(
    *,
    psp: str,
    refund: str,
    amount: Money,
    split: RefundSplit | Sequence[RefundSplit],
    platform_loss: Money | None = None,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that a refund which had succeeded never reached the buyer: the provider holds the money again.

    Takes the split that the refund was booked with, and books it back. What the seller owed for it and has paid by
    now is given back as available: the split then says so.

    Dr  psp:{psp}:clearing           the refund
    Cr  seller:{seller}:pending      what was taken from it
    Cr  seller:{seller}:reserved     what was taken from it
    Cr  seller:{seller}:available    what was taken from it
    Cr  seller:{seller}:receivable   what the seller owed for it
    Cr  platform:commission          commission that had been given back
    Cr  tax:{tax}                    tax on that commission
    Cr  losses:disputes              what we had borne
    """
    event = Event("refund_failed_late", refund)
    back = mirrored(borne(event, refund, amount, split, platform_loss))
    return event.entry([debit(chart.clearing(psp), amount, refund), *back], subject=subject, value_date=value_date)


def bearers(event: Event, split: RefundSplit | Sequence[RefundSplit]) -> list[RefundSplit]:
    """Return one split or several as a list, each looked at. Raises AmountNegative for a part below zero."""
    splits = [split] if isinstance(split, RefundSplit) else list(split)
    for each in splits:
        event.not_negative(**{f"{name} of {each.order}": part for name, part in each.parts.items()})
    return splits


def borne_lines(event: Event, split: RefundSplit) -> list[Line]:
    """Return the debits of all who bear a part. Raises BadArgument for a tax without a name."""
    parts = split.parts
    return [
        debit(chart.pending(split.seller), parts["from_pending"], split.order),
        debit(chart.reserved(split.seller), parts["from_reserved"], split.order),
        debit(chart.available(split.seller), parts["from_available"], split.order),
        debit(chart.receivable(split.seller), parts["from_receivable"], split.order),
        debit(chart.COMMISSION, parts["commission_back"], split.order),
        *tax_lines(event, name=split.tax, amount=parts["tax_back"], item=split.order),
    ]


def borne(
    event: Event, item: str, amount: Money, split: RefundSplit | Sequence[RefundSplit], platform_loss: Money | None
) -> list[Line]:
    """Return the debits of all who bear an amount: the sales, and we under the refund's or the dispute's own item.

    Raises SplitDoesNotSum, AmountNegative, AmountNotPositive, BadArgument.
    """
    splits, loss = bearers(event, split), platform_loss or nothing(amount)
    event.positive(amount=amount)
    event.not_negative(platform_loss=loss)
    event.sums("amount", amount, [*(each.total for each in splits), loss])
    lines = [line for each in splits for line in borne_lines(event, each)]
    return [*lines, debit(chart.DISPUTE_LOSSES, loss, item)]
