"""The books as a beancount ledger (https://beancount.github.io), for a second opinion on every balance.

Each entry is a transaction on its business day; what beancount has no place for is metadata. The balances at the
end are asserted to the last minor unit, as the books themselves have them.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date

from ledger.chart import AccountType
from ledger.exports.journal import ExportedBooks, ExportedEntry, entries, exported_books
from ledger.money import Money
from ledger.reports import Period
from operations.edges import snapshot

_ROOTS = {
    AccountType.ASSET: "Assets",
    AccountType.LIABILITY: "Liabilities",
    AccountType.INCOME: "Income",
    AccountType.EXPENSE: "Expenses",
    AccountType.EQUITY: "Equity",
}
_LINKABLE = re.compile(r"[A-Za-z0-9_.\-]+:[A-Za-z0-9_.\-]+\Z")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"})
# What a component of a name may hold as it is; the rest, and the capitals that the escapes use, is escaped.
_PLAIN = re.compile(r"[a-z0-9]")


def beancount_journal(*, since: date | None = None, until: date | None = None) -> Iterator[str]:
    """Yield the books as a beancount file, piece by piece. Raises PeriodReversed."""
    period = Period(since=since, until=until)
    with snapshot():
        yield f'option "title" "Counterfoil"\n; Business days: {period}.\n'
        books = exported_books(period=period)
        if books is None:
            return
        # Without tolerance: beancount would otherwise forgive a difference of one minor unit.
        yield 'option "tolerance_multiplier" "0"\n'
        for currency in books.currencies:
            yield f'option "operating_currency" "{currency}"\n'
        yield from _opens(books)
        yield from _opening_balances(books)
        for entry in entries(books=books):
            yield _transaction(entry)
        yield "\n; What the books themselves have.\n"
        for found in books.closing:
            name = account_name(found.code, found.type)
            yield f"{books.checked_on} balance {name}  {_amount(Money(found.debit_minor, found.currency))}\n"


def account_name(code: str, kind: AccountType) -> str:
    """Return an account's name in beancount: `seller:sel_1:pending` is `Liabilities:Seller:Sel-1:Pending`.

    No two codes share a name: each component begins with a capital, `_` becomes `-`, and whatever beancount would
    not take, or would make two names equal, becomes X and the two hexadecimal digits of each of its bytes. The
    code itself stands in the metadata of the account's `open` directive; `account_code` leads back without it.
    """
    return ":".join([_ROOTS[kind], *(_component(part) for part in code.split(":"))])


def account_code(name: str) -> str:
    """Return the code of an account from its name in beancount."""
    return ":".join(_original(part) for part in name.split(":")[1:])


def _component(part: str) -> str:
    first, rest = part[:1], part[1:]
    # A capital X begins an escape, so a name cannot begin with its own x.
    head = first.upper() if _PLAIN.match(first) and first != "x" else _escaped(first)
    return head + "".join("-" if each == "_" else each if _PLAIN.match(each) else _escaped(each) for each in rest)


def _escaped(text: str) -> str:
    return "".join(f"X{byte:02x}" for byte in text.encode())


def _original(part: str) -> str:
    if not part.startswith("X"):
        part = part[:1].lower() + part[1:]
    plain = part.replace("-", "_")
    return re.sub(r"(?:X[0-9a-f]{2})+", lambda found: bytes.fromhex(found.group().replace("X", "")).decode(), plain)


def _opens(books: ExportedBooks) -> Iterator[str]:
    currencies: dict[tuple[str, AccountType], list[str]] = {}
    for found in books.closing:
        currencies.setdefault((found.code, found.type), []).append(found.currency)
    for (code, kind), used in sorted(currencies.items()):
        yield f"\n{books.first} open {account_name(code, kind)} {','.join(sorted(used))}\n  code: {_string(code)}\n"


def _opening_balances(books: ExportedBooks) -> Iterator[str]:
    if books.opening:
        yield f'\n{books.first} * "Opening balances" "" #opening_balances\n'
        for found in books.opening:
            yield _posting(found.code, found.type, Money(found.debit_minor, found.currency), "")


def _transaction(entry: ExportedEntry) -> str:
    link = f" ^{entry.subject.replace(':', '/')}" if _LINKABLE.match(entry.subject) else ""
    lines = [
        f"\n{entry.business_date} * {_string(entry.recipe)} {_string(entry.description)} #{entry.recipe}{link}\n",
        f"  entry: {entry.id}\n",
        f"  recipe: {_string(entry.recipe)}\n",
        f"  reference: {_string(entry.reference)}\n",
        f"  subject: {_string(entry.subject)}\n",
        f"  actor: {_string(entry.actor)}\n",
        f"  value-date: {entry.value_date}\n",
        f"  recorded-at: {_string(entry.recorded_at.astimezone(UTC).isoformat())}\n",
    ]
    lines += [_posting(line.account, line.type, line.amount, line.item) for line in entry.lines]
    return "".join(lines)


def _posting(code: str, kind: AccountType, amount: Money, item: str) -> str:
    return f"  {account_name(code, kind)}  {_amount(amount)}\n" + (f"    item: {_string(item)}\n" if item else "")


def _amount(amount: Money) -> str:
    return f"{amount.text} {amount.currency}"


def _string(text: str) -> str:
    """Return a text as beancount writes it: in quotes, on one line."""
    return f'"{text.translate(_ESCAPES)}"'
