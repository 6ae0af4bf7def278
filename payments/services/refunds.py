"""Refunds, in three beats: reserved on the order first, sent after, booked when the provider says so.

Above a limit a second person agrees between the first beat and the second. A refund that had succeeded may still fail,
days later: then what it took is given back, as it was booked.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from ledger.money import Money
from operations import idempotency
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from operations.services import (
    TryLater,
    ask_person,
    enqueue,
    enqueue_again,
    record_audit,
    request_approval,
    require_running,
)
from payments.errors import NotKnownYet, UnknownPayment
from payments.gateway import (
    REFUND_GONE,
    Declined,
    Gateway,
    RefundFacts,
    RefundRequest,
    RefundStatus,
    Succeeded,
    Unknown,
    provider,
)
from payments.models import Attempt, Dispute, PaymentOrder, Refund
from payments.services.common import (
    require_awake,
    require_key_alive,
    require_representable,
    surely_gone,
    try_later,
)
from payments.services.events import tell
from payments.services.refund_money import book_late_failure, book_refund, book_settled, psp_of
from payments.states import HOLDS_MONEY, REFUND, DisputeState, OrderState, RefundState

OPEN = (
    RefundState.REQUESTED,
    RefundState.APPROVED,
    RefundState.SENDING,
    RefundState.UNKNOWN,
    RefundState.PENDING,
)
# How long the provider is given to tell by itself that a refund was carried out.
_FIRST_POLL = timedelta(hours=1)
FAILED = "payments.refund_failed"
UNSENT = (RefundState.REQUESTED, RefundState.APPROVED, RefundState.SENDING, RefundState.UNKNOWN)


class NotRefundable(DomainError):
    """The payment {payment_id!r} is {state}: only what was paid can be refunded."""

    code = "not_refundable"


class RefundExceedsPaid(DomainError):
    """A refund of {amount} is more than the {left} that is left of the payment {payment_id!r}."""

    code = "refund_exceeds_paid"
    parameter = "amount"


class PaymentDisputed(DomainError):
    """The payment {payment_id!r} is disputed: the buyer's bank has the money back already."""

    code = "payment_disputed"


def request_refund(
    *,
    storefront: str,
    payment_order_id: str,
    amount: Money | None,
    reason: str,
    key: str,
    fingerprint: str,
    actor: str,
    now: datetime,
) -> tuple[Refund, int]:
    """Reserve a refund of a payment order and have it sent; no amount means all that is left.

    Where more than the currency's limit is given back of the order, it is sent once a second person agrees. Returns
    the refund and its idempotency key's row; the same key again is the same refund. Raises UnknownPayment,
    NotRefundable, PaymentDisputed, RefundExceedsPaid, AmountNotRepresentable, CurrencyMismatch, KeyReused,
    RequestInProgress, Stopped.
    """
    with money_tx("refunds.request"):
        claim = idempotency.claim(scope=f"storefront:{storefront}", key=key, fingerprint=fingerprint, now=now)
        if not claim.fresh:
            return Refund.objects.select_related("order").get(pk=claim.subject), claim.key_id
        order = (
            PaymentOrder.objects.select_for_update()
            .filter(storefront=storefront, payment_order_id=payment_order_id)
            .first()
        )
        if order is None:
            raise UnknownPayment(payment_id=payment_order_id, parameter="payment_order_id")
        require_running("refunds")
        left = order.captured - order.refunded
        if amount is None and order.state == OrderState.SUCCESS and not left.minor:
            raise NotRefundable(payment_id=payment_order_id, state="refunded already")
        refund = request_refund_in_tx(order=order, amount=amount or left, reason=reason, actor=actor, now=now)
        idempotency.bind(key_id=claim.key_id, subject=refund.id)
        hand_on(refund, now=now)
    return refund, claim.key_id


def hand_on(refund: Refund, *, now: datetime) -> None:
    """Have a refund sent that was reserved, or ask a second person first, in the caller's transaction."""
    if refund.needs_approval:
        _ask_a_second_person(refund, now=now)
    else:
        _have_sent(refund, now=now)


