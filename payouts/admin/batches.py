from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter

from ledger.selectors import currencies, wallet_totals
from operations.admin_base import (
    Decision,
    Question,
    ReasonForm,
    SelectInput,
    WindowAdmin,
    actor_of,
    ask,
    currency_filter,
    decide,
    hand,
)
from operations.admin_display import (
    NOTHING,
    Cell,
    Panel,
    amount,
    audit_panel,
    code,
    code_column,
    columns,
    history_panel,
    list_link,
    moment,
    money_column,
    name,
    page_link,
    state_column,
    state_label,
    time_column,
)
from operations.selectors import approvals_about, audit_trail, histories
from payouts.admin.payouts import payout_rows
from payouts.models import Batch
from payouts.services import propose_batch
from payouts.states import BatchState

PAYOUTS_SHOWN = 200


class ProposalForm(ReasonForm):
    """What to pay out, and why now."""

    currency = forms.ChoiceField(widget=SelectInput)
    field_order = ("currency", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["currency"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(currency, currency) for currency in currencies()]


@admin.register(Batch)
class BatchAdmin(WindowAdmin):
    """Batches of payouts: proposed by one person, decided by another."""

    list_display = (
        "id_code",
        "state_name",
        "total_money",
        "payouts_count",
        "proposed_by",
        "proposed",
        "decided_by",
        "decided",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        currency_filter(currencies),
        ("proposed_at", RangeDateTimeFilter),
    )
    search_fields = ("id__exact", "proposed_by", "decided_by")
    ordering = ("-proposed_at", "-id")
    fields = (
        "id_code",
        "state_name",
        "total_money",
        "payouts_count",
        "proposed_by",
        "proposed",
        "decided_by",
        "decided",
    )
    actions_list = ("propose",)
    actions_detail = ("approve", "reject")

    id_code = code_column("id", "Batch")
    state_name = state_column()
    total_money = money_column("total", "Total")
    proposed = time_column("proposed_at", "Proposed")
    decided = time_column("decided_at", "Decided")

    def panels(self, row: Any) -> list[Panel]:
        """Return the payouts, the approval, the history and the audit trail."""
        return [
            _payouts(row),
            _approvals(row),
            history_panel(histories(machines={"payout_batch": [row.pk]})),
            audit_panel(audit_trail(subject=f"batch:{row.pk}")),
        ]

    def notices(self, row: Any, actor: str) -> list[Cell]:
        """Say why the maker sees no button."""
        return [_refusal(row, actor)] if row.state == BatchState.PROPOSED and _refusal(row, actor) else []

    def hands(self, row: Any, actor: str) -> frozenset[str]:
        """Offer a decision to a second person, while one is needed."""
        return frozenset() if _refusal(row, actor) else frozenset({"approve", "reject"})

    @hand(title="Approve", permission="operations.change_approval", path="approve", icon="check")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Grant a batch, as a second person."""
        return self._decide(request, object_id, granted=True)

    @hand(title="Reject", permission="operations.change_approval", path="reject", icon="block", danger=True)
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Reject a batch, as a second person."""
        return self._decide(request, object_id, granted=False)

    def _decide(self, request: HttpRequest, object_id: str, *, granted: bool) -> HttpResponse:
        batch = get_object_or_404(Batch, pk=object_id)
        yes = Decision(
            title=f"Approve this batch of {batch.total.display}?",
            explanation="The payouts are sent to the provider at once. They cannot be called back from here.",
            button="Approve and send",
            told=f"Approved: {batch.total.display} to {batch.payouts_count} sellers is being sent.",
        )
        no = Decision(
            title=f"Reject this batch of {batch.total.display}?",
            explanation="Nothing is sent, and every seller's money is available again.",
            button="Reject the batch",
            told=f"Rejected: {batch.total.display} is available to its sellers again.",
        )
        return decide(
            window=self,
            request=request,
            decision=yes if granted else no,
            granted=granted,
            kind="payouts.batch",
            subject=f"batch:{batch.pk}",
            facts=_facts(batch),
            panels=[_destinations(batch)],
            refusal=_refusal(batch, actor_of(request)),
            back=_page(batch),
            row=batch,
        )

    @hand(title="Propose a batch", permission="payouts.add_batch", path="propose", icon="add")
    def propose(self, request: HttpRequest) -> HttpResponse:
        """Reserve what may be paid out in a currency, and ask a second person."""
        question = Question(
            title="Propose a batch of payouts",
            explanation="Everything that sellers have available in the currency is reserved for them at once, and "
            "waits for a second person. Left out are sellers whose account is not open for payouts, who have less "
            "than the minimum, or who owe us money.",
            button="Reserve and ask for approval",
            panels=[_available()],
        )

        def act(answers: Mapping[str, Any]) -> str:
            batch = propose_batch(
                currency=answers["currency"],
                reason=answers["reason"],
                actor=actor_of(request),
                now=timezone.now(),
            )
            return (
                f"Proposed: {batch.total.display} to {batch.payouts_count} sellers waits for a second person ({batch})."
            )

        back = reverse("admin:payouts_batch_changelist")
        return ask(window=self, request=request, question=question, form_class=ProposalForm, act=act, back=back)


def _page(batch: Batch) -> str:
    return reverse("admin:payouts_batch_change", args=[batch.pk])


def _refusal(batch: Batch, actor: str) -> str:
    """Return why this person cannot decide the batch; empty where they can."""
    if batch.state != BatchState.PROPOSED:
        return f"This batch is {batch.state}: there is nothing left to decide."
    if batch.proposed_by == actor:
        return "You proposed this batch: a second person must approve or reject it."
    return ""


def _facts(batch: Batch) -> list[tuple[str, Cell]]:
    reasons = [approval.reason for approval in approvals_about(subject=f"batch:{batch.pk}")]
    return [
        ("Total", amount(batch.total.display)),
        ("Payouts", str(batch.payouts_count)),
        ("Proposed by", batch.proposed_by),
        ("Proposed", moment(batch.proposed_at)),
        ("Reason", "; ".join(reasons) or NOTHING),
    ]


def _payouts(batch: Batch) -> Panel:
    payouts = list(batch.payouts.order_by("-amount_minor", "pk")[:PAYOUTS_SHOWN])
    more = batch.payouts_count > len(payouts)
    return Panel(
        title="Payouts",
        columns=columns("Payout", "Seller", "State", "To account", "At the provider", "Last error", "Amount#"),
        rows=payout_rows(payouts),
        total=("Total of the batch", "", "", "", "", "", amount(batch.total.display)),
        note=list_link("payouts_payout", f"The {PAYOUTS_SHOWN} largest; show all", f"?q={batch.pk}") if more else "",
    )


def _destinations(batch: Batch) -> Panel:
    """Return what is decided about: who gets how much, and where."""
    payouts = batch.payouts.order_by("-amount_minor", "pk")[:PAYOUTS_SHOWN]
    return Panel(
        title="Payouts",
        columns=columns("Seller", "To account", "Amount#"),
        rows=[
            (
                page_link("payouts_payout", payout.pk, name(payout.seller_name)),
                code(payout.destination),
                amount(payout.amount.display),
            )
            for payout in payouts
        ],
        total=("Total of the batch", "", amount(batch.total.display)),
        note=f"the {PAYOUTS_SHOWN} largest" if batch.payouts_count > PAYOUTS_SHOWN else "",
    )


def _approvals(batch: Batch) -> Panel:
    return Panel(
        title="Approval",
        columns=columns("State", "Asked by", "Reason", "Asked", "Decided by", "Note", "Decided"),
        rows=[
            (
                state_label(approval.state, approval.get_state_display()),
                approval.maker,
                approval.reason,
                moment(approval.requested_at),
                approval.checker or NOTHING,
                approval.note or NOTHING,
                moment(approval.decided_at),
            )
            for approval in approvals_about(subject=f"batch:{batch.pk}")
        ],
    )


def _available() -> Panel:
    return Panel(
        title="Available to sellers now",
        columns=columns("Currency", "Available#", "Owed to us#"),
        rows=[
            (wallet.currency, amount(wallet.available.display), amount(wallet.receivable.display))
            for wallet in wallet_totals()
        ],
        empty="No seller has anything available.",
    )
