"""From what the provider says of a checkout to states and books, in one transaction.

Webhook, poll, the buyer's return, the answer to an instruction and the settlement file all end here: each is another
source of the same facts for the same posting, and the posting's unique reference makes repetitions harmless.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet

from ledger.money import Money
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from operations.rows import prepared_query, update_row
from operations.services import TryLater, enqueue, wake, withdraw
from payments.gateway import CheckoutFacts, CheckoutStatus, Declined, Unknown, provider
from payments.models import Attempt, Checkout, Instruction, PaymentOrder
from payments.models.instructions import InstructionKind, Purpose
from payments.services import instructed, surplus
from payments.services.booking import LATE, book_capture
from payments.services.common import try_later
from payments.services.events import tell, tell_of
from payments.services.refunds import request_refund_in_tx
from payments.states import AttemptState, OrderState

FINAL = (
    AttemptState.SUCCEEDED,
    AttemptState.DECLINED,
    AttemptState.EXPIRED,
    AttemptState.CANCELED,
    AttemptState.ABANDONED,
    AttemptState.NOT_SENT,
)
WATCH = "payments.watch_authorization"
# How an order moves when the provider says that the payment is under way.
_UNDER_WAY = {
    CheckoutStatus.REQUIRES_ACTION: "require_action",
    CheckoutStatus.IN_REVIEW: "hold_for_review",
}


class AmountMismatch(DomainError):
    """The provider took {charged} for the checkout {checkout}, which is {total}: a person must look."""

    code = "amount_mismatch"


def sync_attempt(*, attempt: str, now: datetime, poll: bool = True) -> None:
    """Ask the provider where an attempt stands, and take it over.

    `poll` is for the job that waits for lost webhooks: it raises TryLater while the buyer can still pay, at intervals
    that grow with its age. Raises AmountMismatch, and books nothing, when the provider's amount is not ours.
    """
    sync(Attempt.objects.get(pk=attempt), now=now, poll=poll)


def sync(found: Attempt, *, now: datetime, poll: bool) -> None:
    """Do what `sync_attempt` does, for whoever has read the attempt already."""
    if found.state in FINAL and (poll or found.state == AttemptState.SUCCEEDED):
        return
    if found.psp_ref is None:
        raise TryLater(reason="not registered yet", after_s=30)
    outcome = provider(found.psp, about=f"attempt:{found.pk}").fetch_checkout(found.psp_ref)
    match outcome:
        case Unknown():
            raise try_later(outcome)
        case Declined():
            raise TryLater(reason=f"the provider does not show {found.psp_ref}: {outcome.message}", after_s=300)
    facts = outcome.value
    _require_same_amount(found, facts)
    with money_tx("payments.record_facts"):
        state = _apply(found, facts, now=now)
    if poll and state not in (*FINAL, AttemptState.AUTHORIZED):
        raise TryLater(reason="not paid yet", after_s=poll_interval_s(now - found.created_at))


def _require_same_amount(attempt: Attempt, facts: CheckoutFacts) -> None:
    """Guard against drift: an attempt is paid with the amount that it was made for, whatever the cart is by now."""
    if facts.amount != attempt.amount or facts.reference != attempt.params["reference"]:
        raise AmountMismatch(charged=str(facts.amount), checkout=attempt.checkout_id, total=str(attempt.amount))


def poll_interval_s(age: timedelta) -> int:
    """Return a wait of a fifth of what is waited for already: a minute at least, 30 on the first day, later 4 hours.

    A debit or a voucher takes weeks: what is only slow must not use up the attempts that its job has.
    """
    most = 1800 if age < timedelta(days=1) else 4 * 3600
    return max(60, min(most, int(age.total_seconds()) // 5))


def _apply(found: Attempt, facts: CheckoutFacts, *, now: datetime) -> str:
    """Move attempt and orders by the facts and post what is to be posted; return the attempt's state."""
    # Two attempts of one checkout are taken over one after the other, so that the second sees what the first paid.
    [checkout] = _locked_checkout(found.checkout_id)
    [attempt] = _locked_attempt(found.pk)
    attempt.checkout = checkout
    orders = _locked_orders(checkout.pk, attempt.cart)
    if attempt.state == AttemptState.SUCCEEDED:
        return str(attempt.state)
    if facts.payment_ref and not attempt.payment_ref:
        # Kept as soon as it is known: a review's webhook names nothing else. What is paid keeps it with its move.
        attempt.payment_ref = facts.payment_ref
        if facts.status is not CheckoutStatus.PAID:
            Attempt.objects.filter(pk=attempt.pk).update(payment_ref=facts.payment_ref)
    match facts.status:
        case CheckoutStatus.PAID | CheckoutStatus.AUTHORIZED:
            _reserved_or_paid(attempt, orders, facts, now=now)
        case CheckoutStatus.EXPIRED:
            instructed.closed(attempt, orders, lapsed=True, now=now)
        case CheckoutStatus.CANCELED:
            instructed.closed(attempt, orders, lapsed=facts.lapsed, now=now)
        case CheckoutStatus.FAILED if attempt.state == AttemptState.AUTHORIZED:
            # What was reserved is not to be had any more, whatever the provider calls that.
            instructed.closed(attempt, orders, lapsed=True, now=now)
        case CheckoutStatus.FAILED if attempt.state == AttemptState.PENDING:
            _failed(attempt, orders, facts, now=now)
        case CheckoutStatus.REFUSED:
            _refused(attempt, orders, facts, now=now)
        case CheckoutStatus.REQUIRES_ACTION | CheckoutStatus.IN_REVIEW:
            moved = _move_where(orders, _UNDER_WAY[facts.status], actor=f"psp:{attempt.psp}", now=now)
            if moved and facts.status is CheckoutStatus.IN_REVIEW:
                tell(checkout=attempt.checkout_id, type="payment.in_review", now=now)
        case status:
            if status is CheckoutStatus.OPEN:
                _move_where(orders, "reopen", actor=f"psp:{attempt.psp}", now=now, reason=facts.last_error)
            _note(attempt, facts, now=now)
    return str(attempt.state)