def request_refund_in_tx(
    *, order: PaymentOrder, amount: Money, reason: str, actor: str, now: datetime, part_of: Money | None = None
) -> Refund:
    """Reserve a refund on an order that the caller has locked; `part_of` is the sum that it is part of.

    What we do by ourselves (`system:…`) needs no second person: nobody decided it; nor does what was done at the
    provider (`psp:…`). Both are reserved even while refunds are stopped, and whatever the amount, because what they
    belong to is booked in the same transaction; ours is sent when they go on. Raises NotRefundable, PaymentDisputed,
    RefundExceedsPaid, CurrencyMismatch, AmountNotRepresentable.
    """
    if order.state != OrderState.SUCCESS:
        raise NotRefundable(payment_id=order.payment_order_id, state=order.state)
    left = order.captured - order.refunded
    if (left - amount).minor < 0 or amount.minor <= 0:
        raise RefundExceedsPaid(amount=str(amount), left=str(left), payment_id=order.payment_order_id)
    paid_by = Attempt.objects.get(pk=order.paid_by_id)
    charge, already_decided = paid_by.charge_ref, actor.startswith(("system:", "psp:"))
    if not already_decided:
        require_representable(amount, provider(paid_by.psp), field="amount")
    if Dispute.objects.filter(charge_ref=charge).filter(state__in=(*HOLDS_MONEY, DisputeState.LOST)).exists():
        raise PaymentDisputed(payment_id=order.payment_order_id)
    PaymentOrder.objects.filter(pk=order.pk).update(refunded_minor=F("refunded_minor") + amount.minor)
    refund = Refund(
        order=order,
        amount_minor=amount.minor,
        currency=amount.currency,
        reason=reason,
        requested_by=actor,
        needs_approval=not already_decided and _above_limit(order, amount, part_of or amount),
        created_at=now,
        state_since=now,
    )
    refund.psp_key = f"refund:{refund.id}"
    refund.params = {
        "charge_ref": charge,
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "reference": refund.id,
    }
    refund.save()
    record_audit(
        action="payments.refund.requested",
        actor=actor,
        subject=f"order:{order.pk}",
        now=now,
        amount=str(amount),
    )
    return refund


def approve_refund(*, refund: str, maker: str, checker: str, now: datetime) -> None:
    """Let a refund go out. Called when a second person grants it; never directly. Raises Stopped."""
    require_running("refunds")
    found = Refund.objects.select_for_update().get(pk=refund)
    move(found, "approve", actor=checker, now=now, approved_by=checker)
    _have_sent(found, now=now)
    record_audit(
        action="payments.refund.approved", actor=checker, subject=f"refund:{refund}", now=now, amount=str(found.amount)
    )


def reject_refund(*, refund: str, maker: str, checker: str, now: datetime) -> None:
    """Call a refund off that a second person did not agree to: the order can be refunded again."""
    found = Refund.objects.select_for_update().get(pk=refund)
    _give_back(found, "cancel", actor=checker, reason="a second person did not agree", detail="", now=now)
    record_audit(
        action="payments.refund.rejected", actor=checker, subject=f"refund:{refund}", now=now, amount=str(found.amount)
    )


def _above_limit(order: PaymentOrder, amount: Money, part_of: Money) -> bool:
    """Tell whether a refund takes what is given back of an order above the limit: in parts it is no less.

    Nor is a sum that is split over several sellers' orders, nor what was given back of them before it (`part_of`).

    Where limits are set, a currency that has none is no way around them.
    """
    limits = settings.REFUND_APPROVAL_LIMIT_MINOR
    if not limits:
        return False
    limit = limits.get(amount.currency)
    return limit is None or max((order.refunded + amount).minor, part_of.minor) > limit


def _ask_a_second_person(refund: Refund, *, now: datetime) -> None:
    request_approval(
        kind="payments.refund",
        subject=f"refund:{refund.id}",
        payload={"refund": refund.id},
        reason=refund.reason or f"a refund of {refund.amount}",
        maker=refund.requested_by,
        now=now,
    )


