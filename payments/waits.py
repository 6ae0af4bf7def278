"""Whom everything unfinished waits for, for what, and since when.

An open row waits for the buyer, the provider, the storefront, us or a person. A question that is open for a person
comes before what the row's state says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from operations.selectors import open_approvals, open_questions
from payments.models import Attempt, Dispute, DisputeEvidence, Instruction, PaymentOrder, Refund, Surplus
from payments.states import (
    WANTS_EVIDENCE,
    AttemptState,
    DisputeState,
    EvidenceState,
    InstructionState,
    OrderState,
    RefundState,
    SurplusState,
)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Whom a row waits for (buyer, provider, storefront, us, person), for what, and since when."""

    on: str
    what: str
    since: datetime


_RISK = "to decide the risk check's question"
_ON_ITS_WAY = "the money, which is on its way from the buyer's bank"
_NO_ANSWER = ("provider", "an answer that can be believed")
_ORDERS = {
    OrderState.NOT_STARTED: ("us", "to be registered with the provider"),
    OrderState.EXECUTING: ("buyer", "to be paid on the provider's page"),
    OrderState.UNKNOWN: _NO_ANSWER,
    OrderState.REQUIRES_ACTION: ("buyer", "to confirm with the bank"),
    OrderState.IN_REVIEW: ("provider", "to decide a review"),
    OrderState.AUTHORIZED: ("storefront", "to be captured or canceled"),
}
_ATTEMPTS = {
    AttemptState.CREATED: ("us", "to be registered with the provider"),
    AttemptState.UNKNOWN: _NO_ANSWER,
    AttemptState.PENDING: ("buyer", "to be paid on the provider's page"),
    AttemptState.AUTHORIZED: ("storefront", "to be captured or canceled"),
}
_INSTRUCTIONS = {
    InstructionState.REQUESTED: ("us", "to be sent to the provider"),
    InstructionState.SENDING: ("provider", "to carry it out, and to show it"),
    InstructionState.UNKNOWN: _NO_ANSWER,
}
_REFUNDS = {
    RefundState.REQUESTED: ("us", "to be sent to the provider"),
    RefundState.APPROVED: ("us", "to be sent to the provider"),
    RefundState.SENDING: ("provider", "to accept it"),
    RefundState.UNKNOWN: _NO_ANSWER,
    RefundState.PENDING: ("provider", "to carry it out"),
}
_SURPLUSES = {
    SurplusState.BOOKED: ("us", "to be sent back"),
    SurplusState.SENDING: ("provider", "to accept it"),
    SurplusState.UNKNOWN: _NO_ANSWER,
    SurplusState.PENDING: ("provider", "to carry it out"),
    SurplusState.FAILED: ("person", "to find out how the buyer gets it back"),
}
_EVIDENCE = ("storefront", "to hand in evidence")
_BANK = ("provider", "the buyer's bank to decide")
_DISPUTES = {
    DisputeState.RECORDED: ("us", "to take over where it stands"),
    DisputeState.WARNING_NEEDS_RESPONSE: _EVIDENCE,
    DisputeState.WARNING_UNDER_REVIEW: _BANK,
    DisputeState.NEEDS_RESPONSE: _EVIDENCE,
    DisputeState.UNDER_REVIEW: _BANK,
    DisputeState.APPEAL_NEEDS_RESPONSE: _EVIDENCE,
    DisputeState.APPEAL_UNDER_REVIEW: _BANK,
}
_HANDED_IN = {
    EvidenceState.REQUESTED: ("us", "to send the evidence to the provider"),
    EvidenceState.SENDING: ("provider", "to take the evidence"),
    EvidenceState.UNKNOWN: _NO_ANSWER,
}


