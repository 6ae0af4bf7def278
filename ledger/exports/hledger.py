"""The books as an hledger journal (https://hledger.org), for a second opinion on every balance.

Accounts keep their names. What hledger has no place for are tags; their values, which a stranger may have chosen,
are percent-encoded where a character would end a tag or be taken for something else. It passes `check --strict`.
"""

import unicodedata
from collections.abc import Iterator
from datetime import UTC, date
from functools import cache

from ledger.chart import AccountType
from ledger.exports.journal import ExportedBooks, ExportedEntry, entries, exported_books
from ledger.money import Money, exponent
from ledger.reports import Period
from operations.edges import snapshot

_TYPES = {
    AccountType.ASSET: "A",
    AccountType.LIABILITY: "L",
    AccountType.INCOME: "R",
    AccountType.EXPENSE: "X",
    AccountType.EQUITY: "E",
}
# End a tag, a description or a note, or begin a date within a comment.
_MEANINGFUL = frozenset("%,;|[]")


def hledger_journal(*, since: date | None = None, until: date | None = None) -> Iterator[str]:
    """Yield the books as an hledger journal, piece by piece. Raises PeriodReversed."""
    period = Period(since=since, until=until)
    with snapshot():
        yield f"; Counterfoil, business days: {period}.\n"
        books = exported_books(period=period)
        if books is None:
            return
        yield from _declarations(books)
        if books.opening:
            yield f"\n{books.first} * opening balances\n"
            for found in books.opening:
                yield f"    {found.code}  {_amount(Money(found.debit_minor, found.currency))}\n"
        for entry in entries(books=books):
            yield _transaction(entry)
        yield f"\n; What the books themselves have.\n{books.checked_on} * closing balances\n"
        for found in books.closing:
            nothing, held = Money(0, found.currency), Money(found.debit_minor, found.currency)
            yield f"    {found.code}  {_amount(nothing)} = {_amount(held)}\n"


def quoted(text: str) -> str:
    """Return a text as a tag's value on one line; percent-decoding it (as in addresses) gives it back."""
    inner = "".join(_quoted(each) for each in text)
    # hledger trims a value.
    if inner[:1] == " ":
        inner = "%20" + inner[1:]
    return inner[:-1] + "%20" if inner[-1:] == " " else inner


@cache
def _quoted(each: str) -> str:
    # Controls, line ends and direction marks do nothing good in a file that people read; nor do odd spaces.
    if each != " " and (each in _MEANINGFUL or unicodedata.category(each)[0] in "CZ"):
        return "".join(f"%{byte:02X}" for byte in each.encode())
    return each


def _declarations(books: ExportedBooks) -> Iterator[str]:
    for currency in books.currencies:
        yield f"commodity 1000.{'0' * exponent(currency)} {currency}\n"
    for code, kind in sorted({(found.code, found.type) for found in books.closing}):
        yield f"account {code}  ; type:{_TYPES[kind]}\n"


def _transaction(entry: ExportedEntry) -> str:
    tags = {
        "recipe": entry.recipe,
        "reference": entry.reference,
        "subject": entry.subject,
        "description": entry.description,
        "actor": entry.actor,
        "value_date": str(entry.value_date),
        "recorded_at": entry.recorded_at.astimezone(UTC).isoformat(),
    }
    lines = [f"\n{entry.business_date} * ({entry.id}) {entry.recipe} {quoted(entry.reference)}\n"]
    lines += [f"    ; {name}:{quoted(value)}\n" for name, value in tags.items() if value]
    for line in entry.lines:
        item = f"  ; item:{quoted(line.item)}" if line.item else ""
        lines.append(f"    {line.account}  {_amount(line.amount)}{item}\n")
    return "".join(lines)


def _amount(amount: Money) -> str:
    return f"{amount.text} {amount.currency}"
