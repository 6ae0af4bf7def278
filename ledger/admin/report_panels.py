"""Reports as people read them: sections with their totals, statements from opening to closing, explained balances."""

from collections.abc import Sequence
from datetime import date
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ledger import chart
from ledger.chart import AccountType
from ledger.explain import ExplainedItem, Explanation
from ledger.general_ledger import LedgerPage
from ledger.money import Money
from ledger.reports import BalanceSheet, IncomeStatement, ReportLine, SellerMovement, SellerStatement
from ledger.selectors import Wallet
from ledger.statements import AccountStatement, StatementLine
from operations.admin_display import (
    Cell,
    Panel,
    amount,
    code,
    columns,
    list_link,
    moment,
    page_link,
    subject_link,
    two_lines,
    words,
)
from operations.counts import format_count
from operations.names import names_of

ENTRIES_NAMED = 3
ACCOUNTS_NAMED = 3
_PARTS = ("pending", "available", "reserved", "receivable")


def report_link(page: str, text: str, **facts: object) -> SafeString:
    """Return a link to one of the books' reports; facts that are None are left out."""
    query = urlencode({name: fact for name, fact in facts.items() if fact is not None})
    return format_html('<a class="cf-link" href="{}?{}">{}</a>', reverse(f"admin:ledger_account_{page}"), query, text)


def account_links(account: str, currency: str) -> SafeString:
    """Return the ways into one account: its statement, and its balance explained."""
    return format_html(
        '<span class="cf-ways">{} {}</span>',
        report_link("statement", "Statement", account=account, currency=currency),
        report_link("explain", "Explain", account=account, currency=currency),
    )


def currency_links(currency: str, *, on: date | None = None) -> SafeString:
    """Return the ways into one currency: its balance sheet on a day, its income statement, its general ledger."""
    return format_html(
        '<span class="cf-ways">{} {} {}</span>',
        report_link("balance_sheet", "Balance sheet", currency=currency, on=on),
        report_link("income_statement", "Income statement", currency=currency),
        report_link("general_ledger", "General ledger", currency=currency),
    )


def balance_sheet_panels(sheet: BalanceSheet) -> list[Panel]:
    """Return what there is, and beside it whose it is: two tables with the same total."""
    owed = [*_rows(sheet.liabilities), _subtotal("Liabilities", sheet.total_liabilities)]
    owed += [*_rows(sheet.equity), _row("Result so far", "income less expenses since the books began", sheet.result)]
    return [
        Panel(
            title="Assets",
            note="what there is",
            columns=columns("Account", "Purpose~", "Amount#"),
            rows=_rows(sheet.assets),
            total=("Assets", "", amount(sheet.total_assets.display)),
            empty="No assets.",
        ),
        Panel(
            title="Liabilities and equity",
            note="whose it is",
            columns=columns("Account", "Purpose~", "Amount#"),
            rows=owed,
            total=(
                "Liabilities and equity",
                "",
                amount((sheet.total_liabilities + sheet.total_equity).display),
            ),
        ),
    ]


def income_statement_panels(statement: IncomeStatement) -> list[Panel]:
    """Return what was earned, what was spent, and what is left."""
    rows = [*_rows(statement.income), _subtotal("Income", statement.total_income)]
    rows += [*_rows(statement.expenses), _subtotal("Expenses", statement.total_expenses)]
    return [
        Panel(
            title=f"Income statement in {statement.currency}",
            columns=columns("Account", "Purpose~", "Amount#"),
            rows=rows,
            total=("Result: income less expenses", "", amount(statement.result.display)),
        )
    ]


def statement_panel(statement: AccountStatement) -> Panel:
    """Return an account's statement, from opening to closing."""
    owner = names_of([statement.code]).get(statement.code, "")
    rows = [_balance_row("Opening balance", statement.opening), *map(_statement_row, statement.lines)]
    if statement.omitted_lines:
        further = f"{format_count(statement.omitted_lines, 'further line')}: all of them are in the CSV"
        rows.append((further, "", "", "", amount(statement.omitted.display)))
    return Panel(
        title=f"{statement.code} in {statement.currency}",
        note=_account_note(statement.code, owner, statement.type),
        columns=columns("Event", "Item and subject~", "Debit#", "Credit#", "Balance#"),
        rows=rows,
        total=_balance_row("Closing balance", statement.closing),
    )


