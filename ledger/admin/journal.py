from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateFilter

from ledger import selectors
from ledger.admin.journal_form import WhyForm
from ledger.admin.journal_panels import exchange_panel, line_panels
from ledger.entries import mirrored
from ledger.journals.common import lines_of
from ledger.models import JournalEntry, JournalLine, ManualJournal
from ledger.money import Money
from ledger.recipes import RECIPES
from ledger.services import draft_reversal
from ledger.states import ManualJournalState
from operations.admin_base import (
    Done,
    Question,
    WindowAdmin,
    actor_of,
    ask,
    choice_filter,
    currency_filter,
    hand,
)
from operations.admin_display import (
    Cell,
    Panel,
    account_cell,
    amount,
    code_column,
    page_link,
    subject_column,
    subject_link,
    time_column,
    words,
)
from operations.names import names_of


@admin.register(JournalEntry)
class JournalEntryAdmin(WindowAdmin):
    """The journal: one business event an entry."""

    list_display = (
        "number",
        "event",
        "reference_code",
        "about",
        "turnover_money",
        "business_date",
        "recorded",
    )
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
    actions_detail = ("reverse_entry",)

    reference_code = code_column("reference", "Reference")
    about = subject_column()
    recorded = time_column("recorded_at", "Recorded")

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalEntry]:
        """Fetch the lines of a page in one query."""
        rows: QuerySet[JournalEntry] = super().get_queryset(request)
        return rows.prefetch_related("lines")

    @admin.display(description="Entry", ordering="id")
    def number(self, row: JournalEntry) -> int:
        """Return the entry's number."""
        return row.pk

    @admin.display(description="Event", ordering="recipe")
    def event(self, row: JournalEntry) -> SafeString:
        """Return the recipe as people say it."""
        return format_html('<span class="cf-nowrap">{}</span>', words(row.recipe))

    @admin.display(description="Debits")
    def turnover_money(self, row: JournalEntry) -> SafeString:
        """Return the sum of the debits, in each currency."""
        sums: dict[str, int] = {}
        for line in row.lines.all():
            sums[line.currency] = sums.get(line.currency, 0) + max(line.amount_minor, 0)
        return format_html_join(" ", "{}", ((amount(Money(minor, of).display),) for of, minor in sums.items()))

    def panels(self, row: Any) -> list[Panel]:
        """Return an exchange's facts, and the lines as debits and credits that balance in each currency."""
        exchange = selectors.exchange_of(entry_id=row.pk)
        return [*([exchange_panel(exchange)] if exchange else []), *line_panels(lines_of(row))]

    def notices(self, row: Any, actor: str) -> list[Cell]:
        """Say what was reversed by what."""
        reversal = _reversal_of(row)
        return [
            *([_reversed(reversal)] if reversal else []),
            *([_reverses(row)] if row.recipe == "entry_reversed" else []),
        ]

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer to reverse what is not reversed, and is not about to be."""
        return frozenset() if _reversal_of(row) else frozenset({"reverse_entry"})

    @hand(title="Reverse this entry", permission="ledger.add_manualjournal", path="reverse", icon="undo")
    def reverse_entry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Draft the mirror of an entry, and go on to its preview."""
        entry = get_object_or_404(JournalEntry, pk=object_id)
        reversal = _reversal_of(entry)
        question = Question(
            title=f"Reverse journal entry {entry.pk}?",
            explanation="The entry stays in the books; a new one books each of its lines again with the sides "
            "swapped, as below. Only the books change: no money moves at the provider, and the order, refund or "
            "payout that the entry is about keeps its state.",
            button="Draft the reversal",
            facts=[
                ("Event", words(entry.recipe)),
                ("Reference", entry.reference),
                ("About", subject_link(entry.subject)),
            ],
            panels=line_panels(mirrored(lines_of(entry))),
            refusal="This entry is reversed already, or is about to be." if reversal else "",
            others=[("See the reversal", _page(reversal))] if reversal else [],
        )

        def act(answers: Mapping[str, Any]) -> Done:
            drafted = draft_reversal(
                entry_id=entry.pk,
                reason=answers["description"],
                attachments=answers["attachments"],
                actor=actor_of(request),
                now=timezone.now(),
            )
            go = reverse("admin:ledger_manualjournal_submit", args=[drafted.pk])
            return Done(told="Drafted: nothing is booked yet.", go=go)

        back = reverse("admin:ledger_journalentry_change", args=[entry.pk])
        return ask(window=self, request=request, question=question, form_class=WhyForm, act=act, back=back, row=entry)


def _reversal_of(entry: JournalEntry) -> ManualJournal | None:
    """Return what reverses an entry, or is about to."""
    ended = (ManualJournalState.REJECTED, ManualJournalState.WITHDRAWN)
    return ManualJournal.objects.filter(reverses=entry).exclude(state__in=ended).first()


def _page(journal: ManualJournal) -> str:
    return reverse("admin:ledger_manualjournal_change", args=[journal.pk])


def _reversed(reversal: ManualJournal) -> SafeString:
    journal = page_link("ledger_manualjournal", reversal.pk, str(reversal))
    if reversal.entry_id is None:
        return format_html("A reversal of this entry is {}, and not booked yet: {}.", reversal.state, journal)
    booked = page_link("ledger_journalentry", reversal.entry_id, f"journal entry {reversal.entry_id}")
    return format_html("This entry is reversed by {}: {}.", booked, journal)


def _reverses(entry: JournalEntry) -> SafeString:
    original = entry.reference.removeprefix("entry:")
    return format_html(
        "This entry reverses {}.", page_link("ledger_journalentry", original, f"journal entry {original}")
    )


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

    def attach(self, rows: list[Any]) -> None:
        """Fetch the names of the accounts' owners."""
        names = names_of({row.account.code for row in rows})
        for row in rows:
            row.owner = names.get(row.account.code, "")

    @admin.display(description="Entry", ordering="entry_id")
    def entry_link(self, row: JournalLine) -> SafeString:
        """Return the entry that the line belongs to."""
        return page_link("ledger_journalentry", row.entry_id, f"{row.entry_id} · {words(row.entry.recipe)}")

    @admin.display(description="Account", ordering="account__code")
    def account_link(self, row: Any) -> SafeString:
        """Return the account, and whose it is."""
        return account_cell(row.account.code, row.owner)

    @admin.display(description="Debit")
    def debit_money(self, row: JournalLine) -> SafeString:
        """Return the amount of a debit."""
        return amount(row.amount.display if row.amount_minor > 0 else None)

    @admin.display(description="Credit")
    def credit_money(self, row: JournalLine) -> SafeString:
        """Return the amount of a credit."""
        return amount((-row.amount).display if row.amount_minor < 0 else None)