def _have_sent(refund: Refund, *, now: datetime) -> None:
    enqueue_again(kind="payments.send_refund", key=refund.id, args={"refund": refund.id}, run_at=now)


def send_refund(*, refund: str, now: datetime) -> None:
    """Send a refund to the provider, or find out what became of it (a job).

    Raises TryLater, ProviderUnclear; Stopped before anything is sent, never before a look-up.
    """
    with money_tx("refunds.claim"):
        found = _with_psp(refund)
        if found.state not in UNSENT or (found.needs_approval and found.approved_by is None):
            return
        was_sent = found.sent_at is not None
        if not was_sent:
            require_running("refunds")
            require_awake(_gateway(found))
        move(found, "send", actor="system:jobs", now=now, sent_at=found.sent_at or now)
    outcome = _look_up(found) if was_sent else None
    if outcome is None:
        gateway = _gateway(found)
        require_key_alive(gateway, what=f"the refund {refund}", sent_at=found.sent_at, now=now)
        require_running("refunds")
        outcome = gateway.create_refund(RefundRequest(**found.params), key=found.psp_key)
    _record(refund, outcome, now=now)
    if isinstance(outcome, Unknown):
        raise try_later(outcome)


def sync_refund(*, psp_ref: str, reference: str, now: datetime) -> None:
    """Take over where a refund stands at the provider. Raises NotKnownYet, TryLater."""
    rows = Refund.objects.select_related("order__paid_by")
    refund = rows.filter(pk=reference).first() or rows.filter(psp_ref=psp_ref).first()
    if refund is None:
        raise NotKnownYet(what=f"the refund {psp_ref}")
    if refund.state not in OPEN and refund.state != RefundState.SUCCEEDED:
        return
    outcome = _gateway(refund).fetch_refund(psp_ref, charge_ref=str(refund.params["charge_ref"]))
    if isinstance(outcome, Unknown):
        raise try_later(outcome)
    if isinstance(outcome, Succeeded):
        if refund.state in (RefundState.REQUESTED, RefundState.APPROVED):
            raise TryLater(reason="the webhook came before our own record", after_s=2)
        _record(refund.pk, outcome, now=now)
    elif refund.state == RefundState.PENDING and surely_gone(outcome, sent_at=refund.sent_at, now=now):
        _record(refund.pk, outcome, now=now)


def poll_refund(*, refund: str, now: datetime) -> None:
    """Ask where a refund stands that the provider has accepted (a job). Raises TryLater while it is not carried out."""
    found = Refund.objects.get(pk=refund)
    if found.state != RefundState.PENDING or found.psp_ref is None:
        return
    sync_refund(psp_ref=found.psp_ref, reference=found.id, now=now)
    found.refresh_from_db()
    if found.state == RefundState.PENDING:
        raise TryLater(reason="accepted, and not carried out yet")


def _gateway(refund: Refund) -> Gateway:
    return provider(psp_of(refund), about=f"refund:{refund.pk}")


def _with_psp(refund: str) -> Refund:
    """Return a refund, locked, with the attempt that its order was paid by."""
    return Refund.objects.select_for_update(of=("self",)).select_related("order__paid_by").get(pk=refund)


def _look_up(refund: Refund) -> Succeeded[RefundFacts] | Unknown | Declined | None:
    found = _gateway(refund).find_refund(refund.id, charge_ref=str(refund.params["charge_ref"]))
    match found:
        case Succeeded(value=RefundFacts() as facts):
            return Succeeded(facts)
        case Succeeded():
            return None
        case Declined(message=message):
            # That the look-up was refused says nothing about what was looked for.
            return Unknown(reason=f"the look-up was refused: {message}")
        case _:
            return found