def general_ledger_panels(page: LedgerPage) -> list[Panel]:
    """Return the statements of a page's accounts, each from what it brought to what it carries on."""
    names = names_of({part.code for part in page.parts})
    return [
        Panel(
            title=f"{part.code} in {part.currency}",
            note=_account_note(part.code, names.get(part.code, ""), part.type),
            columns=columns("Event", "Item and subject~", "Other side~", "Debit#", "Credit#", "Balance#"),
            rows=[
                _carried_row("Brought from the page before" if part.continued else "Opening balance", part.brought),
                *map(_ledger_row, part.lines),
            ],
            total=_carried_row("Closing balance" if part.complete else "Carried to the next page", part.carried),
        )
        for part in page.parts
    ]


def general_ledger_facts(page: LedgerPage) -> list[tuple[str, Cell]]:
    """Return what is said about a page of the general ledger above its tables."""
    shown = f"{page.first:,} to {page.last:,} of {page.accounts:,}" if page.parts else "none moved or holds anything"
    return [("Accounts on this page", shown)]


def general_ledger_pager(page: LedgerPage, asked: dict[str, str], *, is_first: bool) -> list[SafeString]:
    """Return the links to the first page and to the next one."""
    links = [] if is_first else [report_link("general_ledger", "First page", **asked)]
    if page.following:
        links.append(report_link("general_ledger", "Next page", **asked, place=page.following))
    return links


def seller_panel(statement: SellerStatement) -> Panel:
    """Return a seller's statement: the wallet at both ends, and what each kind of event moved between."""
    subject = f"seller:{statement.seller}"
    return Panel(
        title=f"{names_of([subject]).get(subject, statement.seller)} in {statement.currency}",
        note="what the seller owes counts against the sum",
        columns=columns("Event", "Entries#", "Pending#", "Available#", "Reserved#", "Owed to us#", "Sum#"),
        rows=[
            _seller_row("Opening", "", statement.opening),
            *(_seller_row(words(each.recipe), f"{each.entries:,}", each) for each in statement.movements),
        ],
        total=_seller_row("Closing", "", statement.closing),
    )


def seller_link(seller: str) -> SafeString:
    """Return the way back to a seller's page; nothing for an id that is no seller's."""
    known = names_of([f"seller:{seller}"])
    return page_link("payments_seller", seller, "Seller and wallets") if known else format_html("{}", "")


def explanation_panel(explained: Explanation) -> Panel:
    """Return an explained balance: its items, or its months, and their sum."""
    if not explained.item_is:
        return Panel(
            title="By month and kind of event",
            columns=columns("Month", "Event", "Entries#", "Moved#"),
            rows=[
                (f"{each.month:%Y-%m}", words(each.recipe), f"{each.entries:,}", amount(each.amount.display))
                for each in explained.months
            ],
            total=("Sum", "", "", amount(explained.explained.display)),
        )
    rows = [_item_row(item) for item in explained.items]
    if explained.more_items:
        younger = format_count(explained.more_items, "younger item")
        rows.append((younger, "", "", "", amount(explained.more.display)))
    # What a lump sum took a part of shows its whole; where there is none, the column would only puzzle.
    whole = "Of#" if any(item.net != item.amount for item in explained.items) else "#"
    return Panel(
        title="Open items, oldest first",
        note=f"an item is: {explained.item_is}",
        columns=columns("Item and subject", "Open since~", "Moved by~", whole, "In the balance#"),
        rows=rows,
        total=("Sum", "", "", "", amount(explained.explained.display)),
        empty="Nothing is open.",
    )


