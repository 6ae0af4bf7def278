from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter

from ledger.selectors import currencies
from operations.admin_base import WindowAdmin, currency_filter
from operations.admin_display import (
    Panel,
    code_column,
    history_panel,
    money_column,
    page_link,
    state_column,
    time_column,
)
from operations.selectors import histories
from payments.models import Refund


@admin.register(Refund)
class RefundAdmin(WindowAdmin):
    """Money back to buyers."""

    list_display = ("id_code", "order_link", "state_name", "amount_money", "reason", "requested_by", "created")
    list_filter = (("state", ChoicesDropdownFilter), currency_filter(currencies), ("created_at", RangeDateTimeFilter))
    list_select_related = ("order__checkout",)
    search_fields = ("id__exact", "psp_ref__exact", "order__id__exact", "order__payment_order_id__exact")
    ordering = ("-created_at", "-id")
    fields = (
        "id_code",
        "provider_code",
        "order_link",
        "checkout_link",
        "state_name",
        "amount_money",
        "reason",
        "requested_by",
        "created",
        "sent",
        "last_error",
    )

    id_code = code_column("id", "Refund")
    provider_code = code_column("psp_ref", "At the provider")
    state_name = state_column()
    amount_money = money_column("amount", "Amount")
    created = time_column("created_at", "Requested")
    sent = time_column("sent_at", "Sent")

    @admin.display(description="Order", ordering="order")
    def order_link(self, row: Refund) -> SafeString:
        """Return the refunded order."""
        return page_link("payments_paymentorder", row.order_id, row.order.payment_order_id)

    @admin.display(description="Checkout")
    def checkout_link(self, row: Refund) -> SafeString:
        """Return the checkout, on whose page the journal entries stand."""
        return page_link("payments_checkout", row.order.checkout_id, row.order.checkout.checkout_id)

    def panels(self, row: Any) -> list[Panel]:
        """Return the refund's history."""
        return [history_panel(histories(machines={"refund": [row.pk]}))]
