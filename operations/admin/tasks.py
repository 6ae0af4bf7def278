from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from operations import selectors, services
from operations.admin.guidance import what_to_do
from operations.admin_base import Question, ReasonForm, WindowAdmin, actor_of, ask, hand
from operations.admin_display import Cell, Panel, audit_panel, code_column, state_column, subject_column, time_column
from operations.models import HumanTask
from operations.models.tasks import TaskState

SHOWN = 120


@admin.register(HumanTask)
class HumanTaskAdmin(WindowAdmin):
    """What waits for a person: the questions that only somebody can answer."""

    called = ("question", "questions")
    list_display = ("kind_name", "about", "state_name", "waits_for", "asked", "said", "closed_by", "closed")
    list_filter = (("state", ChoicesDropdownFilter), "kind", "waits_for")
    search_fields = ("subject__exact", "kind")
    ordering = ("-since", "-id")
    fields = ("kind", "about", "state_name", "waits_for", "asked", "reason", "closed_by", "closed", "note")
    actions_detail = ("close",)

    kind_name = code_column("kind", "Kind")
    about = subject_column()
    state_name = state_column()
    asked = time_column("since", "Since")
    closed = time_column("closed_at", "Closed")

    @admin.display(description="Question")
    def said(self, row: HumanTask) -> str:
        """Return the beginning of the question, and whether more follows."""
        return Truncator(row.reason).chars(SHOWN)

    def notices(self, row: Any, actor: str) -> list[Cell]:
        """Say what to do about what is open, and where."""
        return what_to_do(row.kind) if row.state == TaskState.OPEN else []

    def panels(self, row: Any) -> list[Panel]:
        """Return the subject's audit trail."""
        return [audit_panel(selectors.audit_trail(subject=row.subject))]

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer to close what is open."""
        return frozenset({"close"} if row.state == TaskState.OPEN else ())

    @hand(title="Close the question", permission="operations.change_humantask", path="close", icon="task_alt")
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Close a question that was dealt with."""
        task = get_object_or_404(HumanTask, pk=object_id)
        question = Question(
            title="Close this question?",
            explanation="Say what you found out and did. Nothing else happens: what the question is about goes on "
            "by itself, or was set right on its own page.",
            button="Close the question",
            facts=[("Question", task.reason)],
            refusal="" if task.state == TaskState.OPEN else "This question is closed already.",
        )

        def act(answers: Any) -> str:
            now, note = timezone.now(), answers["reason"]
            services.close_task(task_id=task.pk, actor=actor_of(request), note=note, now=now)
            return "The question is closed."

        back = reverse("admin:operations_humantask_change", args=[object_id])
        return ask(window=self, request=request, question=question, form_class=ReasonForm, act=act, back=back, row=task)
