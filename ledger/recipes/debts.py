"""Debts of sellers: what refunds, disputes and cash sales left owing to us, netted from earnings or given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ledger import chart
from ledger.entries import Entry, credit, debit
from ledger.money import Money
from ledger.recipes.common import Event


@dataclass(frozen=True, kw_only=True)
class Debt:
    """An open item of a seller's receivable account: what it comes from, how much is owed, and since when."""

    item: str
    amount: Money
    since: datetime


def net_oldest_first(debts: Sequence[Debt], available: Money) -> list[tuple[str, Money]]:
    """Return what to take for each debt, the oldest first, as far as the available money goes.

    Debts of the same moment are taken in the order of their items, so that the answer is always the same. Raises
    CurrencyMismatch.
    """
    left = available
    parts: list[tuple[str, Money]] = []
    for debt in sorted(debts, key=lambda debt: (debt.since, debt.item)):
        remaining = left - debt.amount
        taken = debt.amount if remaining.minor >= 0 else left
        if taken.minor <= 0:
            continue
        parts.append((debt.item, taken))
        left = left - taken
    return parts


def debt_netted(
    *,
    seller: str,
    netting: str,
    amount: Money,
    parts: Sequence[tuple[str, Money]],
    subject: str = "",
) -> Entry:
    """Record that a seller's earnings paid what the seller owed us.

    Takes the debts' items with what is paid of each, as `net_oldest_first` returns them; together they are the
    amount.

    Dr  seller:{seller}:available    amount
    Cr  seller:{seller}:receivable   its part, for each debt
    """
    event = Event("debt_netted", netting)
    event.positive(amount=amount)
    event.positive(**{f"the part of {item}": part for item, part in parts})
    event.sums("amount", amount, [part for _, part in parts])
    lines = [
        debit(chart.available(seller), amount, netting),
        *(credit(chart.receivable(seller), part, item) for item, part in parts),
    ]
    return event.entry(lines, subject=subject)


def debt_written_off(
    *,
    seller: str,
    write_off: str,
    item: str,
    amount: Money,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that we gave up a debt, which two people decided.

    Dr  losses:write_off             amount
    Cr  seller:{seller}:receivable   amount
    """
    event = Event("debt_written_off", write_off)
    event.positive(amount=amount)
    lines = [debit(chart.WRITE_OFFS, amount, item), credit(chart.receivable(seller), amount, item)]
    return event.entry(lines, subject=subject, value_date=value_date)
