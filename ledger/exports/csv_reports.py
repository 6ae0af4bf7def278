"""Reports and explanations as CSV: what the console shows, line by line, each total as a row of its own section."""

from collections.abc import Iterable, Iterator

from ledger.explain import Explanation
from ledger.exports.cells import row_of, safe
from ledger.money import Money
from ledger.reports import BalanceSheet, IncomeStatement, ReportLine, SellerMovement, SellerStatement
from ledger.selectors import Wallet

_REPORT = ("section", "line", "accounts", "currency", "amount", "amount_minor")
_PARTS = ("pending", "available", "reserved", "receivable")
_SELLER = ("row", "entries", "currency", *_PARTS, *(f"{part}_minor" for part in _PARTS))
_EXPLANATION = (
    *("row", "item", "subject", "since", "recipe", "month", "entries", "currency"),
    *("net", "amount", "net_minor", "amount_minor"),
)


def balance_sheet_csv(*, sheets: Iterable[BalanceSheet]) -> Iterator[str]:
    """Yield balance sheets, one line a row, each total as a row of its own section."""
    yield row_of(_REPORT)
    for sheet in sheets:
        yield from _report_rows("assets", sheet.assets)
        yield from _report_rows("liabilities", sheet.liabilities)
        yield from _report_rows("equity", sheet.equity)
        yield _total_row("result so far", sheet.result)
        yield _total_row("total assets", sheet.total_assets)
        yield _total_row("total liabilities", sheet.total_liabilities)
        yield _total_row("total equity", sheet.total_equity)


def income_statement_csv(*, statements: Iterable[IncomeStatement]) -> Iterator[str]:
    """Yield income statements, one line a row, each total as a row of its own section."""
    yield row_of(_REPORT)
    for statement in statements:
        yield from _report_rows("income", statement.income)
        yield from _report_rows("expenses", statement.expenses)
        yield _total_row("total income", statement.total_income)
        yield _total_row("total expenses", statement.total_expenses)
        yield _total_row("result", statement.result)


def seller_statement_csv(*, statement: SellerStatement) -> Iterator[str]:
    """Yield a seller's statement: the wallet at the beginning, what each kind of event moved, the wallet at the end."""
    yield row_of(_SELLER)
    yield _seller_row("opening", "", statement.opening)
    for moved in statement.movements:
        yield _seller_row(moved.recipe, moved.entries, moved)
    yield _seller_row("closing", "", statement.closing)


def explanation_csv(*, explanation: Explanation) -> Iterator[str]:
    """Yield an explained balance, one item or one kind of event and month a row; the last row is the balance."""
    yield row_of(_EXPLANATION)
    currency = explanation.currency
    for item in explanation.items:
        facts = (safe(item.item), safe(item.subject), item.since.isoformat(), "", "", len(item.entries), currency)
        yield row_of(("item", *facts, item.net.text, item.amount.text, item.net.minor, item.amount.minor))
    for month in explanation.months:
        facts = ("", "", "", month.recipe, f"{month.month:%Y-%m}", month.entries, currency)
        yield row_of(("month", *facts, "", month.amount.text, "", month.amount.minor))
    for name, amount in (("more items", explanation.more), ("balance", explanation.balance)):
        yield row_of((name, *[""] * 6, currency, "", amount.text, "", amount.minor))


def _seller_row(name: str, entries: int | str, parts: Wallet | SellerMovement) -> str:
    amounts: list[Money] = [getattr(parts, part) for part in _PARTS]
    texts, minors = [amount.text for amount in amounts], [amount.minor for amount in amounts]
    return row_of((name, entries, parts.pending.currency, *texts, *minors))


def _report_rows(section: str, lines: Iterable[ReportLine]) -> Iterator[str]:
    for line in lines:
        yield row_of(
            (section, safe(line.name), line.accounts, line.amount.currency, line.amount.text, line.amount.minor)
        )


def _total_row(section: str, amount: Money) -> str:
    return row_of((section, "", "", amount.currency, amount.text, amount.minor))
