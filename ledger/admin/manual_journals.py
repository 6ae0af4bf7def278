from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter

from ledger.admin.journal_form import JournalForm, journal_page
from ledger.admin.journal_panels import (
    approval_panel,
    checked_panels,
    facts,
    original_link,
    totals,
    totals_text,
)
from ledger.journals.common import APPROVAL_KIND
from ledger.journals.decisions import limits_of, within_limit
from ledger.journals.effects import HoldTooSmall, WouldOverdraw, require_bearable
from ledger.models import ManualJournal, ManualJournalAttachment
from ledger.models.manual_journals import ManualJournalKind
from ledger.services import draft_journal, revise_journal, submit_journal, withdraw_journal
from ledger.states import ManualJournalState
from operations.admin_base import (
    ConfirmForm,
    Decision,
    NoteForm,
    Question,
    WindowAdmin,
    actor_of,
    ask,
    decide,
    hand,
)
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    audit_panel,
    code_column,
    history_panel,
    page_link,
    state_column,
    time_column,
)
from operations.counts import format_count
from operations.selectors import audit_trail, histories


@admin.register(ManualJournal)
class ManualJournalAdmin(WindowAdmin):
    """Journals and reversals that people write: drafted by one person, above the limit decided by another."""

    list_display = ("id_code", "kind_name", "state_name", "total_money", "reason", "maker", "age")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("id__exact", "maker", "description", "lines__account__exact", "lines__item__exact")
    ordering = ("-created_at", "-id")
    fields = (
        "id_code",
        "kind_name",
        "state_name",
        "total_money",
        "reverses_link",
        "entry_link",
        "maker",
        "created",
        "booked_on",
        "why",
    )
    actions_list = ("write",)
    actions_detail = ("submit", "edit", "withdraw", "approve", "reject")

    id_code = code_column("id", "Journal")
    state_name = state_column()
    created = time_column("created_at", "Written")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ManualJournal]:
        """Fetch the lines of a page in one query."""
        rows: QuerySet[ManualJournal] = super().get_queryset(request)
        return rows.select_related("reverses").prefetch_related("lines")

    @admin.display(description="Kind", ordering="kind")
    def kind_name(self, row: ManualJournal) -> SafeString:
        """Return what it is, in words."""
        return format_html('<span class="cf-nowrap">{}</span>', row.get_kind_display().capitalize())

    @admin.display(description="Debits = credits")
    def total_money(self, row: ManualJournal) -> SafeString:
        """Return the sum of the debits, in each currency."""
        return totals(row)

    @admin.display(description="Reason")
    def reason(self, row: ManualJournal) -> SafeString:
        """Return the reason on one line, as far as it fits; all of it shows when one rests on it."""
        return format_html('<span class="cf-clip" title="{}">{}</span>', row.description, row.description)

    @admin.display(description="Reason")
    def why(self, row: ManualJournal) -> str:
        """Return the reason."""
        return row.description

    @admin.display(description="Age", ordering="-created_at")
    def age(self, row: ManualJournal) -> SafeString:
        """Return how long ago it was written."""
        days = format_count((timezone.now() - row.created_at).days, "day")
        return format_html('<span class="cf-nowrap">{}</span>', days)

    @admin.display(description="Reverses")
    def reverses_link(self, row: ManualJournal) -> Cell:
        """Return the entry that a reversal mirrors."""
        return original_link(row)

    @admin.display(description="Booked as")
    def entry_link(self, row: ManualJournal) -> Cell:
        """Return the entry that it became."""
        return (
            page_link("ledger_journalentry", row.entry_id, f"Journal entry {row.entry_id}") if row.entry_id else NOTHING
        )

    @admin.display(description="Value date")
    def booked_on(self, row: ManualJournal) -> str:
        """Return the value date."""
        return str(row.value_date) if row.value_date else "the day it is booked"

    def panels(self, row: Any) -> list[Panel]:
        """Return the lines, what they would do, the evidence, and who did what."""
        return [
            *checked_panels(row),
            approval_panel(row),
            history_panel(histories(machines={"manual_journal": [row.pk]})),
            audit_panel(audit_trail(subject=f"manual_journal:{row.pk}")),
        ]

    def notices(self, row: Any, actor: str) -> list[Cell]:
        """Say what is not booked yet, and who does what next."""
        if row.state == ManualJournalState.DRAFTED:
            return [f"A draft: nothing is booked. {row.maker} submits it after the preview, or it is withdrawn."]
        if row.state == ManualJournalState.REQUESTED:
            return [_undecidable(row, actor) or "It waits for a second person: nothing is booked yet."]
        return []

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer a draft's maker to go on with it, and a second person the decision."""
        if row.state == ManualJournalState.DRAFTED:
            makers = {"submit", "edit"} if row.kind == ManualJournalKind.JOURNAL else {"submit"}
            return frozenset({"withdraw"} | (makers if row.maker == actor else set()))
        return frozenset() if _undecidable(row, actor) else frozenset({"approve", "reject"})

    @hand(title="New manual journal", permission="ledger.add_manualjournal", path="write", icon="add")
    def write(self, request: HttpRequest) -> HttpResponse:
        """Write a journal, and go on to its preview."""

        def save(form: JournalForm) -> ManualJournal:
            key = form.head.cleaned_data["key"]
            return draft_journal(**form.answers(), key=key, actor=actor_of(request), now=timezone.now())

        back = reverse("admin:ledger_manualjournal_changelist")
        return journal_page(window=self, request=request, title="New manual journal", back=back, save=save)

    @hand(title="Change", permission="ledger.add_manualjournal", path="edit", icon="edit")
    def edit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change what a draft says, and go on to its preview."""
        journal = get_object_or_404(ManualJournal, pk=object_id)
        if "edit" not in self.hands(journal, actor_of(request)):
            raise PermissionDenied

        def save(form: JournalForm) -> ManualJournal:
            return revise_journal(journal_id=journal.pk, **form.answers(), actor=actor_of(request), now=timezone.now())

        return journal_page(
            window=self, request=request, title="Change this draft", back=_page(journal), save=save, start=journal
        )

    @hand(title="Preview and submit", permission="ledger.add_manualjournal", path="submit", icon="fact_check")
    def submit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what would be booked; book it, or ask a second person."""
        journal = get_object_or_404(ManualJournal, pk=object_id)
        at_once = within_limit(journal)

        def act(answers: Mapping[str, Any]) -> str:
            done = submit_journal(journal_id=journal.pk, actor=actor_of(request), now=timezone.now())
            if done.entry_id:
                return f"Booked: {totals_text(done)}, as journal entry {done.entry_id}."
            return f"Submitted: {totals_text(done)} waits for a second person. Nothing is booked yet."

        return ask(
            window=self,
            request=request,
            question=_preview(journal, actor_of(request), at_once=at_once),
            form_class=ConfirmForm,
            act=act,
            back=_page(journal),
            row=journal,
        )

    @hand(title="Withdraw", permission="ledger.add_manualjournal", path="withdraw", icon="undo", danger=True)
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Call a draft off."""
        journal = get_object_or_404(ManualJournal, pk=object_id)
        question = Question(
            title="Withdraw this draft?",
            explanation="Nothing was booked. The draft stays on record as withdrawn, and cannot be taken up again.",
            button="Withdraw the draft",
            danger=True,
            facts=facts(journal),
            refusal="" if journal.state == ManualJournalState.DRAFTED else f"This journal is {journal.state}.",
        )

        def act(answers: Mapping[str, Any]) -> str:
            withdraw_journal(journal_id=journal.pk, reason=answers["note"], actor=actor_of(request), now=timezone.now())
            return "Withdrawn: nothing was booked."

        return ask(
            window=self,
            request=request,
            question=question,
            form_class=NoteForm,
            act=act,
            back=_page(journal),
            row=journal,
        )

    @hand(title="Approve", permission="operations.change_approval", path="approve", icon="check")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Grant a journal, as a second person."""
        return self._decide(request, object_id, granted=True)

    @hand(title="Reject", permission="operations.change_approval", path="reject", icon="block", danger=True)
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Reject a journal, as a second person."""
        return self._decide(request, object_id, granted=False)

    def _decide(self, request: HttpRequest, object_id: str, *, granted: bool) -> HttpResponse:
        journal = get_object_or_404(ManualJournal, pk=object_id)
        what = f"this {journal.get_kind_display()} of {totals_text(journal)}"
        yes = Decision(
            title=f"Approve {what}?",
            explanation="It is booked at once, exactly as it stands here. What is in the books is never taken out; "
            "it can only be reversed.",
            button="Approve and book",
            told=f"Approved and booked: {totals_text(journal)}.",
        )
        no = Decision(
            title=f"Reject {what}?",
            explanation="Nothing is booked. Say why: its maker reads it, and an auditor does.",
            button="Reject the journal",
            told="Rejected: nothing was booked.",
        )
        return decide(
            window=self,
            request=request,
            decision=yes if granted else no,
            granted=granted,
            kind=APPROVAL_KIND,
            subject=f"manual_journal:{journal.pk}",
            facts=facts(journal),
            panels=checked_panels(journal),
            refusal=_undecidable(journal, actor_of(request)),
            back=_page(journal),
            row=journal,
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the way to the attachments."""
        view = self.admin_site.admin_view(self.attachment)
        address = "<path:object_id>/attachments/<int:attachment_id>/"
        return [path(address, view, name="ledger_manualjournal_attachment"), *super().get_urls()]

    def attachment(self, request: HttpRequest, object_id: str, attachment_id: int) -> HttpResponse:
        """Hand an attachment over as a download, never as a page that a browser would show or run."""
        if not request.user.has_perm("ledger.view_manualjournalattachment"):
            raise PermissionDenied("ledger.view_manualjournalattachment")
        file = get_object_or_404(ManualJournalAttachment, pk=attachment_id, journal=object_id)
        answer = HttpResponse(bytes(file.content), content_type=file.content_type)
        answer["Content-Disposition"] = content_disposition_header(True, file.name)
        answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
        answer["X-Content-Type-Options"] = "nosniff"
        return answer