def _note(attempt: Attempt, facts: CheckoutFacts, *, now: datetime) -> None:
    """Keep what moves nothing: the last refusal, and since when the buyer has done what a buyer can."""
    if facts.last_error and facts.last_error != attempt.last_error:
        Attempt.objects.filter(pk=attempt.pk).update(last_error=facts.last_error)
    if facts.status is CheckoutStatus.PROCESSING:
        Attempt.objects.filter(pk=attempt.pk, processing_since=None).update(processing_since=now)


@prepared_query
def _locked_checkout(checkout: str) -> QuerySet[Checkout]:
    return Checkout.objects.select_for_update().filter(pk=checkout)


@prepared_query
def _locked_attempt(attempt: str) -> QuerySet[Attempt]:
    return Attempt.objects.select_for_update().filter(pk=attempt)


@prepared_query
def _locked_orders(checkout: str, cart: int) -> QuerySet[PaymentOrder]:
    return PaymentOrder.objects.select_for_update().filter(checkout=checkout, cart=cart).order_by("pk")


def _refused(attempt: Attempt, orders: Sequence[PaymentOrder], facts: CheckoutFacts, *, now: datetime) -> None:
    """Take over a charge that the provider gives back by its own decision: no sale, and for a while nobody's money."""
    if not surplus.is_booked(attempt):
        surplus.book_surplus(attempt, facts, now=now)
    if attempt.state in attempt.machine.row("decline").sources:
        withdraw(kind="payments.sync_attempt", key=attempt.id, now=now)
        _failed(attempt, orders, facts, now=now, charge_ref=facts.charge_ref)


def _failed(
    attempt: Attempt, orders: Sequence[PaymentOrder], facts: CheckoutFacts, *, now: datetime, **changes: str
) -> None:
    reason = facts.last_error
    actor = f"psp:{attempt.psp}"
    move(attempt, "decline", actor=actor, now=now, reason=reason, last_error=reason, declined_as=reason, **changes)
    _move_where(orders, "fail", actor=actor, now=now, reason=reason)
    tell(checkout=attempt.checkout_id, type="payment.failed", now=now)


