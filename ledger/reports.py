"""What finance reads: balance sheet, income statement and a seller's statement, for any day or period.

All are made of balances on two days, and of what moved between them; nothing here is stored. A day is a business
date: the open day into which the books took an event. Amounts stand on the normal side of their kind of account,
so that an asset and an income are both positive when there is some.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ledger import chart, selectors
from ledger.chart import AccountType
from ledger.money import Money
from ledger.selectors import AccountBalance, Wallet
from operations import database
from operations.edges import snapshot
from operations.errors import DomainError


class PeriodReversed(DomainError):
    """The period begins on {since}, after its last day {until}."""

    code = "period_reversed"
    parameter = "until"


@dataclass(frozen=True, kw_only=True)
class Period:
    """Business days from `since` to `until`, both included; None leaves that end open. Raises PeriodReversed."""

    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.since > self.until:
            raise PeriodReversed(since=self.since, until=self.until)

    @property
    def day_before(self) -> date | None:
        """Return the day whose balances the period opens with; None where it begins with the books."""
        return self.since - timedelta(days=1) if self.since and self.since > date.min else None

    @property
    def bounds(self) -> dict[str, date]:
        """Return the first and last day as a query's parameters."""
        return {"first": self.since or date.min, "last": self.until or date.max}

    def __str__(self) -> str:
        return f"{self.since or 'the beginning'} to {self.until or 'now'}"


@dataclass(frozen=True, kw_only=True)
class ReportLine:
    """One line of a report: an account, or one kind of account of all sellers together."""

    name: str
    type: AccountType
    accounts: int
    amount: Money


@dataclass(frozen=True, kw_only=True)
class BalanceSheet:
    """What there is and whose it is, at the end of a day, in one currency.

    The books are not closed into equity: what was earned since they began is a line of its own, `result`.
    """

    currency: str
    on: date | None
    assets: tuple[ReportLine, ...]
    liabilities: tuple[ReportLine, ...]
    equity: tuple[ReportLine, ...]
    result: Money

    @property
    def total_assets(self) -> Money:
        """Return the sum of the assets."""
        return _sum(self.assets, self.currency)

    @property
    def total_liabilities(self) -> Money:
        """Return the sum of the liabilities."""
        return _sum(self.liabilities, self.currency)

    @property
    def total_equity(self) -> Money:
        """Return the sum of equity and the result so far."""
        return _sum(self.equity, self.currency) + self.result

    @property
    def difference(self) -> Money:
        """Return assets - (liabilities + equity + result): zero, or the books are broken."""
        return self.total_assets - self.total_liabilities - self.total_equity


@dataclass(frozen=True, kw_only=True)
class IncomeStatement:
    """What was earned and spent in a period, in one currency."""

    currency: str
    period: Period
    income: tuple[ReportLine, ...]
    expenses: tuple[ReportLine, ...]

    @property
    def total_income(self) -> Money:
        """Return the sum of the income."""
        return _sum(self.income, self.currency)

    @property
    def total_expenses(self) -> Money:
        """Return the sum of the expenses."""
        return _sum(self.expenses, self.currency)

    @property
    def result(self) -> Money:
        """Return income - expenses: a profit when positive."""
        return self.total_income - self.total_expenses


@dataclass(frozen=True, kw_only=True)
class SellerMovement:
    """What one kind of event did to a seller's wallet in a period. A higher receivable is a higher debt."""

    recipe: str
    entries: int
    pending: Money
    available: Money
    reserved: Money
    receivable: Money

    @property
    def net(self) -> Money:
        """Return by how much the seller is better off."""
        return self.pending + self.available + self.reserved - self.receivable


@dataclass(frozen=True, kw_only=True)
class SellerStatement:
    """A seller's wallet at the beginning of a period, what moved it, and the wallet at the end."""

    seller: str
    currency: str
    period: Period
    opening: Wallet
    movements: tuple[SellerMovement, ...]
    closing: Wallet


def balance_sheet(*, currency: str, on: date | None = None) -> BalanceSheet:
    """Return the balance sheet of one currency at the end of a business day; None means now."""
    found = selectors.trial_balance(currency=currency, on=on)
    return BalanceSheet(
        currency=currency,
        on=on,
        assets=_lines(found, AccountType.ASSET),
        liabilities=_lines(found, AccountType.LIABILITY),
        equity=_lines(found, AccountType.EQUITY),
        result=_result(found, currency),
    )


