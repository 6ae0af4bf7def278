"""Refunds that somebody made at the provider: in its dashboard, or by its own decision. Facts, so they are booked."""

from datetime import datetime

from ledger.money import CurrencyMismatch
from ledger.selectors import clearing_of_item
from operations.edges import money_tx
from operations.lifecycle import move
from operations.selectors import open_questions_of
from operations.services import TryLater, ask_person, settle_task
from payments.errors import NotKnownYet
from payments.gateway import RefundFacts, RefundStatus, Succeeded, Unknown, provider
from payments.models import Attempt, PaymentOrder, Refund, Surplus
from payments.services.common import try_later
from payments.services.refunds import (
    NotRefundable,
    PaymentDisputed,
    RefundExceedsPaid,
    request_refund_in_tx,
    take_over,
)
from payments.services.surplus import sync_surplus
from payments.states import AttemptState, OrderState

TASK = "payments.refund_elsewhere"


def adopt_refund(*, psp: str, psp_ref: str, payment_ref: str, now: datetime) -> bool:
    """Take over a refund that carries no reference of ours; returns False where it is not known what it is about.

    By one that only released what was reserved nobody got anything back: it is known, and not booked.
    Whose sale it takes back is clear where one order was paid by the charge. Otherwise, and where there is less left
    of the order, a person is asked, until it is in the books under its own id. Raises TryLater.
    """
    attempt = Attempt.objects.filter(psp=psp, payment_ref=payment_ref).exclude(payment_ref="").first()
    if attempt is None:
        return False
    nobodys = Surplus.objects.filter(attempt=attempt).first()
    if nobodys is not None:
        return sync_surplus(psp_ref=psp_ref, reference=nobodys.pk, now=now)
    outcome = provider(psp, about=f"attempt:{attempt.pk}").fetch_refund(psp_ref, charge_ref=str(attempt.charge_ref))
    if isinstance(outcome, Unknown):
        raise try_later(outcome)
    if not isinstance(outcome, Succeeded) or outcome.value.reference:
        return False
    if outcome.value.status is RefundStatus.RELEASED:
        return True
    if attempt.state not in (AttemptState.SUCCEEDED, AttemptState.AUTHORIZED):
        return False
    return _adopt(attempt, outcome.value, now=now)


def adopt_refunds(*, attempt: str, now: datetime) -> None:
    """Take over the refunds of an attempt's charge that were made at a provider which tells of none by itself.

    Raises TryLater, and NotKnownYet while a person must say whose sale one takes back.
    """
    found = Attempt.objects.get(pk=attempt)
    if found.charge_ref is None or found.state != AttemptState.SUCCEEDED:
        return
    outcome = provider(found.psp, about=f"attempt:{found.pk}").find_refunds(found.charge_ref)
    if isinstance(outcome, Unknown):
        raise try_later(outcome)
    listed = outcome.value if isinstance(outcome, Succeeded) else []
    theirs = [facts for facts in listed if not facts.reference]
    refs = [facts.psp_ref for facts in theirs]
    known = set(Refund.objects.filter(psp_ref__in=refs).values_list("psp_ref", flat=True))
    nobodys = Surplus.objects.filter(attempt=found).first()
    for facts in theirs:
        if nobodys is not None:
            sync_surplus(psp_ref=facts.psp_ref, reference=nobodys.pk, now=now)
        elif facts.psp_ref not in known and not _adopt(found, facts, now=now):
            raise NotKnownYet(what=f"whose sale the refund {facts.psp_ref} takes back")


def review_asked(*, now: datetime) -> None:
    """Look again at what a person was asked and has booked since: the question closes, and is not asked again."""
    for task in open_questions_of(kind=TASK):
        checkout = task.subject.partition(":")[2]
        paid = Attempt.objects.filter(checkout=checkout, state=AttemptState.SUCCEEDED).exclude(payment_ref="")
        for attempt in paid:
            if not clearing_of_item(psp=attempt.psp, item=task.item):
                continue
            try:
                adopt_refund(psp=attempt.psp, psp_ref=task.item, payment_ref=attempt.payment_ref, now=now)
            except TryLater:
                # Asked again in the next round.
                continue


def _adopt(attempt: Attempt, facts: RefundFacts, *, now: datetime) -> bool:
    if facts.status in (RefundStatus.FAILED, RefundStatus.CANCELED):
        # It never was one of ours, and took nothing.
        with money_tx("refunds.adopt"):
            if not clearing_of_item(psp=attempt.psp, item=facts.psp_ref):
                _settle(attempt, facts, note="it took nothing", now=now)
        return True
    actor = f"psp:{attempt.psp}"
    with money_tx("refunds.adopt"):
        paid = PaymentOrder.objects.select_for_update().filter(paid_by=attempt, state=OrderState.SUCCESS)
        orders = list(paid.order_by("pk"))
        if Refund.objects.filter(psp_ref=facts.psp_ref).exists():
            return True
        if -facts.amount in clearing_of_item(psp=attempt.psp, item=facts.psp_ref):
            # By a person, as a manual journal under the provider's own object.
            _settle(attempt, facts, note="it is in the books", now=now)
            return True
        if len(orders) != 1:
            _ask(attempt, facts, "its charge paid for several orders, and it does not say which", now=now)
            return False
        try:
            refund = request_refund_in_tx(
                order=orders[0], amount=facts.amount, reason="made at the provider", actor=actor, now=now
            )
        except (NotRefundable, PaymentDisputed, RefundExceedsPaid, CurrencyMismatch) as error:
            _ask(attempt, facts, str(error), now=now)
            return False
        move(refund, "send", actor=actor, now=now, sent_at=facts.created_at)
        take_over(refund, facts, now=now)
        _settle(attempt, facts, note="it is in the books", now=now)
    return True


def _ask(attempt: Attempt, facts: RefundFacts, why: str, *, now: datetime) -> None:
    reason = f"{facts.psp_ref} gave {facts.amount} back at the provider, and is not in the books: {why}"
    about = f"checkout:{attempt.checkout_id}"
    ask_person(kind=TASK, subject=about, item=facts.psp_ref, reason=reason, waits_for="finance", now=now)


def _settle(attempt: Attempt, facts: RefundFacts, *, note: str, now: datetime) -> None:
    about = f"checkout:{attempt.checkout_id}"
    settle_task(kind=TASK, subject=about, item=facts.psp_ref, note=note, now=now)
