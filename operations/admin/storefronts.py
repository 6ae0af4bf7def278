from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from operations import selectors, services
from operations.admin_base import ConfirmForm, Question, WindowAdmin, actor_of, ask, hand
from operations.admin_display import (
    Cell,
    Panel,
    audit_panel,
    code_column,
    columns,
    moment,
    name,
    page_link,
    state_label,
    time_column,
)
from operations.models import ApiKey, Storefront


@admin.register(Storefront)
class StorefrontAdmin(WindowAdmin):
    """The API's clients."""

    list_display = ("slug", "shown_name", "living_keys", "created")
    search_fields = ("slug", "name")
    ordering = ("slug",)
    fields = ("slug", "shown_name", "return_origins", "created")

    created = time_column("created_at", "Registered")

    @admin.display(description="Name", ordering="name")
    def shown_name(self, row: Storefront) -> Cell:
        """Return the name as its owner wrote it."""
        return name(row.name)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Storefront]:
        """Count the keys that still work."""
        rows: QuerySet[Storefront] = super().get_queryset(request)
        return rows.annotate(keys=Count("api_keys", filter=Q(api_keys__revoked_at=None)))

    @admin.display(description="Keys in use", ordering="keys")
    def living_keys(self, row: Any) -> int:
        """Return how many keys are not revoked."""
        return int(row.keys)

    def panels(self, row: Any) -> list[Panel]:
        """Return the storefront's keys, by prefix, and its audit trail."""
        keys = [
            (
                page_link("operations_apikey", key.pk, f"{key.prefix}…"),
                key.label,
                _key_state(key),
                moment(key.created_at),
            )
            for key in row.api_keys.order_by("-id")
        ]
        return [
            Panel(title="API keys", columns=columns("Key", "Label", "State", "Issued"), rows=keys),
            audit_panel(selectors.audit_trail(subject=f"storefront:{row.pk}")),
        ]


@admin.register(ApiKey)
class ApiKeyAdmin(WindowAdmin):
    """API keys by their readable beginning; the secret itself is not kept anywhere."""

    called = ("API key", "API keys")
    list_display = ("beginning", "storefront", "label", "state_name", "created", "expires", "revoked")
    list_filter = ("storefront",)
    list_select_related = ("storefront",)
    search_fields = ("prefix", "label")
    ordering = ("-id",)
    fields = ("beginning", "storefront", "label", "state_name", "created", "expires", "revoked", "used")
    actions_detail = ("revoke",)

    beginning = code_column("prefix", "Key begins with")
    created = time_column("created_at", "Issued")
    expires = time_column("expires_at", "Expires")
    revoked = time_column("revoked_at", "Revoked")
    used = time_column("last_used_at", "Last used")

    @admin.display(description="State")
    def state_name(self, row: ApiKey) -> Cell:
        """Return whether the key works."""
        return _key_state(row)

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer to revoke what is not revoked."""
        return frozenset({"revoke"} if row.revoked_at is None else ())

    @hand(title="Revoke", permission="operations.change_apikey", path="revoke", icon="key_off", danger=True)
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make a key worthless."""
        key = get_object_or_404(ApiKey, pk=object_id)
        question = Question(
            title="Revoke this API key?",
            explanation="From the next request on nothing signed with this key is let in. This cannot be undone.",
            button="Revoke the key",
            danger=True,
            facts=[("Key", f"{key.prefix}…"), ("Storefront", name(str(key.storefront)))],
            refusal="This key is revoked already." if key.revoked_at else "",
        )

        def act(answers: Any) -> str:
            services.revoke_api_key(key_id=key.pk, actor=actor_of(request), now=timezone.now())
            return "The key is revoked."

        back = reverse("admin:operations_apikey_change", args=[object_id])
        return ask(window=self, request=request, question=question, form_class=ConfirmForm, act=act, back=back, row=key)


def _key_state(key: ApiKey) -> Cell:
    if key.revoked_at is not None:
        return state_label("revoked")
    if key.expires_at is not None and key.expires_at <= timezone.now():
        return state_label("expired")
    return state_label("active")