def _page(journal: ManualJournal) -> str:
    return reverse("admin:ledger_manualjournal_change", args=[journal.pk])


def _undecidable(journal: ManualJournal, actor: str) -> str:
    """Return why this person cannot decide the journal; empty where they can."""
    if journal.state != ManualJournalState.REQUESTED:
        return f"This journal is {journal.state}: there is nothing to decide."
    if journal.maker == actor:
        return "You wrote this journal: a second person must approve or reject it."
    return ""


def _preview(journal: ManualJournal, actor: str, *, at_once: bool) -> Question:
    then = (
        "One person is enough for this sum: it is booked at once."
        if at_once
        else f"A second person is asked to approve it{_why_two(journal)}. Until then nothing is booked."
    )
    lines = "Once submitted it cannot be changed, and what is booked can only be reversed."
    edit = reverse("admin:ledger_manualjournal_edit", args=[journal.pk])
    withdraw = reverse("admin:ledger_manualjournal_withdraw", args=[journal.pk])
    changeable = journal.state == ManualJournalState.DRAFTED and journal.maker == actor
    others = [("Change it", edit)] if changeable and journal.kind == ManualJournalKind.JOURNAL else []
    return Question(
        title=f"Preview: {journal.get_kind_display()} of {totals_text(journal)}",
        explanation=f"{then} {lines}",
        button="Book it now" if at_once else "Submit for approval",
        facts=facts(journal),
        panels=checked_panels(journal),
        refusal=_unsubmittable(journal, actor),
        others=[*others, ("Withdraw it", withdraw)] if changeable else [],
    )


def _why_two(journal: ManualJournal) -> str:
    limits = limits_of(journal)
    if not any(limit.minor for limit in limits):
        return ""
    return f": one person alone may book at most {' and '.join(str(limit.display) for limit in limits)}"


def _unsubmittable(journal: ManualJournal, actor: str) -> str:
    """Return why this person cannot submit the journal now; empty where they can."""
    if journal.state != ManualJournalState.DRAFTED:
        return f"This journal is {journal.state}: it was submitted or withdrawn already."
    if journal.maker != actor:
        return f"{journal.maker} wrote this draft: only they can submit it."
    try:
        require_bearable(journal)
    except (WouldOverdraw, HoldTooSmall) as error:
        return str(error)
    return ""
