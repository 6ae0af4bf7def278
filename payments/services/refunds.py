"""Refunds, in three beats: reserved on the order first, sent after, booked when the provider says so."""

from datetime import datetime

from django.db.models import F

from ledger import recipes
from ledger.money import Money
from ledger.selectors import pending_of_order, reserved_of_order
from ledger.services import lock_wallet, post
from operations import idempotency
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from operations.services import TryLater, enqueue, record_audit, require_running
from payments.commissions import Commission, given_back
from payments.errors import NotKnownYet, UnknownPayment
from payments.gateway import Declined, RefundFacts, RefundRequest, RefundStatus, Succeeded, Unknown, provider
from payments.models import Attempt, PaymentOrder, Refund
from payments.services.common import require_key_alive, try_later
from payments.services.events import tell
from payments.states import AttemptState, OrderState, RefundState

OPEN = (RefundState.REQUESTED, RefundState.SENDING, RefundState.UNKNOWN, RefundState.PENDING)


class NotRefundable(DomainError):
    """The payment {payment_id!r} is {state}: only what was paid can be refunded."""

    code = "not_refundable"


class RefundExceedsPaid(DomainError):
    """A refund of {amount} is more than the {left} that is left of the payment {payment_id!r}."""

    code = "refund_exceeds_paid"


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

    Returns the refund and its idempotency key's row; the same key again is the same refund. Raises
    UnknownPayment, NotRefundable, RefundExceedsPaid, CurrencyMismatch, KeyReused, RequestInProgress, Stopped.
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
            raise UnknownPayment(payment_id=payment_order_id)
        refund = request_refund_in_tx(
            order=order, amount=amount or order.amount - order.refunded, reason=reason, actor=actor, now=now
        )
        idempotency.bind(key_id=claim.key_id, subject=refund.id)
        enqueue(kind="payments.send_refund", key=refund.id, args={"refund": refund.id}, run_at=now)
    return refund, claim.key_id


