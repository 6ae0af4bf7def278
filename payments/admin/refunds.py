from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter

from ledger.selectors import currencies, entries_about
from operations.admin_base import Decision, WindowAdmin, actor_of, currency_filter, decide, hand
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    amount,
    approvals_panel,
    audit_panel,
    code_column,
    entry_panels,
    history_panel,
    money_column,
    page_link,
    state_column,
    time_column,
)
from operations.selectors import approvals_about, audit_trail, histories
from payments.admin.calls import calls_panel
from payments.admin.checkout_panels import question_notices, waits, waits_in_full, waits_of_refunds
from payments.models import Refund
from payments.states import RefundState


@admin.register(Refund)
class RefundAdmin(WindowAdmin):
    """Money back to buyers."""

    list_display = (
        "id_code",
        "order_link",
        "state_name",
        "waits_for",
        "amount_money",
        "reason",
        "requested_by",
        "created",
    )
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
        "waits_whole",
        "amount_money",
        "reason",
        "requested_by",
        "approved_by",
        "created",
        "sent",
        "last_error",
    )

    actions_detail = ("approve", "reject")

    id_code = code_column("id", "Refund")
    provider_code = code_column("psp_ref", "At the provider")
    state_name = state_column()
    amount_money = money_column("amount", "Amount")
    created = time_column("created_at", "Requested")
    sent = time_column("sent_at", "Sent")

    def attach(self, rows: list[Any]) -> None:
        """Fetch whom the refunds of a page wait for."""
        found = waits_of_refunds(rows)
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

    @admin.display(description="Order", ordering="order")
    def order_link(self, row: Refund) -> SafeString:
        """Return the refunded order."""
        return page_link("payments_paymentorder", row.order_id, row.order.payment_order_id)

    @admin.display(description="Checkout")
    def checkout_link(self, row: Refund) -> SafeString:
        """Return the checkout, on whose page the journal entries stand."""
        return page_link("payments_checkout", row.order.checkout_id, row.order.checkout.checkout_id)

    def panels(self, row: Any) -> list[Panel]:
        """Return the books behind the refund, its approval, its history and the audit trail."""
        return [
            *entry_panels(_entries(row)),
            approvals_panel(approvals_about(subject=_subject(row))),
            history_panel(histories(machines={"refund": [row.pk]})),
            calls_panel([_subject(row)]),
            audit_panel(audit_trail(subject=_subject(row))),
        ]

    def notices(self, row: Any, actor: str) -> list[Cell]:
        """Say what people are asked, that money which had left came back, and why the maker sees no button."""
        late = row.state == RefundState.FAILED and any(e["recipe"] == "refund_failed_late" for e in _entries(row))
        said: list[Cell] = ["It had succeeded and failed late: the buyer did not get the money."] if late else []
        said += question_notices([_subject(row)])
        refusal = _refusal(row, actor) if _waits(row) else ""
        return [*said, refusal] if refusal else said

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer a decision to a second person, while one is needed."""
        return frozenset() if _refusal(row, actor) else frozenset({"approve", "reject"})

    @hand(title="Approve", permission="operations.change_approval", path="approve", icon="check")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Grant a refund, as a second person."""
        return self._decide(request, object_id, granted=True)

    @hand(title="Reject", permission="operations.change_approval", path="reject", icon="block", danger=True)
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Reject a refund, as a second person."""
        return self._decide(request, object_id, granted=False)

    def _decide(self, request: HttpRequest, object_id: str, *, granted: bool) -> HttpResponse:
        refund = get_object_or_404(Refund, pk=object_id)
        yes = Decision(
            title=f"Approve this refund of {refund.amount.display}?",
            explanation="It is sent to the provider at once and cannot be called back from here.",
            button="Approve and send",
            told=f"Approved: {refund.amount.display} is being refunded.",
        )
        no = Decision(
            title=f"Reject this refund of {refund.amount.display}?",
            explanation="Nothing is sent, and the order can be refunded again.",
            button="Reject the refund",
            told=f"Rejected: the refund of {refund.amount.display} was called off.",
        )
        return decide(
            window=self,
            request=request,
            decision=yes if granted else no,
            granted=granted,
            kind="payments.refund",
            subject=_subject(refund),
            facts=_facts(refund),
            refusal=_refusal(refund, actor_of(request)),
            back=_page(refund),
            row=refund,
        )


def _facts(refund: Refund) -> list[tuple[str, Cell]]:
    return [
        ("Amount", amount(refund.amount.display)),
        ("Of the order", page_link("payments_paymentorder", refund.order_id, refund.order.payment_order_id)),
        ("Paid for it", amount(refund.order.amount.display)),
        ("Requested by", refund.requested_by),
        ("Reason", refund.reason or NOTHING),
    ]


def _subject(refund: Refund) -> str:
    return f"refund:{refund.pk}"


def _page(refund: Refund) -> str:
    return reverse("admin:payments_refund_change", args=[refund.pk])


def _entries(refund: Refund) -> list[dict[str, Any]]:
    found = entries_about(subjects=[f"checkout:{refund.order.checkout_id}"])
    return [entry for entry in found if refund.psp_ref and entry["reference"] == refund.psp_ref]


def _waits(refund: Refund) -> bool:
    return refund.needs_approval and refund.state == RefundState.REQUESTED


def _refusal(refund: Refund, actor: str) -> str:
    """Say why this person cannot decide; nothing where they can."""
    if not _waits(refund):
        return "It does not wait for a second person."
    if refund.requested_by == actor:
        return "You requested this refund: a second person must decide."
    return ""
