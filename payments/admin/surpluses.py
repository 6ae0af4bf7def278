from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from ledger.selectors import currencies, entries_about
from operations.admin_base import ConfirmForm, Question, WindowAdmin, actor_of, ask, currency_filter, hand
from operations.admin_display import (
    Cell,
    Panel,
    amount,
    code_column,
    entry_panels,
    history_panel,
    money_column,
    page_link,
    state_column,
    time_column,
)
from operations.selectors import histories
from payments.admin.calls import calls_panel
from payments.admin.checkout_panels import waits, waits_in_full
from payments.models import Surplus
from payments.services import send_back_again
from payments.states import SurplusState
from payments.waits import surpluses_wait


@admin.register(Surplus)
class SurplusAdmin(WindowAdmin):
    """What buyers paid once too often, and its way back to them."""

    called = ("payment made twice", "payments made twice")
    list_display = ("charge", "checkout_link", "state_name", "waits_for", "amount_money", "came", "moved", "last_error")
    list_filter = (("state", ChoicesDropdownFilter), currency_filter(currencies))
    list_select_related = ("attempt__checkout",)
    search_fields = ("id__exact", "charge_ref__exact", "psp_ref__exact", "attempt__checkout__checkout_id__exact")
    ordering = ("-created_at", "-id")
    fields = (
        "charge",
        "checkout_link",
        "state_name",
        "waits_whole",
        "amount_money",
        "came",
        "moved",
        "refund",
        "last_error",
    )
    actions_detail = ("send_again",)

    charge = code_column("charge_ref", "Charge")
    refund = code_column("psp_ref", "Provider's refund")
    state_name = state_column()
    amount_money = money_column("amount", "Amount")
    came = time_column("created_at", "Came")
    moved = time_column("state_since", "So since")

    def attach(self, rows: list[Any]) -> None:
        """Fetch whom the surpluses of a page wait for."""
        found = surpluses_wait(surpluses=rows)
        for row in rows:
            row.waits = found.get(row.pk)

    @admin.display(description="Waits for")
    def waits_for(self, row: Any) -> Cell:
        """Return whom it waits for, and since when."""
        return waits(row.waits)

    @admin.display(description="Waits for")
    def waits_whole(self, row: Any) -> Cell:
        """Return whom it waits for, for what, and since when."""
        return waits_in_full(row.waits)

    @admin.display(description="Checkout")
    def checkout_link(self, row: Surplus) -> SafeString:
        """Return the checkout that was paid already."""
        return page_link("payments_checkout", row.attempt.checkout_id, row.attempt.checkout.checkout_id)

    def panels(self, row: Any) -> list[Panel]:
        """Return the checkout's journal entries and the history."""
        return [
            *entry_panels(entries_about(subjects=[f"checkout:{row.attempt.checkout_id}"])),
            history_panel(histories(machines={"surplus": [row.pk]})),
            calls_panel([f"surplus:{row.pk}"]),
        ]

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer to send it once more where the provider refused to take the refund."""
        return frozenset() if _refusal(row) else frozenset({"send_again"})

    @hand(title="Send back again", permission="payments.change_surplus", path="send-again", icon="replay")
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Try once more to send the money back."""
        found = get_object_or_404(Surplus, pk=object_id)
        question = Question(
            title=f"Send {found.amount.display} back again?",
            explanation="The provider definitely did not take the last request, so this is a new one under a new key.",
            button="Send it back",
            facts=[("Amount", amount(found.amount.display)), ("Last error", found.last_error)],
            refusal=_refusal(found),
        )

        def act(answers: Any) -> str:
            send_back_again(surplus=found.pk, actor=actor_of(request), now=timezone.now())
            return f"{found.amount.display} is being sent back."

        back = reverse("admin:payments_surplus_change", args=[object_id])
        return ask(
            window=self, request=request, question=question, form_class=ConfirmForm, act=act, back=back, row=found
        )


def _refusal(found: Surplus) -> str:
    """Return why it cannot be sent again; empty where it can."""
    if found.state != SurplusState.FAILED:
        return f"This surplus is {found.state}: there is nothing to send again."
    if found.psp_ref:
        return "The buyer's bank did not take the refund: the money must go back another way."
    return ""
