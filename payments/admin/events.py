import json
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from operations.admin_base import Question, ReasonForm, WindowAdmin, actor_of, ask, hand
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    audit_panel,
    code,
    code_column,
    columns,
    history_panel,
    moment,
    page_link,
    state_column,
    state_label,
    time_column,
)
from operations.selectors import audit_trail, history
from payments import services
from payments.models import EventDelivery, StorefrontEvent, WebhookEndpoint
from payments.states import EventDeliveryState

_LATEST = 50


@admin.register(StorefrontEvent)
class StorefrontEventAdmin(WindowAdmin):
    """What storefronts were told, and whether they took it."""

    called = ("message to a shop", "messages to shops")
    list_display = ("event_code", "type_code", "storefront", "created", "taken")
    list_filter = ("storefront",)
    list_select_related = ("storefront",)
    search_fields = ("id__exact", "type__startswith")
    ordering = ("-created_at",)
    fields = ("event_code", "type_code", "storefront", "created", "taken", "body")

    event_code = code_column("id", "Message")
    type_code = code_column("type", "Type")
    created = time_column("created_at", "Written")

    def get_queryset(self, request: HttpRequest) -> QuerySet[StorefrontEvent]:
        """Count the endpoints, and those that took the message."""
        rows: QuerySet[StorefrontEvent] = super().get_queryset(request)
        took = Q(deliveries__state=EventDeliveryState.DELIVERED)
        return rows.annotate(sent=Count("deliveries"), took=Count("deliveries", filter=took))

    @admin.display(description="Taken by")
    def taken(self, row: Any) -> str:
        """Return how many of the endpoints it is for took it."""
        return f"{row.took} of {row.sent}" if row.sent else "no endpoint wants it"

    @admin.display(description="Body")
    def body(self, row: StorefrontEvent) -> SafeString:
        """Return what the shop is told."""
        return format_html('<pre class="cf-body">{}</pre>', json.dumps(row.payload, indent=2, ensure_ascii=False))

    def panels(self, row: Any) -> list[Panel]:
        """Return the endpoints that it is for, and who had it sent again."""
        rows = row.deliveries.select_related("endpoint", "event").order_by("pk")
        return [_deliveries(rows, "Deliveries"), audit_panel(audit_trail(subject=f"storefront_event:{row.pk}"))]


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(WindowAdmin):
    """Where storefronts want to be told; they look after it themselves, through the API."""

    called = ("endpoint of a shop", "endpoints of shops")
    list_display = ("address", "storefront", "state_name", "failing", "created")
    list_filter = ("storefront", "enabled")
    list_select_related = ("storefront",)
    search_fields = ("id__exact", "url__icontains")
    ordering = ("-id",)
    fields = ("endpoint_code", "address", "storefront", "description", "types", "state_name", "failing", "created")

    endpoint_code = code_column("id", "Endpoint")
    failing = time_column("failing_since", "Takes nothing since")
    created = time_column("created_at", "Made")

    @admin.display(description="Address", ordering="url")
    def address(self, row: WebhookEndpoint) -> str:
        """Return where messages are sent to."""
        return row.url

    @admin.display(description="State")
    def state_name(self, row: WebhookEndpoint) -> Cell:
        """Return whether messages are sent to it."""
        return state_label("active" if row.enabled else "disabled", row.disabled_reason)

    @admin.display(description="Wants")
    def types(self, row: WebhookEndpoint) -> str:
        """Return the types of event that it wants."""
        return ", ".join(row.event_types) or "all"

    def notices(self, row: Any, actor: str) -> list[Cell]:
        """Say why nothing is sent to it, where nothing is."""
        return [] if row.enabled else [f"Nothing is sent to this endpoint: {row.disabled_reason}."]

    def panels(self, row: Any) -> list[Panel]:
        """Return what was sent to it last, its secrets by age, and its audit trail."""
        rows = row.deliveries.select_related("endpoint", "event").order_by("-pk")[:_LATEST]
        secrets = [(moment(one.created_at), moment(one.expires_at)) for one in row.secrets.order_by("-pk")]
        return [
            _deliveries(rows, "Latest deliveries"),
            Panel(title="Secrets", columns=columns("Made", "Signs until"), rows=secrets),
            audit_panel(audit_trail(subject=f"webhook_endpoint:{row.pk}")),
        ]


@admin.register(EventDelivery)
class EventDeliveryAdmin(WindowAdmin):
    """One message on its way to one endpoint: the log of its tries, and the hand that has it sent again."""

    called = ("delivery of a message", "deliveries of messages")
    list_display = ("delivery_code", "type_name", "endpoint", "state_name", "created", "delivered")
    list_filter = (("state", ChoicesDropdownFilter),)
    list_select_related = ("event", "endpoint")
    search_fields = ("id__exact", "event__id__exact")
    ordering = ("-id",)
    fields = ("delivery_code", "type_name", "event", "endpoint", "state_name", "tries_left", "created", "delivered")
    actions_detail = ("resend",)

    delivery_code = code_column("id", "Delivery")
    state_name = state_column()
    created = time_column("created_at", "Made")
    delivered = time_column("delivered_at", "Taken")

    @admin.display(description="Type")
    def type_name(self, row: EventDelivery) -> Cell:
        """Return the event's type."""
        return code(row.event.type)

    def panels(self, row: Any) -> list[Panel]:
        """Return each try with what was answered, and the moves."""
        tries = [
            (moment(one.at), str(one.status or NOTHING), f"{one.milliseconds:,} ms", one.answer or NOTHING)
            for one in row.tries.order_by("pk")
        ]
        return [
            Panel(title="Tries", columns=columns("When", "Answered", "Took#", "Said"), rows=tries),
            history_panel(history(machine="event_delivery", subject_id=row.pk)),
        ]

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer to send again what is not on its way already."""
        return frozenset({"resend"} if row.state != EventDeliveryState.WAITING and row.endpoint.enabled else ())

    @hand(title="Send again", permission="payments.change_eventdelivery", path="resend", icon="send")
    def resend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send a message to its endpoint once more."""
        row = get_object_or_404(EventDelivery.objects.select_related("endpoint", "event"), pk=object_id)
        question = Question(
            title="Send this message again?",
            explanation="The shop gets it under the same id, by which it knows what it had already.",
            button="Send again",
            facts=[("Message", code(row.event_id)), ("Endpoint", row.endpoint.url)],
            refusal="" if row.endpoint.enabled else "This endpoint is disabled: its storefront enables it first.",
        )

        def act(answers: Any) -> str:
            services.resend_delivery(
                delivery=row.pk, actor=actor_of(request), reason=answers["reason"], now=timezone.now()
            )
            return "The message is on its way again."

        back = reverse("admin:payments_eventdelivery_change", args=[object_id])
        return ask(window=self, request=request, question=question, form_class=ReasonForm, act=act, back=back, row=row)


def _deliveries(rows: Any, title: str) -> Panel:
    return Panel(
        title=title,
        columns=columns("Delivery", "Message", "Endpoint~", "State", "Taken"),
        rows=[
            (
                page_link("payments_eventdelivery", row.pk, row.pk),
                page_link("payments_storefrontevent", row.event_id, row.event.type),
                page_link("payments_webhookendpoint", row.endpoint_id, row.endpoint.url),
                state_label(row.state, row.get_state_display()),
                moment(row.delivered_at),
            )
            for row in rows
        ],
    )
