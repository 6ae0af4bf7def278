from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter

from ledger.money import Money
from ledger.selectors import currencies
from operations import selectors
from operations.admin_base import WindowAdmin, currency_filter
from operations.admin_display import Cell, Panel, amount, audit_panel, page_link, state_label, time_column
from payouts.models import Delivery


@admin.register(Delivery)
class DeliveryAdmin(WindowAdmin):
    """What was delivered, and when its money was, or will be, released to the seller."""

    list_display = ("order_link", "seller_link", "state_name", "delivered", "due", "released", "released_money")
    list_filter = (currency_filter(currencies), ("release_at", RangeDateTimeFilter))
    search_fields = ("order_id__exact", "seller_id__exact", "checkout_id__exact")
    ordering = ("-id",)
    fields = (
        "order_link",
        "checkout_link",
        "seller_link",
        "state_name",
        "delivered",
        "reported",
        "due",
        "released",
        "released_money",
    )

    delivered = time_column("delivered_at", "Delivered")
    reported = time_column("reported_at", "Reported")
    due = time_column("release_at", "Hold ends")
    released = time_column("released_at", "Released")

    @admin.display(description="Order", ordering="order_id")
    def order_link(self, row: Delivery) -> SafeString:
        """Return the delivered order."""
        return page_link("payments_paymentorder", row.order_id, row.order_id)

    @admin.display(description="Checkout")
    def checkout_link(self, row: Delivery) -> SafeString:
        """Return the order's checkout."""
        return page_link("payments_checkout", row.checkout_id, row.checkout_id)

    @admin.display(description="Seller", ordering="seller_id")
    def seller_link(self, row: Delivery) -> SafeString:
        """Return the seller."""
        return page_link("payments_seller", row.seller_id, row.seller_id)

    @admin.display(description="State")
    def state_name(self, row: Delivery) -> Cell:
        """Return where the release stands."""
        if row.released_at is not None:
            return state_label("released")
        return state_label("due", "released soon") if row.release_at <= timezone.now() else state_label("on hold")

    @admin.display(description="Amount", ordering="released_minor")
    def released_money(self, row: Delivery) -> SafeString:
        """Return what was released."""
        known = row.released_minor is not None
        return amount(Money(row.released_minor or 0, row.currency).display if known else None)

    def panels(self, row: Any) -> list[Panel]:
        """Return the audit trail."""
        return [audit_panel(selectors.audit_trail(subject=f"order:{row.order_id}"))]
