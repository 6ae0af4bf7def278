"""Disputes, taken over from the provider: webhook and poll end here, with the fetched object.

Nothing is concluded from an event's name: `funds_withdrawn` is not lost, and `closed` may be won. A state follows only
forwards. That a dispute which was won is open again is believed only together with a new withdrawal, so that an answer
which was overtaken on its way turns nothing back.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from operations.edges import money_tx
from operations.lifecycle import move
from operations.services import TryLater, enqueue, enqueue_again, record_audit, withdraw
from payments.errors import NotKnownYet
from payments.gateway import Declined, DisputeFacts, DisputeStatus, ProviderEvent, Unknown, provider
from payments.models import Attempt, Dispute
from payments.services.attempt_rows import lock_with_checkout
from payments.services.common import try_later
from payments.services.dispute_money import (
    DisputeInAnotherCurrency,
    book_loss,
    book_movements,
    freeze_shares,
    reinstatements,
    withdrawals,
)
from payments.services.events import tell
from payments.services.surplus import take_as_returned
from payments.states import DISPUTE, DISPUTE_CLOSED, WANTS_EVIDENCE, DisputeState

# How a dispute moves when the provider says where it stands.
_EVENTS = {
    DisputeStatus.WARNING_NEEDS_RESPONSE: "warn",
    DisputeStatus.WARNING_UNDER_REVIEW: "review_warning",
    DisputeStatus.WARNING_CLOSED: "close_warning",
    DisputeStatus.NEEDS_RESPONSE: "dispute",
    DisputeStatus.UNDER_REVIEW: "review",
    DisputeStatus.APPEAL_NEEDS_RESPONSE: "appeal",
    DisputeStatus.APPEAL_UNDER_REVIEW: "review_appeal",
    DisputeStatus.WON: "win",
    DisputeStatus.LOST: "lose",
    DisputeStatus.PREVENTED: "prevent",
}
# What a storefront is told of a move; of the others, that the dispute was updated.
_TOLD = {DisputeState.WON: "dispute.won", DisputeState.LOST: "dispute.lost"}
_POLL_S = 6 * 3600


def dispute_changed(*, event: ProviderEvent, now: datetime) -> None:
    """Something happened to a dispute: fetch it."""
    sync_dispute(psp_ref=event.object_id, psp=event.psp, now=now, poll=False)


def sync_dispute(*, psp_ref: str, now: datetime, psp: str = "", poll: bool = True) -> None:
    """Take over where a dispute stands at the provider, and book what it moved.

    `poll` is for the job that waits for lost webhooks: it raises TryLater while the dispute is open, or while money of
    it is still to come back. The provider may be left out where the dispute is known. Raises NotKnownYet for a charge
    that is not ours yet.
    """
    known = Dispute.objects.filter(psp_ref=psp_ref).first()
    if known is None and not psp:
        raise NotKnownYet(what=f"the dispute {psp_ref}")
    psp = known.psp if known else psp
    gateway = provider(psp, about=f"dispute:{known.pk}" if known else "")
    outcome = gateway.fetch_dispute(psp_ref, charge_ref=known.charge_ref if known else "")
    match outcome:
        case Unknown():
            raise try_later(outcome)
        case Declined(message=message):
            raise TryLater(reason=f"the provider does not show {psp_ref}: {message}", after_s=300)
    with money_tx("disputes.record"):
        dispute = record_facts(outcome.value, psp=psp, now=now)
    if poll and not _over(dispute):
        raise TryLater(reason=f"the dispute is {dispute.state}", after_s=_POLL_S)


def sync_disputes(*, attempt: str, now: datetime) -> None:
    """Take over every dispute of a charge, where the provider tells of them by the charge alone. Raises TryLater."""
    found = Attempt.objects.get(pk=attempt)
    if not found.charge_ref:
        return
    outcome = provider(found.psp, about=f"attempt:{found.pk}").find_disputes(found.charge_ref)
    match outcome:
        case Unknown():
            raise try_later(outcome)
        case Declined(message=message):
            raise TryLater(reason=f"the provider does not list the disputes of {found.charge_ref}: {message}")
    for facts in outcome.value:
        with money_tx("disputes.record"):
            record_facts(facts, psp=found.psp, now=now)


def record_facts(facts: DisputeFacts, *, psp: str, now: datetime) -> Dispute:
    """Book and move a dispute by what the provider said, in the caller's transaction. Raises NotKnownYet."""
    known = Attempt.objects.filter(psp=psp, charge_ref=facts.charge_ref).values_list("pk", flat=True).first()
    if known is None:
        raise NotKnownYet(what=f"the charge {facts.charge_ref} of the dispute {facts.psp_ref}")
    # Whoever hears of a dispute first makes its row; the others wait here for the charge's. With its checkout, to which
    # the dispute's row refers: PostgreSQL locks that too when the row is made.
    attempt = lock_with_checkout(known)
    dispute = Dispute.objects.select_for_update().filter(psp_ref=facts.psp_ref).first()
    opened = dispute is None
    dispute = dispute or _open(attempt, facts, now=now)
    before = dispute.state
    again = len(withdrawals(facts)) > dispute.withdrawals
    if not opened and _overtaken(dispute, facts):
        return dispute
    back = dispute.state == DisputeState.LOST and len(reinstatements(facts)) > dispute.reinstatements
    book_movements(dispute, facts, now=now)
    _count(dispute, facts, again=again)
    moved = _follow(dispute, facts, again=again, now=now)
    if dispute.state == DisputeState.LOST:
        # With the verdict, or after it: a direct debit is lost as soon as it is disputed, and withdrawn then.
        book_loss(dispute, facts, now=now)
        take_as_returned(charge_ref=dispute.charge_ref, now=now)
    if opened:
        _tell(dispute, "dispute.opened", now=now)
    if moved and dispute.state in _TOLD:
        _tell(dispute, _TOLD[DisputeState(dispute.state)], now=now)
    elif not opened and (moved or again or back or before != dispute.state):
        _tell(dispute, "dispute.updated", now=now)
    _remind(dispute, now=now)
    return dispute


