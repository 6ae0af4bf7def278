from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter

from ledger.selectors import currencies, entries_about
from operations.admin_base import WindowAdmin, currency_filter
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    amount,
    code,
    code_column,
    columns,
    entry_panels,
    history_panel,
    money_column,
    name,
    page_link,
    state_column,
    state_label,
    time_column,
    words,
)
from operations.selectors import histories
from payouts.models import Payout


@admin.register(Payout)
class PayoutAdmin(WindowAdmin):
    """What each seller gets in each batch, itemised to the orders that it settles."""

    list_display = ("id_code", "seller_link", "state_name", "amount_money", "batch_link", "sent", "paid", "error")
    list_filter = (("state", ChoicesDropdownFilter), currency_filter(currencies), ("sent_at", RangeDateTimeFilter))
    search_fields = ("id__exact", "batch__id__exact", "seller_id__exact", "psp_ref__exact", "items__order_id__exact")
    search_help_text = "The id of a payout, batch, seller, order or transfer."
    ordering = ("-id",)
    fields = (
        "id_code",
        "seller_link",
        "state_name",
        "amount_money",
        "batch_link",
        "destination_code",
        "provider_code",
        "sent",
        "paid",
        "last_error",
    )

    id_code = code_column("id", "Payout")
    destination_code = code_column("destination", "To account")
    provider_code = code_column("psp_ref", "At the provider")
    state_name = state_column()
    amount_money = money_column("amount", "Amount")
    sent = time_column("sent_at", "Sent")
    paid = time_column("paid_at", "Paid")

    @admin.display(description="Seller", ordering="seller_name")
    def seller_link(self, row: Payout) -> SafeString:
        """Return the seller."""
        return page_link("payments_seller", row.seller_id, name(row.seller_name))

    @admin.display(description="Batch", ordering="batch")
    def batch_link(self, row: Payout) -> SafeString:
        """Return the batch."""
        return page_link("payouts_batch", row.batch_id, row.batch_id)

    @admin.display(description="Last error")
    def error(self, row: Payout) -> str:
        """Return the beginning of the last error."""
        return row.last_error[:80]

    def panels(self, row: Any) -> list[Panel]:
        """Return what the payout settles, its journal entries and its history."""
        return [
            _items(row),
            *entry_panels(entries_about(subjects=[f"payout:{row.pk}"])),
            history_panel(histories(machines={"payout": [row.pk]})),
        ]


def payout_rows(payouts: list[Payout]) -> list[tuple[Cell, ...]]:
    """Return payouts as the rows of a batch's table."""
    return [
        (
            page_link("payouts_payout", payout.pk, payout.pk),
            page_link("payments_seller", payout.seller_id, name(payout.seller_name)),
            state_label(payout.state, payout.get_state_display()),
            code(payout.destination),
            code(payout.psp_ref),
            payout.last_error or NOTHING,
            amount(payout.amount.display),
        )
        for payout in payouts
    ]


def _items(payout: Payout) -> Panel:
    return Panel(
        title="What it settles",
        columns=columns("Event", "Order", "Amount#"),
        rows=[
            (
                words(item.recipe),
                page_link("payments_paymentorder", item.order_id, item.order_id) if item.order_id else NOTHING,
                amount(item.amount.display),
            )
            for item in payout.items.order_by("line_id")
        ],
        total=("Sum of the items", "", amount(payout.amount.display)),
    )
