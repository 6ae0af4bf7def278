"""Account statements: opening, lines, closing. Those of all accounts are the general ledger, in `general_ledger`.

Opening and lines sum to closing, always. Balances stand on the account's normal side; a line's `debit` is
positive for a debit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from ledger import chart, selectors
from ledger.chart import AccountType
from ledger.money import Money
from ledger.reports import Period
from operations import database
from operations.edges import snapshot


@dataclass(frozen=True, kw_only=True)
class StatementLine:
    """One line of an account, with the event it belongs to and the balance after it.

    `counterparts` are the accounts on the other side of its entry, in its currency, in the order of the recipe.
    """

    line_id: int
    entry_id: int
    business_date: date
    value_date: date
    recorded_at: datetime
    recipe: str
    reference: str
    subject: str
    item: str
    counterparts: tuple[str, ...]
    debit: Money
    balance: Money


@dataclass(frozen=True, kw_only=True)
class AccountStatement:
    """An account between two days.

    Where there are more lines than were asked for, `omitted_lines` of them, which moved the balance by `omitted`,
    come after `lines`; so opening + lines + omitted is closing.
    """

    code: str
    currency: str
    type: AccountType
    period: Period
    opening: Money
    lines: tuple[StatementLine, ...]
    omitted_lines: int
    omitted: Money
    closing: Money


@dataclass(frozen=True, kw_only=True)
class AccountHeading:
    """Where an account's statement begins or ends within the general ledger: its balance there."""

    code: str
    currency: str
    type: AccountType
    balance: Money


@dataclass(frozen=True, kw_only=True)
class LedgerRow:
    """One row of the general ledger: an account's opening, one of its lines, or its closing."""

    account: AccountHeading
    line: StatementLine | None
    is_closing: bool = False


def account_statement(*, code: str, currency: str, period: Period, limit: int | None = None) -> AccountStatement:
    """Return an account's statement, with at most `limit` lines.

    An account of the chart in which nothing was ever booked has an empty one. Raises UnknownAccount.
    """
    kind = chart.template_of(code).type
    wanted = {"code": code, "currency": currency, **period.bounds}
    sql = database.queries("ledger", "reports.sql")
    omitted_lines = 0
    with snapshot():
        opening = opening_of(code, currency, period)
        rows = database.fetch_all(sql["statement_lines"], {**wanted, "limit": None if limit is None else limit + 1})
        lines = list(carried_on(iter(rows[:limit]), opening, kind))
        closing = shown = lines[-1].balance if lines else opening
        if limit is not None and len(rows) > limit:
            closing = selectors.balance(code=code, currency=currency, on=period.until)
            omitted_lines = int(database.fetch_one(sql["count_statement_lines"], wanted)["lines"]) - len(lines)
    return AccountStatement(
        code=code,
        currency=currency,
        type=kind,
        period=period,
        opening=opening,
        lines=tuple(lines),
        omitted_lines=omitted_lines,
        omitted=closing - shown,
        closing=closing,
    )


def account_rows(*, code: str, currency: str, period: Period) -> Iterator[LedgerRow]:
    """Yield an account's statement row by row, however many lines it has. Raises UnknownAccount."""
    kind = chart.template_of(code).type
    opening = AccountHeading(code=code, currency=currency, type=kind, balance=opening_of(code, currency, period))
    rows = database.stream(
        database.queries("ledger", "reports.sql")["statement_lines"],
        {"code": code, "currency": currency, **period.bounds, "limit": None},
    )
    yield from rows_of(opening, rows)


def opening_of(code: str, currency: str, period: Period) -> Money:
    """Return an account's balance before the period's first day."""
    if period.day_before is None:
        return Money(0, currency)
    return selectors.balance(code=code, currency=currency, on=period.day_before)


def rows_of(opening: AccountHeading, rows: Iterator[dict[str, Any]]) -> Iterator[LedgerRow]:
    """Yield an account's rows, from its opening over its lines to its closing."""
    yield LedgerRow(account=opening, line=None)
    balance = opening.balance
    for line in carried_on(rows, opening.balance, opening.type):
        balance = line.balance
        yield LedgerRow(account=opening, line=line)
    yield LedgerRow(account=replace(opening, balance=balance), line=None, is_closing=True)


def carried_on(rows: Iterator[dict[str, Any]], opening: Money, kind: AccountType) -> Iterator[StatementLine]:
    """Yield rows of the database as lines, each with the balance that it leaves."""
    balance = opening
    for row in rows:
        debit = Money(int(row["amount_minor"]), opening.currency)
        balance = balance + debit if kind.debit_normal else balance - debit
        yield StatementLine(
            line_id=row["line_id"],
            entry_id=row["entry_id"],
            business_date=row["business_date"],
            value_date=row["value_date"],
            recorded_at=row["recorded_at"],
            recipe=row["recipe"],
            reference=row["reference"],
            subject=row["subject"],
            item=row["item"],
            counterparts=tuple(row["counterparts"]),
            debit=debit,
            balance=balance,
        )
