from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import BigIntegerField, Case, F, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from ledger import chart, selectors
from ledger.admin.reports import report_urls
from ledger.chart import AccountType
from ledger.models import Account, JournalLine
from ledger.money import Money
from operations.admin_base import WindowAdmin, currency_filter, hand
from operations.admin_display import (
    Panel,
    amount,
    code,
    columns,
    moment,
    name,
    page_link,
    time_column,
    two_lines,
    words,
)
from operations.names import names_of

LINES_SHOWN = 100


@admin.register(Account)
class AccountAdmin(WindowAdmin):
    """Accounts with their balances on the normal side, and the trial balance."""

    list_display = ("account", "currency", "type_name", "purpose", "balance_money")
    list_filter = (("type", ChoicesDropdownFilter), currency_filter(selectors.currencies))
    search_fields = ("code__startswith",)
    ordering = ("code", "currency")
    fields = ("account", "currency", "type_name", "purpose", "balance_money", "never_negative", "opened")
    actions_detail = ("statement", "explain")

    opened = time_column("opened_at", "Opened")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """Add each shown account's balance: stored where it is guarded, else the sum of its lines."""
        lines = JournalLine.objects.filter(account=OuterRef("pk")).order_by().values("account")
        summed = Subquery(lines.annotate(total=Sum("amount_minor")).values("total"), output_field=BigIntegerField())
        rows: QuerySet[Account] = super().get_queryset(request)
        return rows.annotate(
            stored_minor=F("balance__balance_minor"),
            debit_minor=Case(When(guarded=True, then=Value(None, output_field=BigIntegerField())), default=summed),
        )

    def attach(self, rows: list[Any]) -> None:
        """Fetch the names of the accounts' owners."""
        names = names_of({row.code for row in rows})
        for row in rows:
            row.owner = names.get(row.code, "")

    @admin.display(description="Account", ordering="code")
    def account(self, row: Any) -> SafeString:
        """Return the code, and whose account it is."""
        owner = name(row.owner) if row.owner else ""
        return format_html('<span class="cf-account">{}</span>', two_lines(code(row.code), owner))

    @admin.display(description="Balance")
    def balance_money(self, row: Any) -> str:
        """Return the balance on the account's normal side."""
        return amount(_balance(row).display)

    @admin.display(description="Type", ordering="type")
    def type_name(self, row: Account) -> str:
        """Return the kind of account."""
        return row.type.capitalize()

    @admin.display(description="Never below zero", boolean=True)
    def never_negative(self, row: Account) -> bool:
        """Return whether the database refuses what would take the balance below zero."""
        return row.guarded

    @admin.display(description="Purpose")
    def purpose(self, row: Account) -> str:
        """Return what the chart says the account is for."""
        return chart.template_of(row.code).purpose

    def panels(self, row: Any) -> list[Panel]:
        """Return the latest lines, newest first."""
        lines = row.lines.select_related("entry").order_by("-id")[:LINES_SHOWN]
        return [
            Panel(
                title="Latest lines",
                note=f"The newest {LINES_SHOWN}, newest first.",
                columns=columns("Event", "Item~", "Debit#", "Credit#", "Balance after#"),
                rows=[_line_cells(line) for line in lines],
            )
        ]

    def get_urls(self) -> list[URLPattern]:
        """Add the reports."""
        return report_urls(self) + list(super().get_urls())

    @hand(title="Statement", permission="ledger.view_account", path="to-statement", icon="receipt_long")
    def statement(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the account's statement."""
        return _to_report("statement", get_object_or_404(Account, pk=object_id))

    @hand(title="Explain", permission="ledger.view_account", path="to-explain", icon="help_center")
    def explain(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the account's balance explained."""
        return _to_report("explain", get_object_or_404(Account, pk=object_id))


def _to_report(page: str, account: Account) -> HttpResponse:
    query = urlencode({"account": account.code, "currency": account.currency})
    return redirect(f"{reverse(f'admin:ledger_account_{page}')}?{query}")


def _balance(row: Any) -> Money:
    if row.guarded:
        return Money(row.stored_minor or 0, row.currency)
    debit_minor = row.debit_minor or 0
    return Money(debit_minor if AccountType(row.type).debit_normal else -debit_minor, row.currency)


def _line_cells(line: JournalLine) -> tuple[str, ...]:
    after = None if line.balance_after_minor is None else Money(line.balance_after_minor, line.currency)
    return (
        two_lines(
            page_link("ledger_journalentry", line.entry_id, words(line.entry.recipe)), moment(line.entry.recorded_at)
        ),
        code(line.item),
        amount(line.amount.display if line.amount_minor > 0 else None),
        amount((-line.amount).display if line.amount_minor < 0 else None),
        amount(after.display if after else None),
    )
