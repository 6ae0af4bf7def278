from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateFilter

from ledger import selectors
from ledger.models import JournalEntry, JournalLine
from ledger.money import Money
from ledger.recipes import RECIPES
from operations.admin_base import WindowAdmin, choice_filter, currency_filter
from operations.admin_display import (
    Panel,
    amount,
    code_column,
    entry_panels,
    list_link,
    page_link,
    subject_column,
    time_column,
    words,
)


@admin.register(JournalEntry)
class JournalEntryAdmin(WindowAdmin):
    """The journal: one business event an entry."""

    list_display = ("id", "event", "reference_code", "about", "turnover_money", "business_date", "recorded", "actor")
    list_filter = (
        choice_filter("recipe", "event", lambda: [(recipe, words(recipe)) for recipe in RECIPES]),
        ("business_date", RangeDateFilter),
    )
    search_fields = ("reference__exact", "subject__exact", "id__exact")
    ordering = ("-id",)
    fields = (
        "event",
        "reference_code",
        "about",
        "description",
        "actor",
        "business_date",
        "value_date",
        "recorded",
    )

    reference_code = code_column("reference", "Reference")
    about = subject_column()
    recorded = time_column("recorded_at", "Recorded")

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalEntry]:
        """Fetch the lines of a page in one query."""
        rows: QuerySet[JournalEntry] = super().get_queryset(request)
        return rows.prefetch_related("lines")

    @admin.display(description="Event", ordering="recipe")
    def event(self, row: JournalEntry) -> str:
        """Return the recipe as people say it."""
        return words(row.recipe)

    @admin.display(description="Debits")
    def turnover_money(self, row: JournalEntry) -> SafeString:
        """Return the sum of the debits, in each currency."""
        sums: dict[str, int] = {}
        for line in row.lines.all():
            sums[line.currency] = sums.get(line.currency, 0) + max(line.amount_minor, 0)
        return format_html_join(" ", "{}", ((amount(Money(minor, of).display),) for of, minor in sums.items()))

    def panels(self, row: Any) -> list[Panel]:
        """Return the lines as debits and credits."""
        return entry_panels([selectors.entry(entry_id=row.pk)])


@admin.register(JournalLine)
class JournalLineAdmin(WindowAdmin):
    """Debits and credits one by one, to follow an item or an account."""

    list_display = ("entry_link", "recorded", "account_link", "item_code", "debit_money", "credit_money")
    list_display_links = None
    list_filter = (currency_filter(selectors.currencies),)
    list_select_related = ("entry", "account")
    search_fields = ("item__exact", "account__code__exact")
    ordering = ("-id",)
    fields = ("entry_link", "recorded", "account_link", "item_code", "debit_money", "credit_money")

    recorded = time_column("entry.recorded_at", "Recorded")
    item_code = code_column("item", "Item")

    @admin.display(description="Entry", ordering="entry_id")
    def entry_link(self, row: JournalLine) -> SafeString:
        """Return the entry that the line belongs to."""
        return page_link("ledger_journalentry", row.entry_id, f"{row.entry_id} · {words(row.entry.recipe)}")

    @admin.display(description="Account", ordering="account__code")
    def account_link(self, row: JournalLine) -> SafeString:
        """Return the account."""
        return list_link("ledger_account", row.account.code, f"?q={row.account.code}")

    @admin.display(description="Debit")
    def debit_money(self, row: JournalLine) -> SafeString:
        """Return the amount of a debit."""
        return amount(row.amount.display if row.amount_minor > 0 else None)

    @admin.display(description="Credit")
    def credit_money(self, row: JournalLine) -> SafeString:
        """Return the amount of a credit."""
        return amount((-row.amount).display if row.amount_minor < 0 else None)