def explanation_facts(explained: Explanation) -> list[tuple[str, Cell]]:
    """Return what is said about an explained balance above its table."""
    exact = not explained.remainder.minor
    found: list[tuple[str, Cell]] = [
        ("Balance now", amount(explained.balance.display)),
        ("Sum of the parts", amount(explained.explained.display)),
        ("Not explained", "nothing: exact to the minor unit" if exact else amount(explained.remainder.display)),
    ]
    if explained.taken_items:
        lumps = format_html(
            "{} by {}", amount((-explained.taken).display), format_count(explained.taken_items, "other item")
        )
        found.append(("Taken from the oldest items", lumps))
    return found


def _rows(lines: Sequence[ReportLine]) -> list[tuple[Cell, ...]]:
    return [_line_row(line) for line in lines]


def _line_row(line: ReportLine) -> tuple[Cell, ...]:
    currency = line.amount.currency
    template = next(found for found in chart.CHART if found.pattern == line.name or found.matches(line.name))
    if template.guarded:
        of_whom = f"{format_count(line.accounts, 'seller')}: {line.name.rsplit(':', 1)[-1]}"
        shown = list_link("ledger_account", of_whom, f"?q=seller:&currency={currency}")
    else:
        shown = report_link("statement", line.name, account=line.name, currency=currency)
    return (shown, template.purpose, amount(line.amount.display))


def _row(name: str, purpose: str, value: Money) -> tuple[Cell, ...]:
    return (name, purpose, amount(value.display))


def _subtotal(name: str, value: Money) -> tuple[Cell, ...]:
    return (format_html('<span class="cf-subtotal">{}</span>', name), "", amount(value.display))


def _balance_row(name: str, balance: Money) -> tuple[Cell, ...]:
    return (name, "", "", "", amount(balance.display))


def _statement_row(line: StatementLine) -> tuple[Cell, ...]:
    late = f", value {line.value_date}" if line.value_date != line.business_date else ""
    return (
        two_lines(page_link("ledger_journalentry", line.entry_id, words(line.recipe)), f"{line.business_date}{late}"),
        _item_cell(line.item, line.subject),
        amount(line.debit.display if line.debit.minor > 0 else None),
        amount((-line.debit).display if line.debit.minor < 0 else None),
        amount(line.balance.display),
    )


def _account_note(code: str, owner: str, kind: AccountType) -> str:
    grows_by = "debits" if kind.debit_normal else "credits"
    return f"{f'{owner}: ' if owner else ''}{chart.template_of(code).purpose}; grows by {grows_by}"


def _carried_row(name: str, balance: Money) -> tuple[Cell, ...]:
    return (name, "", "", "", "", amount(balance.display))


def _ledger_row(line: StatementLine) -> tuple[Cell, ...]:
    event, item, *amounts = _statement_row(line)
    named = format_html_join(" ", "{}", ((code(each),) for each in line.counterparts[:ACCOUNTS_NAMED]))
    more = len(line.counterparts) - ACCOUNTS_NAMED
    others = format_html('<span class="cf-others">{}{}</span>', named, f" and {more:,} more" if more > 0 else "")
    return (event, item, others, *amounts)


def _item_cell(item: str, subject: str) -> SafeString:
    """Return an item with what it is about underneath: side by side they would push the amounts off the page."""
    return two_lines(code(item), subject_link(subject) if subject else "")


def _seller_row(name: str, entries: str, parts: Wallet | SellerMovement) -> tuple[Cell, ...]:
    held = [getattr(parts, part) for part in _PARTS]
    total = parts.pending + parts.available + parts.reserved - parts.receivable
    return (name, entries, *(amount(part.display) for part in held), amount(total.display))


def _item_row(item: ExplainedItem) -> tuple[Cell, ...]:
    named = item.entries[:ENTRIES_NAMED]
    links = ((page_link("ledger_journalentry", each.entry_id, words(each.recipe)),) for each in named)
    more = len(item.entries) - len(named)
    return (
        _item_cell(item.item, item.subject),
        two_lines(moment(item.since), format_count(item.age.days, "day")),
        format_html("{}{}", format_html_join(", ", "{}", links), f" and {more:,} more" if more else ""),
        amount(item.net.display if item.net != item.amount else None),
        amount(item.amount.display),
    )
