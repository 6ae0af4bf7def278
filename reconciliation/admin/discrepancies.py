from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import F, QuerySet
from django.db.models.functions import Abs
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter

from ledger.money import Money
from ledger.selectors import currencies
from operations.admin_base import (
    Question,
    ReasonForm,
    TextInput,
    WindowAdmin,
    actor_of,
    ask,
    currency_filter,
    fit_to_keep,
    hand,
)
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    amount,
    audit_panel,
    code_column,
    history_panel,
    money_column,
    page_link,
    state_column,
    state_label,
    subject_column,
    time_column,
)
from operations.counts import format_count
from operations.selectors import audit_trail, histories
from reconciliation.models import Discrepancy
from reconciliation.services import assign_discrepancy, resolve_discrepancy
from reconciliation.states import DiscrepancyState

UNSETTLED = (DiscrepancyState.OPEN, DiscrepancyState.ASSIGNED)


class AssignForm(forms.Form):
    """Who looks into it."""

    owner = forms.CharField(
        max_length=150,
        validators=[fit_to_keep],
        widget=TextInput,
        help_text="The person who looks into it, by the name they sign in with.",
    )

    def clean_owner(self) -> str:
        """Refuse whom nobody could ask: a name with a typing error would leave it to nobody."""
        owner = str(self.cleaned_data["owner"]).removeprefix("user:")
        if not get_user_model().objects.filter(username=owner, is_active=True).exists():
            raise forms.ValidationError(f"Nobody signs in as {owner}.")
        return owner


@admin.register(Discrepancy)
class DiscrepancyAdmin(WindowAdmin):
    """Where the books and the outside world disagree."""

    list_display = (
        "reference_code",
        "kind_name",
        "class_name",
        "state_name",
        "at_risk_money",
        "expected_money",
        "found_money",
        "owner",
        "age",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("klass", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        currency_filter(currencies),
        ("opened_at", RangeDateTimeFilter),
    )
    search_fields = ("reference__exact", "subject__exact", "owner")
    ordering = ("-opened_at", "-id")
    fields = (
        "reference_code",
        "about",
        "kind_name",
        "class_whole",
        "state_name",
        "at_risk_money",
        "expected_money",
        "found_money",
        "line_link",
        "owner",
        "age",
        "opened",
        "note",
    )
    actions_detail = ("assign", "resolve")

    reference_code = code_column("reference", "Provider's object")
    about = subject_column()
    state_name = state_column()
    expected_money = money_column("expected", "The books say")
    found_money = money_column("found", "The statement says")
    opened = time_column("opened_at", "Opened")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Discrepancy]:
        """Add the money at risk, so that the list can be sorted by it."""
        rows: QuerySet[Discrepancy] = super().get_queryset(request)
        return rows.annotate(risk_minor=Abs(F("expected_minor") - F("found_minor")))

    @admin.display(description="What is wrong", ordering="kind")
    def kind_name(self, row: Discrepancy) -> str:
        """Return what is wrong, in words."""
        return row.get_kind_display().capitalize()

    @admin.display(description="Class", ordering="klass")
    def class_name(self, row: Discrepancy) -> Cell:
        """Return how it can be settled."""
        return state_label(row.klass, row.get_klass_display())

    @admin.display(description="Class")
    def class_whole(self, row: Discrepancy) -> Cell:
        """Return how it can be settled, in words: who rests on a label is not everybody."""
        return format_html("{} {}", state_label(row.klass), row.get_klass_display())

    @admin.display(description="At risk", ordering="risk_minor")
    def at_risk_money(self, row: Discrepancy) -> SafeString:
        """Return the money at risk."""
        return _at_risk(row)

    @admin.display(description="Age", ordering="-opened_at")
    def age(self, row: Discrepancy) -> str:
        """Return for how long it is known."""
        return format_count((timezone.now() - row.opened_at).days, "day")

    @admin.display(description="Statement line")
    def line_link(self, row: Discrepancy) -> Cell:
        """Return the statement line that showed it."""
        return page_link("reconciliation_statementline", row.line_id, f"No. {row.line_id}") if row.line_id else NOTHING

    def panels(self, row: Any) -> list[Panel]:
        """Return the history and the audit trail."""
        return [
            history_panel(histories(machines={"discrepancy": [str(row.pk)]})),
            audit_panel(audit_trail(subject=f"discrepancy:{row.pk}")),
        ]

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer to assign and resolve what is not settled."""
        return frozenset() if _refusal(row) else frozenset({"assign", "resolve"})

    @hand(title="Assign", permission="reconciliation.change_discrepancy", path="assign", icon="person_add")
    def assign(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the discrepancy to somebody."""
        found = get_object_or_404(Discrepancy, pk=object_id)
        question = _question(found, title="Who looks into this?", explanation="", button="Assign")

        def act(answers: Mapping[str, Any]) -> str:
            owner = answers["owner"]
            assign_discrepancy(discrepancy=found.pk, owner=owner, actor=actor_of(request), now=timezone.now())
            return f"Assigned to {owner}."

        return ask(
            window=self,
            request=request,
            question=question,
            form_class=AssignForm,
            act=act,
            back=_page(found),
            row=found,
        )

    @hand(title="Resolve", permission="reconciliation.change_discrepancy", path="resolve", icon="task_alt")
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Settle the discrepancy, with the reason."""
        found = get_object_or_404(Discrepancy, pk=object_id)
        question = _question(
            found,
            title="Resolve this discrepancy?",
            explanation="Nothing is posted by this. Say what the cause was and how it was fixed: an auditor reads it.",
            button="Resolve",
        )

        def act(answers: Mapping[str, Any]) -> str:
            resolve_discrepancy(
                discrepancy=found.pk, note=answers["reason"], actor=actor_of(request), now=timezone.now()
            )
            return "Resolved."

        return ask(
            window=self,
            request=request,
            question=question,
            form_class=ReasonForm,
            act=act,
            back=_page(found),
            row=found,
        )


def _page(found: Discrepancy) -> str:
    return reverse("admin:reconciliation_discrepancy_change", args=[found.pk])


def _at_risk(found: Discrepancy) -> SafeString:
    return amount(Money(found.at_risk_minor, found.currency).display)


def _refusal(found: Discrepancy) -> str:
    return "" if found.state in UNSETTLED else f"This discrepancy is {found.get_state_display()} already."


def _question(found: Discrepancy, *, title: str, explanation: str, button: str) -> Question:
    return Question(
        title=title,
        explanation=explanation,
        button=button,
        facts=[
            ("What is wrong", found.get_kind_display()),
            ("Provider's object", found.reference),
            ("The books say", amount(found.expected.display)),
            ("The statement says", amount(found.found.display)),
            ("At risk", _at_risk(found)),
        ],
        refusal=_refusal(found),
    )