def _record(refund_id: str, outcome: Succeeded[RefundFacts] | Declined | Unknown, *, now: datetime) -> None:
    with money_tx("refunds.record"):
        refund = _with_psp(refund_id)
        if refund.state == RefundState.SUCCEEDED and isinstance(outcome, Succeeded):
            _fail_late(refund, outcome.value, now=now)
        if refund.state not in OPEN:
            return
        match outcome:
            case Succeeded(value=facts):
                take_over(refund, facts, now=now)
            case Declined(code=code, message=message):
                event = "cancel" if code == REFUND_GONE else "fail"
                _give_back(refund, event, reason=code, detail=message, now=now)
            case Unknown(reason=reason, sent=True) if refund.state == RefundState.SENDING:
                move(refund, "lose_sight", actor="system:jobs", now=now, reason=reason, last_error=reason)


def take_over(refund: Refund, facts: RefundFacts, *, now: datetime) -> None:
    """Move and book a locked refund by what the provider says of it; in the caller's transaction. Raises TryLater."""
    if facts.amount != refund.amount:
        raise TryLater(reason=f"the provider says {facts.amount}, we asked for {refund.amount}", after_s=300)
    actor = f"psp:{psp_of(refund)}"
    match facts.status:
        case RefundStatus.SUCCEEDED:
            move(refund, "succeed", actor=actor, now=now, psp_ref=facts.psp_ref)
            book_refund(refund, facts, now=now)
            _tell(refund, "refund.succeeded", now=now)
        case RefundStatus.PENDING if refund.state != RefundState.PENDING:
            move(refund, "wait", actor=actor, now=now, psp_ref=facts.psp_ref)
            args = {"refund": refund.id}
            enqueue(kind="payments.poll_refund", key=refund.id, args=args, run_at=now + _FIRST_POLL)
        case RefundStatus.FAILED | RefundStatus.CANCELED:
            event = "cancel" if facts.status is RefundStatus.CANCELED else "fail"
            if facts.failure_settlement is not None:
                # It went and came back, at two days' rates.
                book_settled(refund, facts, now=now)
            _give_back(refund, event, reason=facts.failure_reason, detail=facts.failure_reason, now=now)


def _fail_late(refund: Refund, facts: RefundFacts, *, now: datetime) -> None:
    """Undo a refund that had succeeded and never reached the buyer: the provider holds the money again."""
    if facts.status not in (RefundStatus.FAILED, RefundStatus.CANCELED):
        return
    book_late_failure(refund, facts, now=now)
    _give_back(refund, "fail_late", reason=facts.failure_reason, detail=facts.failure_reason, now=now)
    # Where the order was delivered while it was wholly refunded, there was nothing to release; now there is.
    enqueue(kind="payouts.release_again", key=refund.id, args={"order": refund.order_id}, run_at=now)


def _give_back(
    refund: Refund, event: str, *, reason: str, detail: str, now: datetime, actor: str | None = None
) -> None:
    """End a refund that did not happen: what it had reserved on the order can be refunded again."""
    move(refund, event, actor=actor or f"psp:{psp_of(refund)}", now=now, reason=reason, last_error=detail)
    PaymentOrder.objects.filter(pk=refund.order_id).update(refunded_minor=F("refunded_minor") - refund.amount_minor)
    _tell(refund, "refund.canceled" if REFUND.row(event).target == RefundState.CANCELED else "refund.failed", now=now)
    if event == "fail_late" or (actor is None and refund.requested_by.startswith("system:")):
        # Everybody took it for done, or nobody asked for it and nobody would again: the buyer's money is still here.
        what = f"{refund.amount} of {refund.order.payment_order_id} could not be given back"
        ask_person(
            kind=FAILED,
            # Of its own, not of the checkout: of another refund's failure that is told while this is open, both are.
            subject=f"refund:{refund.pk}",
            reason=f"{what}: {detail or reason}"[:1000],
            waits_for="finance",
            now=now,
        )


def _tell(refund: Refund, type: str, *, now: datetime) -> None:
    facts = {
        "id": refund.id,
        "payment_order_id": refund.order.payment_order_id,
        "amount": refund.amount.text,
        "currency": refund.currency,
        "status": refund.state,
        "failure_reason": refund.last_error,
    }
    tell(checkout=refund.order.checkout_id, type=type, now=now, about={"refund": facts})