def income_statement(*, currency: str, period: Period) -> IncomeStatement:
    """Return the income statement of one currency: what its income and expense accounts moved in the period."""
    with snapshot():
        moved = movements(
            opening=opening_balances(period=period, currency=currency),
            closing=selectors.trial_balance(currency=currency, on=period.until),
        )
    return IncomeStatement(
        currency=currency,
        period=period,
        income=_lines(moved, AccountType.INCOME),
        expenses=_lines(moved, AccountType.EXPENSE),
    )


def seller_statement(*, seller: str, currency: str, period: Period) -> SellerStatement:
    """Return a seller's statement in one currency. Opening and movements sum to closing, part by part."""
    codes = {part: of(seller) for part, of in _PARTS.items()}
    query = database.queries("ledger", "reports.sql")["seller_movements"]
    with snapshot():
        opening = (
            _wallet_on(seller, currency, period.day_before) if period.day_before else _wallet(seller, currency, {})
        )
        rows = database.fetch_all(query, {**codes, "currency": currency, **period.bounds})
    moved = tuple(_movement(row, currency) for row in rows)
    parts = {part: sum((getattr(each, part) for each in moved), start=getattr(opening, part)) for part in _PARTS}
    return SellerStatement(
        seller=seller,
        currency=currency,
        period=period,
        opening=opening,
        movements=moved,
        closing=_wallet(seller, currency, parts),
    )


def opening_balances(*, period: Period, currency: str | None = None) -> list[AccountBalance]:
    """Return every account's balance before the period's first day; none where it begins with the books."""
    return selectors.trial_balance(currency=currency, on=period.day_before) if period.day_before else []


def movements(*, opening: Iterable[AccountBalance], closing: Iterable[AccountBalance]) -> list[AccountBalance]:
    """Return what each account moved from one trial balance to a later one."""
    before = {(found.code, found.currency): found.debit_minor for found in opening}
    return [
        AccountBalance(
            code=found.code,
            currency=found.currency,
            type=found.type,
            debit_minor=found.debit_minor - before.get((found.code, found.currency), 0),
        )
        for found in closing
    ]


_PARTS = {
    "pending": chart.pending,
    "available": chart.available,
    "reserved": chart.reserved,
    "receivable": chart.receivable,
}


def _lines(balances: Iterable[AccountBalance], kind: AccountType) -> tuple[ReportLine, ...]:
    """Return the accounts of a kind that hold something, those of all sellers on one line per template."""
    groups: dict[str, list[AccountBalance]] = {}
    for found in balances:
        if found.type is kind and found.debit_minor:
            template = chart.template_of(found.code)
            groups.setdefault(template.pattern if template.guarded else found.code, []).append(found)
    return tuple(
        ReportLine(
            name=name,
            type=kind,
            accounts=len(group),
            amount=sum((found.balance for found in group[1:]), start=group[0].balance),
        )
        for name, group in sorted(groups.items())
    )


def _result(balances: Iterable[AccountBalance], currency: str) -> Money:
    earned = (AccountType.INCOME, AccountType.EXPENSE)
    return Money(-sum(found.debit_minor for found in balances if found.type in earned), currency)


def _sum(lines: Sequence[ReportLine], currency: str) -> Money:
    return sum((line.amount for line in lines), start=Money(0, currency))


def _movement(row: dict[str, int | str], currency: str) -> SellerMovement:
    minor = {part: int(row[part]) for part in _PARTS}
    return SellerMovement(
        recipe=str(row["recipe"]),
        entries=int(row["entries"]),
        pending=Money(-minor["pending"], currency),
        available=Money(-minor["available"], currency),
        reserved=Money(-minor["reserved"], currency),
        receivable=Money(minor["receivable"], currency),
    )


def _wallet_on(seller: str, currency: str, day: date) -> Wallet:
    parts = {part: selectors.balance(code=of(seller), currency=currency, on=day) for part, of in _PARTS.items()}
    return _wallet(seller, currency, parts)


def _wallet(seller: str, currency: str, parts: dict[str, Money]) -> Wallet:
    nothing = Money(0, currency)
    return Wallet(
        seller=seller,
        currency=currency,
        pending=parts.get("pending", nothing),
        available=parts.get("available", nothing),
        reserved=parts.get("reserved", nothing),
        receivable=parts.get("receivable", nothing),
    )
