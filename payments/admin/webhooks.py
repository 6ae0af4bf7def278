import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter

from operations.admin_base import WindowAdmin
from operations.admin_display import code_column, state_column, time_column
from payments.models import WebhookEvent


@admin.register(WebhookEvent)
class WebhookEventAdmin(WindowAdmin):
    """The inbox: what the provider told us."""

    list_display = ("event_code", "type_code", "object_code", "state_name", "received", "handled")
    list_filter = (("state", ChoicesDropdownFilter), ("received_at", RangeDateTimeFilter))
    search_fields = ("event_id__exact", "object_id__exact", "type__startswith")
    ordering = ("-id",)
    fields = ("event_code", "type_code", "object_code", "account", "state_name", "received", "handled", "body")

    event_code = code_column("event_id", "Event")
    type_code = code_column("type", "Type")
    object_code = code_column("object_id", "Object")
    state_name = state_column()
    received = time_column("received_at", "Received")
    handled = time_column("handled_at", "Acted on")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        """Leave the bodies where they are until one is looked at."""
        rows: QuerySet[WebhookEvent] = super().get_queryset(request)
        return rows.defer("payload")

    @admin.display(description="Body")
    def body(self, row: WebhookEvent) -> SafeString:
        """Return the body, indented where it is JSON."""
        try:
            shown = json.dumps(json.loads(row.payload), indent=2, ensure_ascii=False)
        except ValueError:
            shown = row.payload
        return format_html('<pre class="cf-body">{}</pre>', shown)