def request_refund_in_tx(*, order: PaymentOrder, amount: Money, reason: str, actor: str, now: datetime) -> Refund:
    """Reserve a refund on an order that the caller has locked. Raises NotRefundable, RefundExceedsPaid."""
    require_running("refunds")
    if order.state != OrderState.SUCCESS:
        raise NotRefundable(payment_id=order.payment_order_id, state=order.state)
    left = order.amount - order.refunded
    if (left - amount).minor < 0 or amount.minor <= 0:
        raise RefundExceedsPaid(amount=str(amount), left=str(left), payment_id=order.payment_order_id)
    charge = Attempt.objects.get(checkout=order.checkout_id, state=AttemptState.SUCCEEDED).charge_ref
    PaymentOrder.objects.filter(pk=order.pk).update(refunded_minor=F("refunded_minor") + amount.minor)
    refund = Refund(
        order=order,
        amount_minor=amount.minor,
        currency=amount.currency,
        reason=reason,
        requested_by=actor,
        created_at=now,
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


def send_refund(*, refund: str, now: datetime) -> None:
    """Send a refund to the provider, or find out what became of it (a job). Raises TryLater, ProviderUnclear."""
    with money_tx("refunds.claim"):
        found = Refund.objects.select_for_update().get(pk=refund)
        if found.state not in (RefundState.REQUESTED, RefundState.SENDING, RefundState.UNKNOWN):
            return
        was_sent = found.sent_at is not None
        move(found, "send", actor="system:jobs", now=now, sent_at=found.sent_at or now)
    outcome = _look_up(found) if was_sent else None
    if outcome is None:
        require_key_alive(provider(), what=f"the refund {refund}", sent_at=found.sent_at, now=now)
        outcome = provider().create_refund(RefundRequest(**found.params), key=found.psp_key)
    _record(refund, outcome, now=now)
    if isinstance(outcome, Unknown):
        raise try_later(outcome)


def sync_refund(*, psp_ref: str, reference: str, now: datetime) -> None:
    """Take over where a refund stands at the provider. Raises NotKnownYet, TryLater."""
    refund = Refund.objects.filter(pk=reference).first() or Refund.objects.filter(psp_ref=psp_ref).first()
    if refund is None:
        raise NotKnownYet(what=f"the refund {psp_ref}")
    if refund.state not in OPEN and refund.state != RefundState.SUCCEEDED:
        return
    outcome = provider().fetch_refund(psp_ref)
    if isinstance(outcome, Unknown):
        raise try_later(outcome)
    if isinstance(outcome, Succeeded):
        if refund.state == RefundState.REQUESTED:
            raise TryLater(reason="the webhook came before our own record", after_s=2)
        _record(refund.pk, outcome, now=now)


def _look_up(refund: Refund) -> Succeeded[RefundFacts] | Unknown | Declined | None:
    found = provider().find_refund(refund.id, charge_ref=str(refund.params["charge_ref"]))
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
        refund = Refund.objects.select_for_update().get(pk=refund_id)
        if refund.state not in OPEN:
            return
        match outcome:
            case Succeeded(value=facts):
                _take_over(refund, facts, now=now)
            case Declined(code=code, message=message):
                _give_back(refund, "fail", reason=code, detail=message, now=now)
            case Unknown(reason=reason) if refund.state == RefundState.SENDING:
                move(refund, "lose_sight", actor="system:jobs", now=now, reason=reason, last_error=reason)


def _take_over(refund: Refund, facts: RefundFacts, *, now: datetime) -> None:
    if facts.amount != refund.amount:
        raise TryLater(reason=f"the provider says {facts.amount}, we asked for {refund.amount}", after_s=300)
    match facts.status:
        case RefundStatus.SUCCEEDED:
            move(refund, "succeed", actor="psp:stripe", now=now, psp_ref=facts.psp_ref)
            _book(refund, facts, now=now)
        case RefundStatus.PENDING if refund.state != RefundState.PENDING:
            move(refund, "wait", actor="psp:stripe", now=now, psp_ref=facts.psp_ref)
        case RefundStatus.FAILED | RefundStatus.CANCELED:
            _give_back(refund, "fail", reason=facts.failure_reason, detail=facts.failure_reason, now=now)


def _give_back(refund: Refund, event: str, *, reason: str, detail: str, now: datetime) -> None:
    """End a refund that did not happen: what it had reserved on the order can be refunded again."""
    move(refund, event, actor="psp:stripe", now=now, reason=reason, last_error=detail)
    PaymentOrder.objects.filter(pk=refund.order_id).update(refunded_minor=F("refunded_minor") - refund.amount_minor)


def _book(refund: Refund, facts: RefundFacts, *, now: datetime) -> None:
    order = PaymentOrder.objects.select_for_update().get(pk=refund.order_id)
    entry = recipes.refund_succeeded(
        psp="stripe",
        refund=facts.psp_ref,
        amount=refund.amount,
        split=_split(refund, order),
        subject=f"checkout:{order.checkout_id}",
        value_date=facts.created_at.date(),
    )
    post(entry, actor="psp:stripe", now=now)
    tell(checkout=order.checkout_id, type="refund.succeeded", now=now)


def _split(refund: Refund, order: PaymentOrder) -> recipes.RefundSplit:
    """Split a refund: our share of it as of the sale, the rest from what the seller has, in order."""
    wallet = lock_wallet(seller=order.seller_id, currency=order.currency)
    back = _given_back(refund, order)
    nothing = Money(0, order.currency)
    of_order = {"seller": order.seller_id, "order": order.id, "currency": order.currency}
    left = refund.amount - back.commission - back.tax
    from_pending = _at_most(left, pending_of_order(**of_order))
    left -= from_pending
    # What was kept back of the sale is there for this; another sale's reserve is not.
    from_reserved = _at_most(left, reserved_of_order(**of_order)) if wallet.reserved.minor else nothing
    left -= from_reserved
    from_available = _at_most(left, wallet.available)
    return recipes.RefundSplit(
        seller=order.seller_id,
        order=order.id,
        from_pending=from_pending,
        from_reserved=from_reserved,
        from_available=from_available,
        from_receivable=left - from_available,
        commission_back=back.commission,
        tax_back=back.tax,
        tax=order.tax,
    )


def _given_back(refund: Refund, order: PaymentOrder) -> Commission:
    earlier = sum(
        Refund.objects.filter(order=order, state=RefundState.SUCCEEDED)
        .exclude(pk=refund.pk)
        .values_list("amount_minor", flat=True)
    )
    return given_back(
        sold=Commission(commission=order.commission, tax=order.commission_tax),
        gross=order.amount,
        earlier=Money(earlier, order.currency),
        refund=refund.amount,
    )


def _at_most(wanted: Money, there: Money) -> Money:
    return Money(max(0, min(wanted.minor, there.minor)), wanted.currency)