def waiting(*, orders: Sequence[PaymentOrder], attempts: Iterable[Attempt] | None = None) -> dict[str, Waiting]:
    """Return whom each order waits for, by our ids, in five queries at most; one that is over is left out.

    Who has the attempts of the orders' checkouts already saves one by giving them.
    """
    still = [order for order in orders if order.state in _ORDERS]
    unclear = {
        f"checkout:{order.checkout_id}"
        for order in still
        if order.state in (OrderState.UNKNOWN, OrderState.IN_REVIEW, OrderState.AUTHORIZED)
    }
    questions = _questions(unclear)
    reviews = open_approvals(kind="payments.risk_review", subjects=sorted(unclear)) if unclear else set()
    under_way = _on_their_way(still, attempts)
    told = _told_to_take_or_release(still)
    passed = _let_pass(still, reviews, attempts)
    found: dict[str, Waiting] = {}
    for order in still:
        subject = f"checkout:{order.checkout_id}"
        on, what = ("person", _RISK) if subject in reviews else _ORDERS[OrderState(order.state)]
        waits = Waiting(on=on, what=what, since=order.state_since)
        if on == "buyer":
            waits = under_way.get((order.checkout_id, order.cart), waits)
        if order.state == OrderState.IN_REVIEW:
            waits = passed.get((order.checkout_id, order.cart), waits)
        if order.state == OrderState.AUTHORIZED:
            waits = told.get(order.checkout_id, waits)
        found[order.id] = _asked(questions.get(subject, [])) or waits
    return found


def _on_their_way(orders: Sequence[PaymentOrder], attempts: Iterable[Attempt] | None) -> dict[tuple[str, int], Waiting]:
    """Return the carts for which the buyer is done, and the bank not yet."""
    if attempts is None:
        ids = {order.checkout_id for order in orders if _ORDERS[OrderState(order.state)][0] == "buyer"}
        done = Attempt.objects.filter(state=AttemptState.PENDING, processing_since__isnull=False)
        attempts = done.filter(checkout__in=sorted(ids)) if ids else ()
    found = ((each, _on_its_way(each)) for each in attempts)
    return {(each.checkout_id, each.cart): waits for each, waits in found if waits is not None}


def _let_pass(
    orders: Sequence[PaymentOrder], reviews: set[str], attempts: Iterable[Attempt] | None
) -> dict[tuple[str, int], Waiting]:
    """Return the carts that a person let pass our own risk check: their page is being made, and nobody reviews them."""
    held = {order.checkout_id for order in orders if order.state == OrderState.IN_REVIEW}
    decided = sorted(checkout for checkout in held if f"checkout:{checkout}" not in reviews)
    if attempts is None:
        attempts = Attempt.objects.filter(state=AttemptState.CREATED, checkout__in=decided) if decided else ()
    on, what = _ATTEMPTS[AttemptState.CREATED]
    return {
        (each.checkout_id, each.cart): Waiting(on=on, what=what, since=each.state_since)
        for each in attempts
        if each.state == AttemptState.CREATED and each.checkout_id in decided
    }


def _told_to_take_or_release(orders: Sequence[PaymentOrder]) -> dict[str, Waiting]:
    """Return the checkouts whose storefront said already what becomes of what is reserved."""
    ids = {order.checkout_id for order in orders if order.state == OrderState.AUTHORIZED}
    if not ids:
        return {}
    told = Instruction.objects.filter(attempt__checkout__in=sorted(ids), state__in=list(_INSTRUCTIONS))
    found: dict[str, Waiting] = {}
    for each in told.select_related("attempt"):
        on, what = _INSTRUCTIONS[InstructionState(each.state)]
        found[each.attempt.checkout_id] = Waiting(on=on, what=what, since=each.state_since)
    return found


def _on_its_way(attempt: Attempt) -> Waiting | None:
    if attempt.state != AttemptState.PENDING or attempt.processing_since is None:
        return None
    return Waiting(on="provider", what=_ON_ITS_WAY, since=attempt.processing_since)


def attempts_wait(*, attempts: Sequence[Attempt]) -> dict[str, Waiting]:
    """Return whom each attempt waits for, by our ids, in two queries at most; one that is over is left out."""
    still = [attempt for attempt in attempts if attempt.state in _ATTEMPTS]
    unsent = {f"checkout:{attempt.checkout_id}" for attempt in still if attempt.state == AttemptState.CREATED}
    reviews = open_approvals(kind="payments.risk_review", subjects=sorted(unsent)) if unsent else set()
    questions = _questions({f"checkout:{attempt.checkout_id}" for attempt in still if attempt.state != "pending"})
    found: dict[str, Waiting] = {}
    for attempt in still:
        subject = f"checkout:{attempt.checkout_id}"
        held = attempt.state == AttemptState.CREATED and subject in reviews
        on, what = ("person", _RISK) if held else _ATTEMPTS[AttemptState(attempt.state)]
        waits = _on_its_way(attempt) or Waiting(on=on, what=what, since=attempt.state_since)
        found[attempt.id] = _asked(questions.get(subject, [])) or waits
    return found


