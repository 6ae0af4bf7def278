"""The journal as exporters read it: opening balances, entries in the order of their days, closing balances."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from ledger import reports, selectors
from ledger.chart import AccountType
from ledger.money import Money
from ledger.reports import Period
from ledger.selectors import AccountBalance
from operations import database


@dataclass(frozen=True, kw_only=True)
class ExportedLine:
    """One debit (positive) or credit (negative)."""

    position: int
    account: str
    type: AccountType
    amount: Money
    item: str


@dataclass(frozen=True, kw_only=True)
class ExportedEntry:
    """One journal entry with its lines, in the order of its recipe."""

    id: int
    recipe: str
    reference: str
    subject: str
    description: str
    actor: str
    business_date: date
    value_date: date
    recorded_at: datetime
    lines: tuple[ExportedLine, ...]


@dataclass(frozen=True, kw_only=True)
class ExportedBooks:
    """What stands around the entries of an export: the days that it covers, and the balances at both ends.

    `first` is the day of the opening balances, or of the first entry; `checked_on` is the morning after the last
    day, when the closing balances must hold.
    """

    period: Period
    first: date
    checked_on: date
    opening: tuple[AccountBalance, ...]
    closing: tuple[AccountBalance, ...]

    @property
    def currencies(self) -> list[str]:
        """Return the currencies of the accounts."""
        return sorted({found.currency for found in self.closing})


def exported_books(*, period: Period) -> ExportedBooks | None:
    """Return the frame of an export; None where nothing was ever booked up to the period's end."""
    closing = tuple(selectors.trial_balance(on=period.until))
    span = database.fetch_one(database.queries("ledger", "reports.sql")["books_span"])
    if not closing or span["first"] is None or (period.until and period.until < span["first"]):
        return None
    first = max(period.since or span["first"], date.min + timedelta(days=1))
    last = max(min(period.until or span["last"], span["last"]), first)
    return ExportedBooks(
        period=period,
        first=first,
        checked_on=min(last, date.max - timedelta(days=1)) + timedelta(days=1),
        opening=tuple(found for found in reports.opening_balances(period=period) if found.debit_minor),
        closing=closing,
    )


def entries(*, books: ExportedBooks) -> Iterator[ExportedEntry]:
    """Yield the entries of an export by business day, then in the order in which they were written."""
    query = database.queries("ledger", "reports.sql")["journal"]
    for month in _months(books.first, books.checked_on):
        for _, rows in groupby(database.stream(query, month), key=itemgetter("id")):
            yield _entry(list(rows))


def _months(first: date, end: date) -> Iterator[dict[str, date]]:
    """Yield the days from `first` until before `end` month by month: as the journal lies in the database."""
    while first < end:
        next_month = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield {"first": first, "last": min(next_month, end) - timedelta(days=1)}
        first = next_month


def _entry(rows: list[dict[str, Any]]) -> ExportedEntry:
    head = rows[0]
    return ExportedEntry(
        id=head["id"],
        recipe=head["recipe"],
        reference=head["reference"],
        subject=head["subject"],
        description=head["description"],
        actor=head["actor"],
        business_date=head["business_date"],
        value_date=head["value_date"],
        recorded_at=head["recorded_at"],
        lines=tuple(
            ExportedLine(
                position=row["position"],
                account=row["code"],
                type=AccountType(row["type"]),
                amount=Money(int(row["amount_minor"]), row["currency"]),
                item=row["item"],
            )
            for row in rows
        ),
    )
