"""The risk check before a payment is executed: asked once for each cart, its verdict kept for good.

Rejected means FAILED before the provider hears of it. A review waits for a person, who decides as a second one
beside the check that asked.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from ledger.money import Money
from operations import switchboard
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from operations.rows import insert_row
from operations.services import request_approval, withdraw, withdraw_approval
from payments.models import Attempt, Checkout, PaymentOrder, RiskVerdict
from payments.models.risk import RiskDecision
from payments.risk import ASKS_NOBODY, RiskQuestion, Verdict
from payments.services.attempt_rows import lock_with_checkout, try_again
from payments.services.events import tell
from payments.states import AttemptState, OrderState

logger = logging.getLogger(__name__)

REJECTED = "risk_rejected"
PERSON = "person"
_REVIEW = "payments.risk_review"


class RiskCheckSilent(DomainError):
    """The risk check {kind} gave no verdict: {reason}"""

    code = "risk_check_silent"
    retryable = True


def passes_risk_check(attempt: Attempt, *, now: datetime) -> bool:
    """Tell whether an attempt may be executed; ask the configured check if nobody has yet.

    Raises RiskCheckSilent where the check itself fails: without a verdict nothing is executed.
    """
    said = list(RiskVerdict.objects.filter(checkout=attempt.checkout_id, cart=attempt.cart))
    if not said:
        kind = settings.RISK_CHECK
        verdict = _asked(kind, _question(attempt))
        with money_tx("payments.risk_verdict"):
            _act_on(attempt.pk, verdict, kind=kind, now=now)
        return verdict.decision == "accept"
    last = next((one for one in said if one.check_kind == PERSON), said[0])
    return last.decision == RiskDecision.ACCEPT


def _asked(kind: str, question: RiskQuestion) -> Verdict:
    try:
        verdict: Verdict = switchboard.answerer("RISK_CHECKS", kind)(question)
    except Exception as error:
        # Whatever it is, it is the check's, or another company's: the payment waits for it.
        logger.exception("the risk check %s gave no verdict on %s", kind, question.checkout)
        raise RiskCheckSilent(kind=kind, reason=f"{type(error).__name__}: {error}"[:200]) from error
    return verdict


def local_verdict(question: RiskQuestion) -> Verdict | None:
    """Return the verdict of a check that asks nobody outside; None where the configured one does, and must wait."""
    check = switchboard.answerer("RISK_CHECKS", settings.RISK_CHECK)
    verdict: Verdict | None = check(question) if check in ASKS_NOBODY else None
    return verdict


def act_on_first(attempt: Attempt, orders: Sequence[PaymentOrder], verdict: Verdict, *, now: datetime) -> None:
    """Keep the verdict on an attempt, and do what it says, in the transaction that stores it."""
    kind = settings.RISK_CHECK
    _write(attempt, verdict, kind=kind, by=f"risk:{kind}", now=now)
    _obey(attempt, orders, verdict, kind=kind, now=now)


def accept_risk(*, attempt: str, maker: str, checker: str, now: datetime) -> None:
    """Let a payment pass that a check wanted looked at (the approval's act); its page is made afresh."""
    found = lock_with_checkout(attempt)
    _keep(found, Verdict(decision="accept", reason="a person accepted it"), kind=PERSON, by=checker, now=now)
    if found.state != AttemptState.CREATED:
        return
    # What was frozen before the review may be too old to be registered by now.
    try_again(found, reason="accepted after a review", now=now, new_life=True)


def refuse_risk(*, attempt: str, maker: str, checker: str, now: datetime) -> None:
    """Refuse a payment that a check wanted looked at (the rejection's act)."""
    found = lock_with_checkout(attempt)
    _keep(found, Verdict(decision="reject", reason="a person refused it"), kind=PERSON, by=checker, now=now)
    if found.state == AttemptState.CREATED:
        _refuse(found, _orders(found), actor=checker, now=now)


def call_off_review(*, checkout: str, actor: str, now: datetime) -> bool:
    """Cancel a payment at which a person looks, in the caller's transaction: the provider never heard of it.

    Returns False where nobody looks at it. It takes the question before the checkout, as whoever decides it does.
    """
    note = "the storefront called the payment off"
    if not withdraw_approval(kind=_REVIEW, subject=f"checkout:{checkout}", actor=actor, now=now, note=note):
        return False
    attempt = lock_with_checkout(Attempt.objects.filter(checkout=checkout).latest("number").pk)
    move(attempt, "abandon", actor=actor, now=now, reason=note)
    for order in _orders(attempt):
        move(order, "cancel", actor=actor, now=now, reason=note)
    tell(checkout=checkout, type="payment.canceled", now=now)
    return True


def _act_on(attempt_id: str, verdict: Verdict, *, kind: str, now: datetime) -> None:
    # With its checkout, to which the verdict's row refers.
    attempt = lock_with_checkout(attempt_id)
    if attempt.state == AttemptState.CREATED and _keep(attempt, verdict, kind=kind, by=f"risk:{kind}", now=now):
        _obey(attempt, _orders(attempt), verdict, kind=kind, now=now)


def _obey(attempt: Attempt, orders: Sequence[PaymentOrder], verdict: Verdict, *, kind: str, now: datetime) -> None:
    if verdict.decision == "reject":
        _refuse(attempt, orders, actor=f"risk:{kind}", now=now)
    if verdict.decision == "review":
        withdraw(kind="payments.register_attempt", key=attempt.id, now=now)
        for order in orders:
            move(order, "hold_for_review", actor=f"risk:{kind}", now=now, reason=verdict.reason)
        request_approval(
            kind=_REVIEW,
            subject=f"checkout:{attempt.checkout_id}",
            payload={"attempt": attempt.id},
            reason=verdict.reason,
            maker=f"risk:{kind}",
            now=now,
        )
        tell(checkout=attempt.checkout_id, type="payment.in_review", now=now)


def _refuse(attempt: Attempt, orders: Sequence[PaymentOrder], *, actor: str, now: datetime) -> None:
    withdraw(kind="payments.register_attempt", key=attempt.id, now=now)
    # Why exactly stays here: who is on a list must not learn it from the shop.
    move(attempt, "decline", actor=actor, now=now, reason=REJECTED, last_error=REJECTED, declined_as=REJECTED)
    for order in orders:
        move(order, "fail", actor=actor, now=now, reason=REJECTED)
    tell(checkout=attempt.checkout_id, type="payment.failed", now=now)


def _keep(attempt: Attempt, verdict: Verdict, *, kind: str, by: str, now: datetime) -> bool:
    """Write a verdict; returns False where the check has given one already."""
    _, created = RiskVerdict.objects.get_or_create(
        checkout_id=attempt.checkout_id,
        cart=attempt.cart,
        check_kind=kind,
        defaults=_facts(verdict, by=by, now=now),
    )
    return created


def _write(attempt: Attempt, verdict: Verdict, *, kind: str, by: str, now: datetime) -> None:
    facts = _facts(verdict, by=by, now=now)
    insert_row(RiskVerdict(checkout_id=attempt.checkout_id, cart=attempt.cart, check_kind=kind, **facts))


def _facts(verdict: Verdict, *, by: str, now: datetime) -> dict[str, Any]:
    return {
        "decision": verdict.decision,
        "rule": verdict.rule,
        "reason": verdict.reason,
        "decided_by": by,
        "at": now,
    }


def _orders(attempt: Attempt) -> list[PaymentOrder]:
    mine = PaymentOrder.objects.select_for_update().filter(checkout=attempt.checkout_id, cart=attempt.cart)
    over = (OrderState.FAILED, OrderState.CANCELED, OrderState.EXPIRED)
    return list(mine.exclude(state__in=over).order_by("pk"))


def _question(attempt: Attempt) -> RiskQuestion:
    sellers = PaymentOrder.objects.filter(checkout=attempt.checkout_id, cart=attempt.cart).order_by("pk")
    return question_about(attempt.checkout, amount=attempt.amount, sellers=sellers.values_list("seller_id", flat=True))


def question_about(checkout: Checkout, *, amount: Money, sellers: Iterable[str]) -> RiskQuestion:
    """Return what a check learns of a checkout."""
    buyer = checkout.buyer_info
    return RiskQuestion(
        checkout=checkout.id,
        storefront=checkout.storefront_id,
        amount=amount,
        name=str(buyer.get("name", "")),
        email=str(buyer.get("email", "")),
        country=str(buyer.get("country", "")),
        sellers=tuple(sellers),
    )
