"""The books as CSV, each with one header row: journal, account statements, trial balance.

Amounts are plain decimals in major units (`-12.30`), and integers in minor units beside them, debits positive. What a
cell of text may begin with is decided in `cells`.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date

from ledger.exports.cells import Cell, row_of, safe, sides
from ledger.exports.journal import ExportedEntry, entries, exported_books
from ledger.general_ledger import AccountChoice, general_ledger
from ledger.money import Money
from ledger.reports import Period, opening_balances
from ledger.selectors import AccountBalance, trial_balance
from ledger.statements import LedgerRow, account_rows
from operations.edges import snapshot

_JOURNAL = (
    *("entry", "position", "business_date", "value_date", "recorded_at", "recipe", "reference", "subject"),
    *("description", "actor", "account", "type", "item", "currency", "debit", "credit", "debit_minor"),
)
_STATEMENT = (
    *("account", "currency", "type", "row", "business_date", "value_date", "recorded_at", "entry", "recipe"),
    *("reference", "subject", "item", "counterparts", "debit", "credit", "debit_minor", "balance", "balance_minor"),
)
_TRIAL_BALANCE = (
    *("account", "type", "currency", "opening", "movement", "debit", "credit"),
    *("opening_minor", "movement_minor", "debit_minor"),
)


def journal_csv(*, since: date | None = None, until: date | None = None) -> Iterator[str]:
    """Yield the journal, one line a row. Raises PeriodReversed."""
    period = Period(since=since, until=until)
    with snapshot():
        yield row_of(_JOURNAL)
        books = exported_books(period=period)
        if books is None:
            return
        for position, found in enumerate(books.opening):
            yield _opening_row(position, found, books.first)
        for entry in entries(books=books):
            yield _entry_rows(entry)


def statement_csv(*, code: str, currency: str, since: date | None = None, until: date | None = None) -> Iterator[str]:
    """Yield an account's statement.

    `debit_minor` is signed, balances stand on the account's normal side; `counterparts` are the accounts on the other
    side, with a blank between them. Raises PeriodReversed, UnknownAccount.
    """
    period = Period(since=since, until=until)
    with snapshot():
        yield row_of(_STATEMENT)
        for row in account_rows(code=code, currency=currency, period=period):
            yield _statement_row(row)


def general_ledger_csv(
    *, since: date | None = None, until: date | None = None, choice: AccountChoice | None = None
) -> Iterator[str]:
    """Yield the statements of all chosen accounts, in the form of `statement_csv`.

    Raises PeriodReversed, NoAccounts.
    """
    period = Period(since=since, until=until)
    with snapshot():
        yield row_of(_STATEMENT)
        for row in general_ledger(period=period, choice=choice):
            yield _statement_row(row)


def trial_balance_csv(*, since: date | None = None, until: date | None = None) -> Iterator[str]:
    """Yield every account's balance at the end of `until`, with what it held before `since` and moved since then.

    `opening` and `movement` are signed, debits positive. Raises PeriodReversed.
    """
    period = Period(since=since, until=until)
    with snapshot():
        opening = opening_balances(period=period)
        closing = trial_balance(on=period.until)
    yield from balances_csv(opening=opening, closing=closing)


def balances_csv(*, opening: Iterable[AccountBalance], closing: Iterable[AccountBalance]) -> Iterator[str]:
    """Yield two trial balances as one file, in the form of `trial_balance_csv`."""
    before = {(found.code, found.currency): found.debit_minor for found in opening}
    yield row_of(_TRIAL_BALANCE)
    for found in closing:
        start = Money(before.get((found.code, found.currency), 0), found.currency)
        end = Money(found.debit_minor, found.currency)
        moved = end - start
        amounts = (start.text, moved.text, *sides(end), start.minor, moved.minor, end.minor)
        yield row_of((safe(found.code), found.type.value, found.currency, *amounts))


def _opening_row(position: int, found: AccountBalance, day: date) -> str:
    amount = Money(found.debit_minor, found.currency)
    head: tuple[Cell, ...] = ("", position, day, day, "", "opening_balances", "", "", "", "")
    account = (safe(found.code), found.type.value, "", found.currency)
    return row_of((*head, *account, *sides(amount), amount.minor))


def _entry_rows(entry: ExportedEntry) -> str:
    return "".join(
        row_of(
            (
                entry.id,
                line.position,
                entry.business_date,
                entry.value_date,
                entry.recorded_at.astimezone(UTC).isoformat(),
                entry.recipe,
                safe(entry.reference),
                safe(entry.subject),
                safe(entry.description),
                safe(entry.actor),
                safe(line.account),
                line.type.value,
                safe(line.item),
                line.amount.currency,
                *sides(line.amount),
                line.amount.minor,
            )
        )
        for line in entry.lines
    )


def _statement_row(row: LedgerRow) -> str:
    account, line = row.account, row.line
    head: tuple[Cell, ...] = (safe(account.code), account.currency, account.type.value)
    if line is None:
        kind = "closing" if row.is_closing else "opening"
        return row_of((*head, kind, *[""] * 12, account.balance.text, account.balance.minor))
    return row_of(
        (
            *head,
            "line",
            line.business_date,
            line.value_date,
            line.recorded_at.astimezone(UTC).isoformat(),
            line.entry_id,
            line.recipe,
            safe(line.reference),
            safe(line.subject),
            safe(line.item),
            safe(" ".join(line.counterparts)),
            *sides(line.debit),
            line.debit.minor,
            line.balance.text,
            line.balance.minor,
        )
    )
