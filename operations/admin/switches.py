from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from operations import selectors, services
from operations.admin_base import Question, ReasonForm, WindowAdmin, actor_of, ask, hand
from operations.admin_display import Cell, Panel, audit_panel, state_label, time_column
from operations.models import StopSwitch


@admin.register(StopSwitch)
class StopSwitchAdmin(WindowAdmin):
    """The brakes. Whoever may add a stop may pull one; letting go needs the permission to change it."""

    list_display = ("name", "state_name", "reason", "changed_by", "changed")
    ordering = ("name",)
    fields = ("name", "state_name", "reason", "changed_by", "changed")
    actions_detail = ("pull", "release")

    changed = time_column("changed_at", "Changed")

    @admin.display(description="State", ordering="stopped")
    def state_name(self, row: StopSwitch) -> Cell:
        """Return whether the brake holds."""
        return state_label("stopped" if row.stopped else "running")

    def panels(self, row: Any) -> list[Panel]:
        """Return who pulled and released the switch."""
        return [audit_panel(selectors.audit_trail(subject=f"switch:{row.pk}"))]

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer the opposite of what is."""
        return frozenset({"release"} if row.stopped else {"pull"})

    @hand(title="Stop", permission="operations.add_stopswitch", path="pull", icon="front_hand", danger=True)
    def pull(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Pull the brake."""
        question = Question(
            title=f"Stop {object_id}?",
            explanation=f"New {object_id} are refused until somebody lets go. "
            "What was sent to the provider already runs to its end.",
            button="Stop now",
            danger=True,
        )
        return self._turn(request, object_id, question, services.pull_switch, f"{object_id}: stopped.")

    @hand(title="Let go", permission="operations.change_stopswitch", path="release", icon="play_arrow")
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the brake go."""
        question = Question(
            title=f"Let {object_id} run again?",
            explanation="What waited is carried out from now on.",
            button="Let go",
        )
        return self._turn(request, object_id, question, services.release_switch, f"{object_id}: running.")

    def _turn(self, request: HttpRequest, switch: str, question: Question, verb: Any, told: str) -> HttpResponse:
        row = get_object_or_404(StopSwitch, pk=switch)

        def act(answers: Any) -> str:
            verb(name=switch, reason=answers["reason"], actor=actor_of(request), now=timezone.now())
            return told

        back = reverse("admin:operations_stopswitch_changelist")
        return ask(window=self, request=request, question=question, form_class=ReasonForm, act=act, back=back, row=row)
