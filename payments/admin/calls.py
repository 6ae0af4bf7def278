import json
from functools import partial

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter

from operations.admin_base import WindowAdmin
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    code,
    code_column,
    columns,
    page_link,
    state_column,
    state_label,
    subject_column,
    time_column,
)
from payments.admin.acceptance import acceptance_page
from payments.models import ProviderCall
from payments.selectors import calls_about


@admin.register(ProviderCall)
class ProviderCallAdmin(WindowAdmin):
    """What was asked of the providers, and what they answered."""

    called = ("call to a provider", "calls to providers")
    list_display = ("sent", "op_code", "about_link", "outcome_name", "answer", "took", "object_code", "provider_name")
    list_filter = (("outcome", ChoicesDropdownFilter), ("sent_at", RangeDateTimeFilter))
    search_fields = (
        "id__exact",
        "about__exact",
        "key__exact",
        "request_id__exact",
        "object_id__exact",
        "op__startswith",
    )
    search_help_text = "What it is about (refund:rfd_…), our key, the provider's request or object, or what was asked."
    ordering = ("-sent_at", "-id")
    fields = (
        "sent",
        "provider_name",
        "op_code",
        "about_link",
        "key_code",
        "outcome_name",
        "reason",
        "answer",
        "took",
        "requests",
        "request_code",
        "object_code",
        "shown_body",
    )

    sent = time_column("sent_at", "Sent")
    op_code = code_column("op", "Asked")
    about_link = subject_column("about")
    key_code = code_column("key", "Our key")
    outcome_name = state_column("outcome", "Outcome")
    request_code = code_column("request_id", "Provider's request")
    object_code = code_column("object_id", "Provider's object")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderCall]:
        """Leave the bodies where they are until one is looked at."""
        rows: QuerySet[ProviderCall] = super().get_queryset(request)
        return rows.defer("body")

    def get_urls(self) -> list[URLPattern]:
        """Add the page of what was accepted."""
        page = self.admin_site.admin_view(partial(acceptance_page, self))
        return [path("acceptance/", page, name="payments_providercall_acceptance"), *super().get_urls()]

    @admin.display(description="Provider", ordering="psp")
    def provider_name(self, row: ProviderCall) -> str:
        """Return which provider was asked."""
        return row.psp

    @admin.display(description="HTTP", ordering="http_status")
    def answer(self, row: ProviderCall) -> str:
        """Return the HTTP status of the last answer."""
        return _answer(row)

    @admin.display(description="Took", ordering="took_ms")
    def took(self, row: ProviderCall) -> SafeString:
        """Return how long it took."""
        return _took(row)

    @admin.display(description="Provider's answer")
    def shown_body(self, row: ProviderCall) -> Cell:
        """Return the body as it came, indented where it is JSON. Secrets and card numbers were never kept."""
        if not row.body:
            return "None came."
        try:
            shown = json.dumps(json.loads(row.body), indent=2, ensure_ascii=False)
        except ValueError:
            shown = row.body
        return format_html('<pre class="cf-body">{}</pre>', shown)


def calls_panel(subjects: list[str]) -> Panel:
    """Return the calls that were made about some subjects (kind:id), each with a link to the provider's answer."""
    return Panel(
        title="Calls to the provider",
        columns=columns("When", "Asked", "Outcome", "HTTP#", "Took#", "About~", "Provider's object~", "Why"),
        rows=[
            (
                page_link("payments_providercall", call.pk, f"{call.sent_at:%Y-%m-%d %H:%M:%S}"),
                code(call.op),
                state_label(call.outcome, call.get_outcome_display()),
                _answer(call),
                _took(call),
                code(call.about),
                code(call.object_id),
                call.reason or NOTHING,
            )
            for call in calls_about(subjects=subjects)
        ],
        empty="None is on record. What a process asked just before it died is missing here.",
    )


def _answer(call: ProviderCall) -> str:
    return str(call.http_status) if call.http_status else NOTHING


def _took(call: ProviderCall) -> SafeString:
    return format_html('<span class="cf-nowrap">{} ms</span>', f"{call.took_ms:,}")
