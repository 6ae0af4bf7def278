import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from operations.admin_base import WindowAdmin
from operations.admin_display import code_column, time_column
from payments.models import StorefrontEvent


@admin.register(StorefrontEvent)
class StorefrontEventAdmin(WindowAdmin):
    """What storefronts were told, and whether they took it."""

    list_display = ("event_code", "type_code", "storefront", "created", "delivered", "last_answer")
    list_filter = ("storefront",)
    list_select_related = ("storefront",)
    search_fields = ("id__exact", "type__startswith")
    ordering = ("-created_at",)
    fields = ("event_code", "type_code", "storefront", "created", "delivered", "last_answer", "body")

    event_code = code_column("id", "Message")
    type_code = code_column("type", "Type")
    created = time_column("created_at", "Written")
    delivered = time_column("delivered_at", "Taken by the shop")

    @admin.display(description="Body")
    def body(self, row: StorefrontEvent) -> SafeString:
        """Return what the shop is told."""
        return format_html('<pre class="cf-body">{}</pre>', json.dumps(row.payload, indent=2, ensure_ascii=False))
