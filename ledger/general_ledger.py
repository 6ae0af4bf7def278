"""The general ledger: every account's statement over a period, one after the other, whole or page by page.

Each account opens with its balance before the period, from the checkpoints, and closes with the balance that the trial
balance of the last day has. Accounts stand in the order of currency and code.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from ledger import chart, reports, selectors
from ledger.chart import AccountType
from ledger.money import Money
from ledger.reports import Period
from ledger.selectors import AccountBalance
from ledger.statements import AccountHeading, LedgerRow, StatementLine, carried_on, rows_of
from operations import database
from operations.edges import snapshot
from operations.errors import DomainError

_Key = tuple[str, str]


class NoAccounts(DomainError):
    """No account of the books is {under}, or stands below it."""

    code = "no_accounts"


class NoPlace(DomainError):
    """{place!r} is no place in the general ledger: take it from the link to the next page."""

    code = "no_place"


@dataclass(frozen=True, kw_only=True)
class AccountChoice:
    """Which accounts: of one currency, of one type, at a code or below it. None means all.

    Codes are taken in whole parts: below `seller:ann` stands `seller:ann:pending`, and not `seller:anna:pending`.
    """

    currency: str | None = None
    type: AccountType | None = None
    under: str | None = None

    @property
    def facts(self) -> dict[str, str | None]:
        """Return the choice as a query's parameters."""
        return {"currency": self.currency, "type": self.type and self.type.value, "under": self._under}

    def takes(self, found: AccountBalance) -> bool:
        """Tell whether an account is among the chosen ones."""
        return (
            self.currency in (None, found.currency)
            and self.type in (None, found.type)
            and (self._under in (None, found.code) or found.code.startswith(f"{self._under}:"))
        )

    @property
    def _under(self) -> str | None:
        return (self.under or "").rstrip(":") or None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a page of the general ledger begins: with an account, or within it, after one of its lines."""

    currency: str
    code: str
    day: date | None = None
    line_id: int = 0

    def __str__(self) -> str:
        return f"{self.currency}/{self.day or ''}/{self.line_id}/{self.code}"

    @classmethod
    def read(cls, text: str) -> "Place":
        """Return the place that a text says. Raises NoPlace."""
        parts = text.split("/", 3)
        try:
            currency, day, line, code = parts
            found = cls(
                currency=currency, code=code, day=date.fromisoformat(day) if day else None, line_id=int(line or "0")
            )
        except ValueError:
            raise NoPlace(place=text) from None
        # A line's number is the database's: nothing longer fits.
        if not 0 <= found.line_id < 2**63 or (found.day is None) != (found.line_id == 0):
            raise NoPlace(place=text)
        return found


@dataclass(frozen=True, kw_only=True)
class AccountPart:
    """An account's lines on one page.

    `brought` is its opening, or where the page before `continued` it the balance that one ended with; `carried` its
    closing, or where it is not `complete` what the next page begins with.
    """

    code: str
    currency: str
    type: AccountType
    brought: Money
    continued: bool
    lines: tuple[StatementLine, ...]
    carried: Money
    complete: bool


@dataclass(frozen=True, kw_only=True)
class LedgerPage:
    """One page: parts of accounts `first` to `last` of `accounts` that moved or hold something, and what follows."""

    period: Period
    parts: tuple[AccountPart, ...]
    first: int
    accounts: int
    following: Place | None

    @property
    def last(self) -> int:
        """Return the number of the page's last account."""
        return self.first + len(self.parts) - 1


def general_ledger(*, period: Period, choice: AccountChoice | None = None) -> Iterator[LedgerRow]:
    """Yield the statements of all chosen accounts row by row; memory stays flat.

    An account that holds nothing and did not move is left out. Raises NoAccounts.
    """
    choice = choice or AccountChoice()
    _require_accounts(choice)
    before = _openings(period, choice)
    rows = database.stream(_query("general_ledger"), {**choice.facts, **period.bounds})
    unmoved = deque(sorted(key for key, found in before.items() if found.debit_minor))
    for key, lines in groupby(rows, key=lambda row: (row["currency"], row["code"])):
        while unmoved and unmoved[0] < key:
            yield from rows_of(_heading(unmoved.popleft(), before), iter(()))
        if unmoved and unmoved[0] == key:
            unmoved.popleft()
        yield from rows_of(_heading(key, before), lines)
    for key in unmoved:
        yield from rows_of(_heading(key, before), iter(()))


