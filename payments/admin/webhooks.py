import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter

from operations import selectors, switchboard
from operations.admin_base import Question, ReasonForm, WindowAdmin, actor_of, ask, hand
from operations.admin_display import Panel, audit_panel, code, code_column, state_column, time_column
from payments import services
from payments.models import EventListing, WebhookEvent


@admin.register(WebhookEvent)
class WebhookEventAdmin(WindowAdmin):
    """The inbox: what the provider told us."""

    called = ("webhook received", "webhooks received")
    list_display = ("event_code", "type_code", "object_code", "state_name", "received", "handled")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("source", ChoicesDropdownFilter),
        ("received_at", RangeDateTimeFilter),
    )
    search_fields = ("event_id__exact", "object_id__exact", "type__startswith")
    ordering = ("-id",)
    fields = (
        "event_code",
        "type_code",
        "object_code",
        "account",
        "state_name",
        "waiting_for",
        "source_name",
        "happened",
        "received",
        "handled",
        "body",
    )
    actions_detail = ("replay",)

    event_code = code_column("event_id", "Event")
    type_code = code_column("type", "Type")
    object_code = code_column("object_id", "Object")
    state_name = state_column()
    happened = time_column("created_at", "Happened")
    received = time_column("received_at", "Received")
    handled = time_column("handled_at", "Acted on")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        """Leave the bodies where they are until one is looked at."""
        rows: QuerySet[WebhookEvent] = super().get_queryset(request)
        return rows.defer("payload")

    @admin.display(description="Came as")
    def source_name(self, row: WebhookEvent) -> str:
        """Return how it got here, in words."""
        return str(row.get_source_display())

    def panels(self, row: Any) -> list[Panel]:
        """Return who had it acted on again."""
        return [audit_panel(selectors.audit_trail(subject=f"event:{row.event_id}"))]

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer to replay what something here depends on."""
        return frozenset({"replay"} if _depends(row) else ())

    @hand(title="Replay", permission="payments.change_webhookevent", path="replay", icon="replay")
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Act on the event once more."""
        event = get_object_or_404(WebhookEvent, pk=object_id)
        question = Question(
            title="Act on this event once more?",
            explanation="What it is about is fetched from the provider as it is now. What is booked already is not "
            "booked again.",
            button="Replay the event",
            facts=[("Event", code(event.event_id)), ("Type", code(event.type)), ("About", code(event.object_id))],
            refusal="" if _depends(event) else "Nothing here depends on events of this type.",
        )

        def act(answers: Any) -> str:
            services.replay_event(
                webhook=event.pk, actor=actor_of(request), reason=answers["reason"], now=timezone.now()
            )
            return "The event is due again."

        back = reverse("admin:payments_webhookevent_change", args=[object_id])
        return ask(
            window=self, request=request, question=question, form_class=ReasonForm, act=act, back=back, row=event
        )

    @admin.display(description="Body")
    def body(self, row: WebhookEvent) -> SafeString:
        """Return the body, indented where it is JSON."""
        try:
            shown = json.dumps(json.loads(row.payload), indent=2, ensure_ascii=False)
        except ValueError:
            shown = row.payload
        return format_html('<pre class="cf-body">{}</pre>', shown)


@admin.register(EventListing)
class EventListingAdmin(WindowAdmin):
    """How the inbox compares with the provider's own list of events."""

    called = ("comparison of webhooks", "comparisons of webhooks")
    list_display = ("begins", "ends", "listed", "missing", "ran", "actor")
    list_filter = (("ran_at", RangeDateTimeFilter),)
    ordering = ("-id",)
    fields = ("psp", "begins", "ends", "listed", "missing", "ran", "actor")

    begins = time_column("since", "From")
    ends = time_column("until", "Until")
    ran = time_column("ran_at", "Compared")


def _depends(event: WebhookEvent) -> bool:
    """Tell whether something here depends on an event: now, whether or not anything did when it came."""
    return event.type in switchboard.table("PSP_EVENTS")