def warn_of_deadline(*, dispute: str, now: datetime) -> None:
    """Tell the storefront that evidence is due soon and nothing was handed in (a job). Raises TryLater before that."""
    with money_tx("disputes.warn"):
        found = Dispute.objects.select_for_update().get(pk=dispute)
        if found.state not in WANTS_EVIDENCE or found.evidence_due_by is None:
            return
        if found.warned_at is not None:
            return
        too_early = found.evidence_due_by - settings.DISPUTE_WARNING - now
        if too_early <= timedelta(0):
            Dispute.objects.filter(pk=dispute).update(warned_at=now)
            record_audit(
                action="payments.dispute.evidence_due",
                actor="system:jobs",
                subject=f"dispute:{dispute}",
                now=now,
                due_by=found.evidence_due_by.isoformat(),
            )
            _tell(found, "dispute.evidence_due", now=now)
    if too_early > timedelta(0):
        raise TryLater(reason="evidence is not due yet", after_s=int(too_early.total_seconds()) + 1)


def _open(attempt: Attempt, facts: DisputeFacts, *, now: datetime) -> Dispute:
    if facts.amount.currency != attempt.checkout.currency:
        raise DisputeInAnotherCurrency(
            moved=str(facts.amount), dispute=facts.psp_ref, currency=attempt.checkout.currency
        )
    dispute = Dispute.objects.create(
        checkout_id=attempt.checkout_id,
        psp=attempt.psp,
        psp_ref=facts.psp_ref,
        charge_ref=facts.charge_ref,
        amount_minor=facts.amount.minor,
        currency=facts.amount.currency,
        reason=facts.reason,
        fee_borne_by=settings.DISPUTE_FEES_BORNE_BY,
        opened_at=facts.created_at,
        created_at=now,
        state_since=now,
    )
    freeze_shares(dispute)
    record_audit(
        action="payments.dispute.opened",
        actor=f"psp:{dispute.psp}",
        subject=f"dispute:{dispute.id}",
        now=now,
        amount=str(dispute.amount),
        reason=dispute.reason,
    )
    return dispute


