from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter

from ledger import chart
from ledger.selectors import currencies, entries_about
from operations.admin_base import WindowAdmin, currency_filter
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    code_column,
    entry_panels,
    history_panel,
    list_link,
    money_column,
    name,
    page_link,
    state_column,
    time_column,
)
from operations.selectors import histories
from payments.admin.checkout_panels import waits
from payments.admin.checkouts import refunds_panel
from payments.models import PaymentOrder
from payments.waits import waiting


@admin.register(PaymentOrder)
class PaymentOrderAdmin(WindowAdmin):
    """Each seller's part of each checkout."""

    list_display = (
        "their_id",
        "seller_link",
        "shop",
        "state_name",
        "waits_for",
        "amount_money",
        "commission_money",
        "refunded_money",
        "paid",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        currency_filter(currencies),
        ("storefront", RelatedDropdownFilter),
        ("paid_at", RangeDateTimeFilter),
    )
    list_select_related = ("storefront", "seller", "checkout")
    search_fields = (
        "id__exact",
        "payment_order_id__exact",
        "checkout__id__exact",
        "checkout__checkout_id__exact",
        "seller__id__exact",
        "seller__seller_id__exact",
    )
    search_help_text = "Our id or the storefront's id of the order, its checkout or its seller."
    ordering = ("-id",)
    fields = (
        "their_id",
        "id_code",
        "checkout_link",
        "seller_link",
        "shop",
        "state_name",
        "waits_for",
        "amount_money",
        "captured_money",
        "shown_category",
        "commission_money",
        "commission_tax_money",
        "tax_account",
        "refunded_money",
        "paid",
        "ledger_updated",
        "wallet_updated",
    )

    their_id = code_column("payment_order_id", "Order")
    id_code = code_column("id", "Our id")
    state_name = state_column()
    amount_money = money_column("amount", "Amount")
    commission_money = money_column("commission", "Commission")
    commission_tax_money = money_column("commission_tax", "Tax on commission")
    captured_money = money_column("captured", "Captured")
    refunded_money = money_column("refunded", "Refunded")
    paid = time_column("paid_at", "Paid")

    def attach(self, rows: list[Any]) -> None:
        """Fetch whom the orders of a page wait for."""
        found = waiting(orders=rows)
        for row in rows:
            row.waits = found.get(row.pk)

    @admin.display(description="Waits for")
    def waits_for(self, row: Any) -> Cell:
        """Return whom the order waits for, and since when."""
        return waits(row.waits)

    @admin.display(description="Seller", ordering="seller__name")
    def seller_link(self, row: PaymentOrder) -> SafeString:
        """Return the seller."""
        return page_link("payments_seller", row.seller_id, name(row.seller.name))

    @admin.display(description="Checkout", ordering="checkout")
    def checkout_link(self, row: PaymentOrder) -> SafeString:
        """Return the checkout."""
        return page_link("payments_checkout", row.checkout_id, row.checkout.checkout_id)

    @admin.display(description="Storefront", ordering="storefront")
    def shop(self, row: PaymentOrder) -> SafeString:
        """Return the storefront's name."""
        return name(row.storefront.name)

    @admin.display(description="Category")
    def shown_category(self, row: PaymentOrder) -> SafeString | str:
        """Return the category as the storefront named it."""
        return name(row.category) if row.category else NOTHING

    @admin.display(description="Tax account")
    def tax_account(self, row: PaymentOrder) -> SafeString | str:
        """Return the account of the tax on the commission."""
        return list_link("ledger_account", chart.tax(row.tax), f"?q={chart.tax(row.tax)}") if row.tax else NOTHING

    def panels(self, row: Any) -> list[Panel]:
        """Return refunds, the checkout's journal entries and the order's history."""
        return [
            refunds_panel(list(row.refunds.select_related("order").order_by("created_at"))),
            *entry_panels(entries_about(subjects=[f"checkout:{row.checkout_id}", f"order:{row.pk}"])),
            history_panel(histories(machines={"payment_order": [row.pk]})),
        ]
