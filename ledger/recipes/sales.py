"""Sales: paid at the provider, or in cash on delivery."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ledger import chart
from ledger.entries import Entry, Line, credit, debit, mirrored
from ledger.money import Money
from ledger.recipes.common import Event, NothingToBook, nothing


@dataclass(frozen=True, kw_only=True)
class Sale:
    """One seller's part of a purchase. `tax` names the tax on our commission, as in `vat_pt`."""

    order: str
    seller: str
    gross: Money
    commission: Money
    commission_tax: Money | None = None
    tax: str = ""

    @property
    def taxed(self) -> Money:
        """Return the tax on our commission; zero where there is none."""
        return self.commission_tax or nothing(self.commission)

    @property
    def ours(self) -> Money:
        """Return what the seller does not get: our commission and the tax on it."""
        return self.commission + self.taxed

    @property
    def earned(self) -> Money:
        """Return what the seller gets."""
        return self.gross - self.ours


def payment_captured(
    *,
    psp: str,
    charge: str,
    sales: Sequence[Sale],
    capture: str = "",
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that the provider holds the buyer's money, and that we owe each seller all but our commission.

    `capture` names the second and later captures of one charge; the first needs no other name than the charge's.

    Dr  psp:{psp}:clearing           gross of all sales
    Cr  seller:{seller}:pending      gross - commission - tax, for each sale
    Cr  platform:commission          commission, for each sale
    Cr  tax:{tax}                    tax on the commission, for each sale
    """
    event = Event("payment_captured", capture or charge)
    if not sales:
        raise NothingToBook(recipe=event.recipe, reference=event.reference, problem="there is no sale.")
    gross = sum((sale.gross for sale in sales[1:]), start=sales[0].gross)
    lines = [debit(chart.clearing(psp), gross, charge)]
    for sale in sales:
        _check(event, sale)
        lines += [credit(chart.pending(sale.seller), sale.earned, sale.order), *_ours(event, sale)]
    return event.entry(lines, subject=subject, value_date=value_date)


def cash_sale_reported(*, sale: Sale, subject: str = "", value_date: date | None = None) -> Entry:
    """Record that the buyer paid the seller in cash on delivery: we hold nothing, and the seller owes us our part.

    Dr  seller:{seller}:receivable   commission + tax
    Cr  platform:commission          commission
    Cr  tax:{tax}                    tax on the commission
    """
    event = Event("cash_sale_reported", sale.order)
    _check(event, sale)
    lines = [debit(chart.receivable(sale.seller), sale.ours, sale.order), *_ours(event, sale)]
    return event.entry(lines, subject=subject, value_date=value_date)


def cash_sale_canceled(
    *, sale: Sale, netted: Money | None = None, subject: str = "", value_date: date | None = None
) -> Entry:
    """Record that a cash sale was called off: the seller owes nothing for it, and gets back what was netted already.

    Takes the sale as it was reported, and how much of our part was meanwhile netted from other earnings.

    Dr  platform:commission          commission
    Dr  tax:{tax}                    tax on the commission
    Cr  seller:{seller}:receivable   commission + tax, as far as still owed
    Cr  seller:{seller}:available    what was netted already
    """
    event = Event("cash_sale_canceled", sale.order)
    _check(event, sale)
    back = netted or nothing(sale.ours)
    owed = sale.ours - back
    event.not_negative(**{"netted": back, "commission + tax - netted": owed})
    lines = [
        *mirrored(_ours(event, sale)),
        credit(chart.receivable(sale.seller), owed, sale.order),
        credit(chart.available(sale.seller), back, sale.order),
    ]
    return event.entry(lines, subject=subject, value_date=value_date)


def _check(event: Event, sale: Sale) -> None:
    event.positive(**{f"the gross of {sale.order}": sale.gross})
    event.not_negative(
        **{
            f"the commission of {sale.order}": sale.commission,
            f"the tax of {sale.order}": sale.taxed,
            f"the seller's part of {sale.order}": sale.earned,
        }
    )


def _ours(event: Event, sale: Sale) -> list[Line]:
    lines = [credit(chart.COMMISSION, sale.commission, sale.order)]
    return lines + tax_lines(event, name=sale.tax, amount=-sale.taxed, item=sale.order)


def tax_lines(event: Event, *, name: str, amount: Money, item: str) -> list[Line]:
    """Return the line of a tax, debits positive; none where there is no tax. Raises BadArgument without a name."""
    if not amount.minor:
        return []
    if not name:
        raise event.refuse("tax", f"must name the tax of {item}.")
    return [Line(account=chart.tax(name), amount=amount, item=item)]