def instructions_wait(*, instructions: Sequence[Instruction]) -> dict[str, Waiting]:
    """Return whom each instruction waits for, by our ids, in one query at most; one that is over is left out.

    The attempt of each must have been fetched with it.
    """
    still = [told for told in instructions if told.state in _INSTRUCTIONS]
    questions = _questions({f"checkout:{told.attempt.checkout_id}" for told in still})
    found: dict[str, Waiting] = {}
    for told in still:
        on, what = _INSTRUCTIONS[InstructionState(told.state)]
        asked = questions.get(f"checkout:{told.attempt.checkout_id}", [])
        found[told.id] = _asked(asked) or Waiting(on=on, what=what, since=told.state_since)
    return found


def refunds_wait(*, refunds: Sequence[Refund]) -> dict[str, Waiting]:
    """Return whom each refund waits for, by our ids, in one query at most; one that is over is left out.

    The order of each must have been fetched with it.
    """
    still = [refund for refund in refunds if refund.state in _REFUNDS]
    # What was just asked for, or waits for a second person, has nothing that could be stuck.
    stuck = {f"checkout:{refund.order.checkout_id}" for refund in still if not _undecided(refund)}
    questions = _questions(stuck)
    found: dict[str, Waiting] = {}
    for refund in still:
        on, what = _REFUNDS[RefundState(refund.state)]
        if _undecided(refund):
            on, what = "person", "a second person to agree"
        asked = [each for each in questions.get(f"checkout:{refund.order.checkout_id}", []) if refund.pk in each.reason]
        found[refund.id] = _asked(asked) or Waiting(on=on, what=what, since=refund.state_since)
    return found


def surpluses_wait(*, surpluses: Sequence[Surplus]) -> dict[str, Waiting]:
    """Return whom each surplus waits for, by our ids; one that is over is left out."""
    return {
        each.id: Waiting(on=wait[0], what=wait[1], since=each.state_since)
        for each in surpluses
        if (wait := _SURPLUSES.get(SurplusState(each.state)))
    }


def disputes_wait(*, disputes: Sequence[Dispute]) -> dict[str, Waiting]:
    """Return whom each dispute waits for, by our ids; one that is over is left out.

    The evidence of each must have been fetched with it, or is asked for.
    """
    found: dict[str, Waiting] = {}
    for dispute in disputes:
        state = DisputeState(dispute.state)
        if state in _DISPUTES:
            found[dispute.id] = _dispute_waits(dispute, state)
        elif state == DisputeState.WON and dispute.withdrawn_minor > 0:
            what = "to give the money back"
            found[dispute.id] = Waiting(on="provider", what=what, since=dispute.state_since)
    return found


def _dispute_waits(dispute: Dispute, state: DisputeState) -> Waiting:
    (on, what), since = _DISPUTES[state], dispute.state_since
    if state not in WANTS_EVIDENCE:
        return Waiting(on=on, what=what, since=since)
    handed_in = _under_way(dispute.evidence.all())
    if handed_in is not None:
        on, what = _HANDED_IN[EvidenceState(handed_in.state)]
        return Waiting(on=on, what=what, since=handed_in.sent_at or handed_in.created_at)
    due = dispute.evidence_due_by
    return Waiting(on=on, what=f"{what} until {due:%Y-%m-%d %H:%M} UTC" if due else what, since=since)


def _under_way(evidence: Iterable[DisputeEvidence]) -> DisputeEvidence | None:
    return next((each for each in evidence if each.state in _HANDED_IN), None)


def _undecided(refund: Refund) -> bool:
    return bool(refund.needs_approval) and refund.state == RefundState.REQUESTED


def _questions(subjects: set[str]) -> Mapping[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for task in open_questions(subjects=sorted(subjects)) if subjects else []:
        found.setdefault(task.subject, []).append(task)
    return found


def _asked(questions: Sequence[Any]) -> Waiting | None:
    """Return what a person is asked, the oldest question first."""
    return Waiting(on="person", what=questions[0].reason, since=questions[0].since) if questions else None