def _reserved_or_paid(attempt: Attempt, orders: Sequence[PaymentOrder], facts: CheckoutFacts, *, now: datetime) -> None:
    told = instructed.alive(attempt)
    if told is not None and told.kind == InstructionKind.CLOSE:
        instructed.failed(told, code="paid_meanwhile", message="the buyer was faster", now=now)
        told = None
    if any(order.paid_by_id not in (None, attempt.pk) for order in orders):
        _once_too_often(attempt, facts, now=now)
        return
    if facts.status is CheckoutStatus.AUTHORIZED and attempt.state not in (
        AttemptState.PENDING,
        AttemptState.AUTHORIZED,
    ):
        _release(attempt, now=now)
        return
    if facts.status is CheckoutStatus.AUTHORIZED and attempt.state == AttemptState.PENDING:
        _authorize(attempt, orders, facts, now=now)
    late = [order for order in orders if order.state in LATE and attempt.state != AttemptState.AUTHORIZED]
    booked = sum(order.captured_minor for order in orders)
    captured = facts.captured or Money(0, attempt.currency)
    if captured.minor > booked:
        earlier = Money(booked, attempt.currency)
        parts = _parts(attempt, orders, captured - earlier, told)
        book_capture(attempt, orders, parts, facts, earlier=earlier, now=now)
        if facts.status is CheckoutStatus.AUTHORIZED:
            _captured_in_part(attempt, told, now=now)
    if facts.status is CheckoutStatus.PAID:
        _paid(attempt, orders, late, facts, told, now=now)


def _captured_in_part(attempt: Attempt, told: Instruction | None, *, now: datetime) -> None:
    """End a capture that left the rest reserved; one that is final is over when the rest is free too."""
    if told is not None and told.kind == InstructionKind.CAPTURE and not told.final:
        instructed.done(told, now=now)
    elif told is not None:
        wake(kind=instructed.JOB, key=told.id, now=now)
    tell(checkout=attempt.checkout_id, type="payment.captured", now=now)


def _authorize(attempt: Attempt, orders: Sequence[PaymentOrder], facts: CheckoutFacts, *, now: datetime) -> None:
    move(
        attempt,
        "authorize",
        actor=f"psp:{attempt.psp}",
        now=now,
        charge_ref=facts.charge_ref,
        authorized_until=facts.authorized_until,
    )
    for order in orders:
        if order.state in order.machine.row("authorize").sources:
            move(order, "authorize", actor=f"psp:{attempt.psp}", now=now, paid_by=attempt)
    withdraw(kind="payments.sync_attempt", key=attempt.id, now=now)
    enqueue(kind=WATCH, key=attempt.id, args={"attempt": attempt.id}, run_at=now + timedelta(minutes=10))
    _supersede_others(attempt, now=now)
    tell(checkout=attempt.checkout_id, type="payment.authorized", now=now)


def _parts(attempt: Attempt, orders: Sequence[PaymentOrder], taken: Money, told: Instruction | None) -> dict[str, int]:
    """Return whose money a capture is: as it was instructed, or all that was left. Raises AmountMismatch."""
    if told is not None and told.kind == InstructionKind.CAPTURE and told.amount == taken:
        return dict(told.parts)
    left = {order.id: order.amount_minor - order.captured_minor for order in orders}
    if sum(left.values()) != taken.minor:
        raise AmountMismatch(
            charged=str(taken), checkout=attempt.checkout_id, total=f"{sum(left.values())} minor units"
        )
    return left


