"""From what the provider says of a checkout to states and books, in one transaction.

Webhook, poll, the buyer's return and the settlement file all end here: each is another source of the same facts
for the same posting, and the posting's unique reference makes repetitions harmless.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ledger import recipes
from ledger.services import post
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from operations.services import TryLater, enqueue, withdraw
from payments.gateway import CheckoutFacts, CheckoutStatus, Declined, Unknown, provider
from payments.models import Attempt, Checkout, PaymentOrder
from payments.services.common import try_later
from payments.services.events import tell
from payments.services.fees import book_fee
from payments.services.refunds import request_refund_in_tx
from payments.states import AttemptState, OrderState

FINAL = (AttemptState.SUCCEEDED, AttemptState.DECLINED, AttemptState.EXPIRED, AttemptState.ABANDONED)
# How an order moves when the provider says that the payment is under way.
_UNDER_WAY = {
    CheckoutStatus.REQUIRES_ACTION: "require_action",
    CheckoutStatus.IN_REVIEW: "hold_for_review",
}
_LATE = (OrderState.EXPIRED, OrderState.CANCELED, OrderState.FAILED)


class AmountMismatch(DomainError):
    """The provider took {charged} for the checkout {checkout}, which is {total}: a person must look."""

    code = "amount_mismatch"


def sync_attempt(*, attempt: str, now: datetime, poll: bool = True) -> None:
    """Ask the provider where an attempt stands, and take it over.

    `poll` is for the job that waits for lost webhooks: it raises TryLater while the attempt is open, at intervals
    that grow with its age. Raises AmountMismatch, and books nothing, when the provider's amount is not ours.
    """
    found = Attempt.objects.select_related("checkout").get(pk=attempt)
    if found.state in FINAL and (poll or found.state == AttemptState.SUCCEEDED):
        return
    if found.psp_ref is None:
        raise TryLater(reason="not registered yet", after_s=30)
    outcome = provider(found.psp).fetch_checkout(found.psp_ref)
    match outcome:
        case Unknown():
            raise try_later(outcome)
        case Declined():
            raise TryLater(reason=f"the provider does not show {found.psp_ref}: {outcome.message}", after_s=300)
    facts = outcome.value
    _require_same_amount(found.checkout, facts)
    with money_tx("payments.record_facts"):
        state = _apply(attempt, facts, now=now)
    if poll and state not in FINAL:
        raise TryLater(reason="not paid yet", after_s=_poll_interval_s(now - found.created_at))


def _require_same_amount(checkout: Checkout, facts: CheckoutFacts) -> None:
    if facts.amount != checkout.total or facts.reference != checkout.id:
        raise AmountMismatch(charged=str(facts.amount), checkout=checkout.id, total=str(checkout.total))


def _poll_interval_s(age: timedelta) -> int:
    """Return a wait of a fifth of the attempt's age, between 1 and 30 minutes."""
    return max(60, min(1800, int(age.total_seconds()) // 5))


def _apply(attempt_id: str, facts: CheckoutFacts, *, now: datetime) -> str:
    """Move attempt and orders by the facts and post what is to be posted; return the attempt's state."""
    attempt = Attempt.objects.select_for_update().get(pk=attempt_id)
    orders = list(
        PaymentOrder.objects.select_for_update(of=("self",))
        .select_related("seller")
        .filter(checkout=attempt.checkout_id)
        .order_by("pk")
    )
    if attempt.state == AttemptState.SUCCEEDED:
        return str(attempt.state)
    if facts.payment_ref and not attempt.payment_ref:
        # Kept as soon as it is known: a review's webhook names nothing else.
        Attempt.objects.filter(pk=attempt.pk).update(payment_ref=facts.payment_ref)
    match facts.status:
        case CheckoutStatus.PAID:
            _book(attempt, orders, facts, now=now)
        case CheckoutStatus.EXPIRED if attempt.state == AttemptState.PENDING:
            move(attempt, "expire", actor="psp:stripe", now=now)
            _move_where(orders, "expire", now=now)
            tell(checkout=attempt.checkout_id, type="payment.expired", now=now)
        case CheckoutStatus.FAILED if attempt.state == AttemptState.PENDING:
            move(
                attempt,
                "decline",
                actor="psp:stripe",
                now=now,
                reason=facts.last_error,
                last_error=facts.last_error,
            )
            _move_where(orders, "fail", now=now, reason=facts.last_error)
            tell(checkout=attempt.checkout_id, type="payment.failed", now=now)
        case CheckoutStatus.REQUIRES_ACTION | CheckoutStatus.IN_REVIEW:
            _move_where(orders, _UNDER_WAY[facts.status], now=now)
        case _ if facts.last_error and facts.last_error != attempt.last_error:
            Attempt.objects.filter(pk=attempt.pk).update(last_error=facts.last_error)
    return str(attempt.state)


def _book(attempt: Attempt, orders: Sequence[PaymentOrder], facts: CheckoutFacts, *, now: datetime) -> None:
    """Post the capture and the provider's fee, credit the sellers' wallets and move the states."""
    subject = f"checkout:{attempt.checkout_id}"
    assert facts.paid_at is not None  # noqa: S101 - the reader fills it for every paid checkout
    actor = f"psp:{attempt.psp}"
    sales = [
        recipes.Sale(
            order=order.id,
            seller=order.seller_id,
            gross=order.amount,
            commission=order.commission,
            commission_tax=order.commission_tax,
            tax=order.tax,
        )
        for order in orders
    ]
    captured = recipes.payment_captured(
        psp=attempt.psp,
        charge=facts.charge_ref,
        sales=sales,
        subject=subject,
        value_date=facts.paid_at.date(),
    )
    post(captured, actor=actor, now=now)
    fee_minor = book_fee(attempt, facts, now=now)
    move(
        attempt,
        "succeed",
        actor=actor,
        now=now,
        charge_ref=facts.charge_ref,
        payment_ref=facts.payment_ref,
        fee_minor=fee_minor,
        fee_known=facts.fee is not None,
    )
    withdraw(kind="payments.sync_attempt", key=attempt.id, now=now)
    booked: dict[str, Any] = {"ledger_updated": True, "wallet_updated": True, "paid_at": facts.paid_at}
    late = [order for order in orders if order.state in _LATE]
    for order in orders:
        move(order, "pay_late" if order in late else "succeed", actor=actor, now=now, **booked)
    Checkout.objects.filter(pk=attempt.checkout_id).update(is_payment_done=True)
    tell(checkout=attempt.checkout_id, type="payment.succeeded", now=now)
    for order in late:
        refund = request_refund_in_tx(
            order=order,
            amount=order.amount,
            reason="paid after it had expired",
            actor="system:late_payment",
            now=now,
        )
        enqueue(kind="payments.send_refund", key=refund.id, args={"refund": refund.id}, run_at=now)


def _move_where(orders: Sequence[PaymentOrder], event: str, *, now: datetime, reason: str = "") -> None:
    """Move those orders that can: an order that is further already stays where it is."""
    for order in orders:
        if order.state in order.machine.row(event).sources:
            move(order, event, actor="psp:stripe", now=now, reason=reason)
