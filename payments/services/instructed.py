"""Instructions as the provider's own object answers them: found alive, ended, and what follows from the end."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet, Sum

from ledger.money import Money
from operations.lifecycle import move
from operations.rows import prepared_query
from operations.services import enqueue, settle_task, withdraw
from payments.gateway import provider
from payments.models import Attempt, Checkout, Instruction, PaymentOrder
from payments.models.instructions import InstructionKind, Purpose
from payments.services.attempt_rows import store_attempt
from payments.services.events import tell
from payments.states import InstructionState, OrderState

ALIVE = (InstructionState.REQUESTED, InstructionState.SENDING, InstructionState.UNKNOWN)
JOB = "payments.carry_out"
UNCLEAR = "payments.instruction_unclear"
# Why a capture comes too late, in Stripe's word for it.
LAPSED = "charge_expired_for_capture"


def alive(attempt: Attempt) -> Instruction | None:
    """Return, locked, the instruction of an attempt whose outcome is not known yet."""
    return next(iter(_alive(attempt.pk)), None)


@prepared_query
def _alive(attempt: str) -> QuerySet[Instruction]:
    return Instruction.objects.select_for_update().filter(attempt=attempt, state__in=ALIVE).order_by("pk")


def instruct(
    attempt: Attempt,
    *,
    kind: InstructionKind,
    purpose: Purpose,
    actor: str,
    now: datetime,
    run_at: datetime | None = None,
    parts: dict[str, int] | None = None,
    final: bool = True,
) -> Instruction:
    """Store an instruction with its frozen request, and the job that sends it; in the caller's transaction.

    `parts` says what is captured of each order, in minor units.
    """
    total = sum((parts or {}).values())
    number = Instruction.objects.filter(attempt=attempt).count() + 1
    params: dict[str, object] = {"psp_ref": attempt.psp_ref, "payment_ref": attempt.payment_ref}
    if kind == InstructionKind.CAPTURE:
        params = {
            "payment_ref": attempt.payment_ref,
            "amount_minor": total,
            "currency": attempt.currency,
            "final": final,
        }
    made = Instruction.objects.create(
        attempt=attempt,
        kind=kind,
        purpose=purpose,
        amount_minor=total,
        currency=attempt.currency,
        final=final,
        parts=parts or {},
        psp_key=f"{attempt.psp_key}:{kind}:{number}",
        params=params,
        actor=actor,
        created_at=now,
        state_since=now,
    )
    enqueue(kind=JOB, key=made.id, args={"instruction": made.id}, run_at=run_at or now)
    return made


def rest_is_left(instruction: Instruction) -> bool:
    """Tell whether a capture for good is taken, and what is beyond it still reserved, by our last look.

    Known only of a provider that captures once: of another, what is captured may be an earlier part.
    """
    attempt = instruction.attempt
    if instruction.kind != InstructionKind.CAPTURE or provider(attempt.psp).abilities.keeps_rest:
        return False
    orders = PaymentOrder.objects.filter(checkout=attempt.checkout_id, cart=attempt.cart)
    return sum(orders.values_list("captured_minor", flat=True)) == instruction.amount_minor


def done(instruction: Instruction, *, now: datetime) -> None:
    """End an instruction whose effect the provider's object shows; in the caller's transaction."""
    move(instruction, "succeed", actor=f"psp:{instruction.attempt.psp}", now=now, last_error="")
    _settle(instruction, now=now, note="the provider's object shows it")


def failed(instruction: Instruction, *, code: str, message: str, now: datetime) -> None:
    """End an instruction that the provider did not carry out; a cart that waited for it is called off."""
    move(instruction, "fail", actor=f"psp:{instruction.attempt.psp}", now=now, reason=code, last_error=message)
    _settle(instruction, now=now, note=message)
    checkout = instruction.attempt.checkout_id
    if instruction.purpose == Purpose.REPLACE:
        for order in _waiting_cart(checkout, instruction.attempt.cart + 1):
            reason = "the old page was paid, or could not be closed"
            move(order, "cancel", actor=f"psp:{instruction.attempt.psp}", now=now, reason=reason)
    if instruction.kind == InstructionKind.CAPTURE:
        tell(checkout=checkout, type="payment.capture_failed", now=now)


def captured(instruction: Instruction, *, all_in_all: Money | None, now: datetime) -> None:
    """End a capture of a reservation that is over: done where it was taken, beyond what earlier captures had taken."""
    captures = Instruction.objects.filter(attempt=instruction.attempt_id, kind=InstructionKind.CAPTURE)
    before = captures.filter(state=InstructionState.SUCCEEDED).aggregate(minor=Sum("amount_minor"))["minor"] or 0
    if all_in_all is not None and all_in_all.minor - before >= instruction.amount_minor:
        done(instruction, now=now)
    else:
        failed(instruction, code=LAPSED, message="there is nothing reserved any more", now=now)


def closed(attempt: Attempt, orders: Sequence[PaymentOrder], *, lapsed: bool, now: datetime) -> None:
    """Take over that an attempt ended unpaid: why it was closed decides what its orders become.

    `lapsed` says that it ran out by itself, at the provider.
    """
    told = alive(attempt)
    if told is not None and told.kind == InstructionKind.CAPTURE:
        failed(told, code=LAPSED, message="there is nothing reserved any more", now=now)
        told = None
    purpose = Purpose(told.purpose) if told else (Purpose.EXPIRE if lapsed else Purpose.CANCEL)
    if told is not None:
        done(told, now=now)
    withdraw(kind="payments.sync_attempt", key=attempt.id, now=now)
    withdraw(kind="payments.watch_authorization", key=attempt.id, now=now)
    if attempt.state not in attempt.machine.row("cancel").sources:
        return
    expired = purpose == Purpose.EXPIRE
    psp = f"psp:{attempt.psp}"
    move(attempt, "expire" if expired else "cancel", actor=psp, now=now, reason=str(purpose.label))
    if purpose == Purpose.SUPERSEDE:
        return
    for order in orders:
        if order.state in order.machine.row("cancel").sources:
            event = "expire" if expired else "cancel"
            move(order, event, actor=told.actor if told else psp, now=now, reason=str(purpose.label))
    if purpose == Purpose.REPLACE:
        _take_new_cart(attempt, now=now)
        return
    tell(checkout=attempt.checkout_id, type="payment.expired" if expired else "payment.canceled", now=now)


def _take_new_cart(attempt: Attempt, *, now: datetime) -> None:
    """Make the cart that waited the one that counts, with an attempt of its own: the old page is surely closed."""
    checkout = Checkout.objects.select_for_update().get(pk=attempt.checkout_id)
    orders = _waiting_cart(checkout.pk, attempt.cart + 1)
    checkout.cart = attempt.cart + 1
    checkout.total_minor = sum(order.amount_minor for order in orders)
    # Its page is a new one, with all of a page's time: the provider makes none that has only a few minutes left.
    checkout.expires_at = now + settings.CHECKOUT_LIFE
    Checkout.objects.filter(pk=checkout.pk).update(
        cart=checkout.cart, total_minor=checkout.total_minor, expires_at=checkout.expires_at
    )
    store_attempt(checkout, orders, psp=attempt.psp, now=now)


def _waiting_cart(checkout: str, cart: int) -> list[PaymentOrder]:
    waiting = PaymentOrder.objects.select_for_update(of=("self",)).select_related("seller")
    return list(waiting.filter(checkout=checkout, cart=cart, state=OrderState.NOT_STARTED).order_by("pk"))


def _settle(instruction: Instruction, *, now: datetime, note: str) -> None:
    withdraw(kind=JOB, key=instruction.id, now=now)
    subject = f"checkout:{instruction.attempt.checkout_id}"
    settle_task(kind=UNCLEAR, subject=subject, now=now, note=note)