def _overtaken(dispute: Dispute, facts: DisputeFacts) -> bool:
    """Tell whether an answer is older than what we know: the provider's list of movements only grows."""
    known = (dispute.withdrawals, dispute.reinstatements)
    said = (len(withdrawals(facts)), len(reinstatements(facts)))
    return said[0] < known[0] or said[1] < known[1]


def _count(dispute: Dispute, facts: DisputeFacts, *, again: bool) -> None:
    """Store what the movements come to; a new round asks for evidence anew."""
    nothing = dispute.amount - dispute.amount
    moved = sum((movement.amount for movement in facts.movements), start=nothing)
    dispute.withdrawals = len(withdrawals(facts))
    dispute.reinstatements = len(reinstatements(facts))
    dispute.withdrawn_minor = max(0, -moved.minor)
    fees = [movement.fee for movement in facts.movements if movement.fee.minor]
    # In the currency in which the provider settles: should that change, as in the last of them.
    dispute.fee_currency = fees[-1].currency if fees else dispute.currency
    dispute.fee_minor = sum(fee.minor for fee in fees if fee.currency == dispute.fee_currency)
    if facts.due_by != dispute.evidence_due_by or again:
        dispute.evidence_due_by, dispute.warned_at = facts.due_by, None
    dispute.save(
        update_fields=[
            "withdrawals",
            "reinstatements",
            "withdrawn_minor",
            "fee_minor",
            "fee_currency",
            "evidence_due_by",
            "warned_at",
        ]
    )


def _follow(dispute: Dispute, facts: DisputeFacts, *, again: bool, now: datetime) -> bool:
    """Move the dispute to where the provider has it, if that is forwards; returns whether it moved."""
    event = _EVENTS[facts.status]
    row = DISPUTE.row(event)
    # A loss after all never was an older answer: nothing leads from lost to won.
    reopened = dispute.state == DisputeState.WON and event != "lose" and not again
    if dispute.state == row.target or dispute.state not in row.sources or reopened:
        return False
    closed = now if row.target in DISPUTE_CLOSED else None
    move(dispute, event, actor=f"psp:{dispute.psp}", now=now, reason=facts.reason, closed_at=closed)
    return True


def _remind(dispute: Dispute, *, now: datetime) -> None:
    """Have the deadline watched while evidence is wanted, and stop asking once everything is over."""
    if _over(dispute):
        withdraw(kind="payments.sync_dispute", key=dispute.id, now=now)
    else:
        # One that was over and has a second round is asked for again; where the job waits already, nothing is added.
        _keep_asking(dispute, now=now)
    if dispute.state in WANTS_EVIDENCE and dispute.evidence_due_by:
        enqueue(
            kind="payments.warn_of_deadline",
            # Each deadline has its own warning: a second round brings another.
            key=f"{dispute.id}:{int(dispute.evidence_due_by.timestamp())}",
            args={"dispute": dispute.id},
            run_at=max(now, dispute.evidence_due_by - settings.DISPUTE_WARNING),
        )


def _keep_asking(dispute: Dispute, *, now: datetime) -> None:
    enqueue_again(
        kind="payments.sync_dispute",
        key=dispute.id,
        args={"psp_ref": dispute.psp_ref},
        run_at=now + timedelta(seconds=_POLL_S),
    )


def _over(dispute: Dispute) -> bool:
    """Tell whether a dispute is decided, and no money of it is still to come back."""
    to_come = dispute.state == DisputeState.WON and dispute.withdrawn_minor > 0
    return dispute.state in DISPUTE_CLOSED and not to_come


def _tell(dispute: Dispute, type: str, *, now: datetime) -> None:
    tell(checkout=dispute.checkout_id, type=type, now=now, about={"dispute": _facts(dispute)})


def _facts(dispute: Dispute) -> dict[str, Any]:
    due = dispute.evidence_due_by
    return {
        "id": dispute.id,
        "amount": dispute.amount.text,
        "currency": dispute.currency,
        "status": dispute.state,
        "reason": dispute.reason,
        "evidence_due_by": due.isoformat() if due else None,
        "payment_order_ids": list(
            dispute.shares.order_by("order_id").values_list("order__payment_order_id", flat=True)
        ),
    }