def _paid(
    attempt: Attempt,
    orders: Sequence[PaymentOrder],
    late: Sequence[PaymentOrder],
    facts: CheckoutFacts,
    told: Instruction | None,
    *,
    now: datetime,
) -> None:
    """End an attempt whose money was taken for good: what was not captured is released, what came late goes back."""
    # The database keeps one attempt of a checkout alive: while this one was, there was no other to close.
    only_one = attempt.state in (AttemptState.PENDING, AttemptState.AUTHORIZED)
    released = facts.captured is not None and facts.captured.minor < attempt.amount_minor
    if told is not None and told.kind == InstructionKind.CAPTURE:
        instructed.captured(told, all_in_all=facts.captured, now=now)
    elif told is not None and told.kind == InstructionKind.VOID and released:
        # What had been captured stays captured; that the rest is free again is all that was asked.
        instructed.done(told, now=now)
    elif told is not None:
        instructed.failed(told, code="captured_meanwhile", message="the money was taken already", now=now)
    move(
        attempt,
        "succeed",
        actor=f"psp:{attempt.psp}",
        now=now,
        charge_ref=facts.charge_ref,
        payment_ref=facts.payment_ref,
    )
    withdraw(kind="payments.sync_attempt", key=attempt.id, now=now)
    if attempt.authorized_until is not None:
        withdraw(kind=WATCH, key=attempt.id, now=now)
    for order in orders:
        if order.state == OrderState.AUTHORIZED:
            move(order, "cancel", actor=f"psp:{attempt.psp}", now=now, reason="not captured, and released")
    if not only_one:
        _supersede_others(attempt, now=now)
    if not late:
        _complete(attempt, orders, now=now)
        return
    tell(checkout=attempt.checkout_id, type="payment.paid_late", now=now)
    for order in late:
        reason = "paid for a cart that was replaced" if attempt.cart != _cart_now(attempt) else "paid after it was over"
        refund = request_refund_in_tx(
            order=order, amount=order.captured, reason=reason, actor="system:late_payment", now=now
        )
        enqueue(kind="payments.send_refund", key=refund.id, args={"refund": refund.id}, run_at=now)


def _complete(attempt: Attempt, orders: Sequence[PaymentOrder], *, now: datetime) -> None:
    """Say of a checkout that it is paid, if it is its cart that was."""
    checkout = attempt.checkout
    if checkout.cart != attempt.cart:
        tell(checkout=checkout.pk, type="payment.succeeded", now=now)
        return
    checkout.is_payment_done = all(order.state == OrderState.SUCCESS for order in orders)
    update_row(checkout, "is_payment_done")
    tell_of(checkout, orders, type="payment.succeeded", now=now)


def _once_too_often(attempt: Attempt, facts: CheckoutFacts, *, now: datetime) -> None:
    """Take over money for what another attempt has paid: booked as nobody's and sent back, or not taken at all."""
    if facts.status is CheckoutStatus.AUTHORIZED:
        _release(attempt, now=now)
        return
    surplus.book_surplus(attempt, facts, now=now)
    move(
        attempt,
        "succeed",
        actor=f"psp:{attempt.psp}",
        now=now,
        reason="paid once too often",
        charge_ref=facts.charge_ref,
        payment_ref=facts.payment_ref,
    )
    withdraw(kind="payments.sync_attempt", key=attempt.id, now=now)
    tell(checkout=attempt.checkout_id, type="payment.double_paid", now=now)


def _release(attempt: Attempt, *, now: datetime) -> None:
    """Have a reservation released that nobody here will capture."""
    if instructed.alive(attempt) is None:
        instructed.instruct(
            attempt, kind=InstructionKind.VOID, purpose=Purpose.SUPERSEDE, actor="system:late_payment", now=now
        )


def _supersede_others(attempt: Attempt, *, now: datetime) -> None:
    """Have the page of another attempt at the same cart closed: one of them is enough."""
    others = Attempt.objects.select_for_update().filter(
        checkout=attempt.checkout_id, cart=attempt.cart, state=AttemptState.PENDING
    )
    for other in others.exclude(pk=attempt.pk).order_by("pk"):
        if instructed.alive(other) is None:
            instructed.instruct(
                other, kind=InstructionKind.CLOSE, purpose=Purpose.SUPERSEDE, actor="system:double_payment", now=now
            )


def _cart_now(attempt: Attempt) -> int:
    return Checkout.objects.values_list("cart", flat=True).get(pk=attempt.checkout_id)


def _move_where(orders: Sequence[PaymentOrder], event: str, *, actor: str, now: datetime, reason: str = "") -> bool:
    """Move those orders that can, and tell whether any did: one that is further already stays where it is."""
    still = [order for order in orders if order.state in order.machine.row(event).sources]
    for order in still:
        move(order, event, actor=actor, now=now, reason=reason)
    return bool(still)
