from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from operations import selectors, services
from operations.admin_base import Question, ReasonForm, WindowAdmin, actor_of, ask, hand
from operations.admin_display import Panel, audit_panel, code, code_column, state_column, time_column
from operations.models import Job
from operations.models.jobs import JobState


@admin.register(Job)
class JobAdmin(WindowAdmin):
    """Durable work, dead letters included."""

    list_display = ("kind_name", "key_name", "state_name", "attempts", "due", "created", "error")
    list_filter = (("state", ChoicesDropdownFilter), "kind")
    search_fields = ("key__exact", "kind")
    ordering = ("-id",)
    fields = (
        "kind_name",
        "key_name",
        "state_name",
        "args",
        "attempts",
        "due",
        "lease_until",
        "last_error",
        "created",
        "finished",
    )
    actions_detail = ("replay", "discard")

    kind_name = code_column("kind", "Kind")
    key_name = code_column("key", "Key")
    state_name = state_column()
    due = time_column("next_at", "Due")
    created = time_column("created_at", "Created")
    finished = time_column("finished_at", "Finished")

    @admin.display(description="Last error")
    def error(self, row: Job) -> str:
        """Return the beginning of the last error."""
        return row.last_error[:80]

    def panels(self, row: Any) -> list[Panel]:
        """Return who replayed or discarded the job."""
        return [audit_panel(selectors.audit_trail(subject=f"job:{row.pk}"))]

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer to replay or discard dead letters only."""
        return frozenset({"replay", "discard"} if row.state == JobState.DEAD else ())

    @hand(title="Replay", permission="operations.change_job", path="replay", icon="replay")
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Put a dead letter back on the table."""
        job = get_object_or_404(Job, pk=object_id)
        question = Question(
            title="Replay this dead letter?",
            explanation="The job goes back on the table with its attempts counted afresh. "
            "It is the same step again: what it did already is not done twice.",
            button="Replay the job",
            facts=[("Job", code(str(job))), ("Last error", job.last_error)],
            refusal="" if job.state == JobState.DEAD else "This job is no dead letter: there is nothing to replay.",
        )

        def act(answers: Any) -> str:
            services.replay_job(job_id=job.pk, actor=actor_of(request), reason=answers["reason"], now=timezone.now())
            return "The job is back on the table."

        back = reverse("admin:operations_job_change", args=[object_id])
        return ask(window=self, request=request, question=question, form_class=ReasonForm, act=act, back=back, row=job)

    @hand(title="Discard", permission="operations.change_job", path="discard", icon="delete", danger=True)
    def discard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give a dead letter up for good."""
        job = get_object_or_404(Job, pk=object_id)
        question = Question(
            title="Discard this dead letter?",
            explanation="Nobody will try again. The row stays, with your reason; what the job was to do is yours now.",
            button="Discard the job",
            danger=True,
            facts=[("Job", code(str(job))), ("Last error", job.last_error)],
            refusal="" if job.state == JobState.DEAD else "This job is no dead letter: there is nothing to discard.",
        )

        def act(answers: Any) -> str:
            services.discard_job(job_id=job.pk, actor=actor_of(request), reason=answers["reason"], now=timezone.now())
            return "The job is discarded."

        back = reverse("admin:operations_job_change", args=[object_id])
        return ask(window=self, request=request, question=question, form_class=ReasonForm, act=act, back=back, row=job)