def general_ledger_page(
    *,
    period: Period,
    choice: AccountChoice | None = None,
    place: Place | None = None,
    lines: int,
    accounts: int,
) -> LedgerPage:
    """Return the page that begins at a place, or the first one: so many lines, or so many accounts, at most.

    One page after the other has the rows of `general_ledger`. Reads the page and each account's opening, however
    long the period is. Raises NoAccounts; NoPlace where the period has no such place.
    """
    choice = choice or AccountChoice()
    if place and place.day and not period.bounds["first"] <= place.day <= period.bounds["last"]:
        raise NoPlace(place=str(place))
    _require_accounts(choice)
    with snapshot():
        before = _openings(period, choice)
        found = database.fetch_all(_query("general_ledger_accounts"), {**choice.facts, **period.bounds})
        shown = [row for row in found if row["moved"] or _debits((row["currency"], row["code"]), before)]
        first = _index(shown, place)
        here = shown[first : first + accounts]
        facts = {
            "accounts": [row["id"] for row in here],
            "after_day": (place and place.day) or date.min,
            "after_line": place.line_id if place else 0,
            "limit": lines + 1,
        }
        rows = database.fetch_all(_query("general_ledger_page"), {**facts, **period.bounds}) if here else []
        brought = _brought(here[0], place.day, place.line_id) if here and place and place.day else None
    parts = _parts(here, rows[:lines], before, brought=brought, more=len(rows) > lines)
    return LedgerPage(
        period=period,
        parts=parts,
        first=first + 1 if parts else 0,
        accounts=len(shown),
        following=_following(parts, shown[first + len(parts) :]),
    )


def _parts(
    accounts: list[dict[str, Any]],
    rows: list[dict[str, Any]],
    before: dict[_Key, AccountBalance],
    *,
    brought: Money | None,
    more: bool,
) -> tuple[AccountPart, ...]:
    """Return the accounts' parts; where there are `more` rows, the last part ends with the last row."""
    of_account: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        of_account.setdefault(row["account_id"], []).append(row)
    parts = []
    for number, account in enumerate(accounts):
        heading = _heading((account["currency"], account["code"]), before)
        continued = number == 0 and brought is not None
        opening = brought if number == 0 and brought is not None else heading.balance
        lines = tuple(carried_on(iter(of_account.get(account["id"], ())), opening, heading.type))
        is_cut = more and rows[-1]["account_id"] == account["id"]
        parts.append(
            AccountPart(
                code=heading.code,
                currency=heading.currency,
                type=heading.type,
                brought=opening,
                continued=continued,
                lines=lines,
                carried=lines[-1].balance if lines else opening,
                complete=not is_cut,
            )
        )
        if is_cut:
            break
    return tuple(parts)


def _following(parts: tuple[AccountPart, ...], after: list[dict[str, Any]]) -> Place | None:
    if parts and not parts[-1].complete:
        cut, line = parts[-1], parts[-1].lines[-1]
        return Place(currency=cut.currency, code=cut.code, day=line.business_date, line_id=line.line_id)
    return Place(currency=after[0]["currency"], code=after[0]["code"]) if after else None


def _index(accounts: list[dict[str, Any]], place: Place | None) -> int:
    """Return which account a page begins with. Raises NoPlace."""
    if place is None:
        return 0
    for number, row in enumerate(accounts):
        if (row["currency"], row["code"]) == (place.currency, place.code):
            return number
    raise NoPlace(place=str(place))


def _brought(account: dict[str, Any], day: date, line_id: int) -> Money:
    """Return an account's balance after the line at which a page ended."""
    code, currency, kind = account["code"], account["currency"], AccountType(account["type"])
    before = selectors.balance(code=code, currency=currency, on=day - timedelta(days=1))
    facts = {"account": account["id"], "day": day, "line": line_id}
    moved = database.fetch_one(_query("moved_on_a_day"), facts)["debit_minor"]
    return before + Money(int(moved) if kind.debit_normal else -int(moved), currency)


def _openings(period: Period, choice: AccountChoice) -> dict[_Key, AccountBalance]:
    found = reports.opening_balances(period=period, currency=choice.currency)
    return {(one.currency, one.code): one for one in found if choice.takes(one)}


def _debits(key: _Key, before: dict[_Key, AccountBalance]) -> int:
    return before[key].debit_minor if key in before else 0


def _heading(key: _Key, before: dict[_Key, AccountBalance]) -> AccountHeading:
    currency, code = key
    found = before.get(key)
    return AccountHeading(
        code=code,
        currency=currency,
        type=chart.template_of(code).type,
        balance=found.balance if found else Money(0, currency),
    )


def _require_accounts(choice: AccountChoice) -> None:
    """Refuse a code at or below which the books have nothing: it is a slip. Raises NoAccounts."""
    if choice.facts["under"] and not database.fetch_all(_query("any_chosen"), choice.facts):
        raise NoAccounts(under=choice.under)


def _query(name: str) -> str:
    sql = database.queries("ledger", "reports.sql")
    return sql[name].replace("{chosen}", sql["chosen"])
