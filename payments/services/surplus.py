"""Money that is nobody's: booked as that, and sent back to the buyer by itself, in three beats.

It came once too often, or the provider took it and gives it back by its own decision: then its refund is the return.
Where the buyer's bank takes it back before that, and keeps it, the dispute is the return.
"""

from datetime import datetime, timedelta

from ledger import chart, recipes
from ledger.selectors import entries_about
from ledger.services import post
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from operations.services import TryLater, ask_person, enqueue, require_running, settle_task
from payments.gateway import (
    CheckoutFacts,
    Declined,
    Gateway,
    Outcome,
    RefundFacts,
    RefundRequest,
    RefundStatus,
    Succeeded,
    Unknown,
    provider,
)
from payments.models import Attempt, Dispute, Surplus
from payments.services.attempt_rows import lock_with_checkout
from payments.services.common import key_alive, require_awake, surely_gone, try_later
from payments.services.dispute_returns import platform_loss
from payments.services.events import tell
from payments.services.fees import book_settlement
from payments.services.settlements import Item, book_refund_settlement
from payments.states import AttemptState, DisputeState, SurplusState

# How often an outcome is asked for that a person has been told of.
ASK_ON_AFTER_S = 3600
# How long the provider is given to tell by itself that the money went back.
_FIRST_POLL = timedelta(hours=1)
JOB = "payments.send_back"
TASK = "payments.surplus_stuck"
# How a refund is refused of which nothing is left to give back: by one that the provider's list does not show yet.
_GIVEN_BACK = "charge_already_refunded"
_TO_SEND = (SurplusState.BOOKED, SurplusState.SENDING, SurplusState.UNKNOWN)
_OPEN = (*_TO_SEND, SurplusState.PENDING)


class SurplusNotStuck(DomainError):
    """The surplus {surplus} is {state}: only one that failed is sent back again."""

    code = "surplus_not_stuck"


def book_surplus(attempt: Attempt, facts: CheckoutFacts, *, now: datetime) -> None:
    """Post a charge for what was paid already, and have it sent back; in the caller's transaction."""
    assert facts.captured is not None  # noqa: S101 - the reader fills both for everything that was captured
    assert facts.paid_at is not None  # noqa: S101
    found = Surplus(
        attempt=attempt,
        charge_ref=facts.charge_ref,
        amount_minor=facts.captured.minor,
        currency=facts.captured.currency,
        created_at=now,
        state_since=now,
    )
    found.psp_key = f"surplus:{found.id}"
    found.params = {
        "charge_ref": facts.charge_ref,
        "amount_minor": found.amount_minor,
        "currency": found.currency,
        "reference": found.id,
    }
    found.save()
    entry = recipes.unidentified_received(
        reference=facts.charge_ref,
        amount=facts.captured,
        psp=attempt.psp,
        subject=f"checkout:{attempt.checkout_id}",
        value_date=facts.paid_at.date(),
    )
    post(entry, actor=f"psp:{attempt.psp}", now=now)
    book_settlement(attempt, facts, taken=facts.captured, later=False, now=now)
    enqueue(kind=JOB, key=found.id, args={"surplus": found.id}, run_at=now)


def take_as_returned(*, charge_ref: str, now: datetime) -> None:
    """Take a lost dispute as the way back of what is nobody's of its charge, unless it may be under way by another.

    In the caller's transaction, which has locked the charge's checkout and booked the loss.
    """
    waiting = Surplus.objects.select_for_update(of=("self",)).select_related("attempt").filter(charge_ref=charge_ref)
    for found in waiting.filter(state__in=(SurplusState.BOOKED, SurplusState.FAILED)):
        _charged_back(found, now=now)


def is_booked(attempt: Attempt) -> bool:
    """Tell whether an attempt's charge is booked as nobody's."""
    return Surplus.objects.filter(attempt=attempt).exists()


def send_back(*, surplus: str, now: datetime) -> None:
    """Send a surplus back to the buyer, or find out what became of it (a job). Raises TryLater, Stopped.

    What the provider does not tell for longer than it remembers our key is asked of a person too.
    """
    require_running("refunds")
    with money_tx("surplus.claim"):
        found = Surplus.objects.select_for_update(of=("self",)).select_related("attempt").get(pk=surplus)
        if found.state not in _TO_SEND:
            return
        was_sent = found.sent_at is not None
        if not was_sent:
            require_awake(_gateway(found))
        move(found, "send", actor="system:jobs", now=now, sent_at=found.sent_at or now)
    outcome = (_look_up(found) if was_sent else None) or _given_back_there(found)
    gateway = _gateway(found)
    alive = key_alive(gateway, found.sent_at, now)
    if outcome is None and alive:
        outcome = _sent(gateway, found)
    elif outcome is None:
        outcome = Unknown(reason="too old to be sent again, and the provider does not show it")
    _record(surplus, outcome, now=now)
    if isinstance(outcome, Unknown):
        if alive:
            raise try_later(outcome)
        _ask(found, reason=f"sent back at {found.sent_at}, and nobody says what became of it", now=now)
        raise TryLater(reason=outcome.reason, after_s=ASK_ON_AFTER_S)


def send_back_again(*, surplus: str, actor: str, now: datetime) -> None:
    """Try once more to send back what could not be, as a person decided. Raises SurplusNotStuck."""
    with money_tx("surplus.again"):
        found = Surplus.objects.select_for_update(of=("self",)).select_related("attempt").get(pk=surplus)
        if found.state != SurplusState.FAILED or found.psp_ref is not None:
            raise SurplusNotStuck(surplus=surplus, state=found.state)
        number = found.psp_key.count(":again") + 1
        key = f"{found.psp_key}:again{number}"
        move(found, "send", actor=actor, now=now, psp_key=key, sent_at=now, last_error="")
        settle_task(kind=TASK, subject=_subject(found), item=found.pk, now=now, note=f"{actor} had it sent once more")
        enqueue(kind=JOB, key=key, args={"surplus": found.id}, run_at=now)


def sync_surplus(*, psp_ref: str, reference: str, now: datetime) -> bool:
    """Take over where the refund of a surplus stands; returns False where it is none. Raises TryLater."""
    found = Surplus.objects.select_related("attempt").filter(pk=reference).first()
    if found is None:
        return False
    if found.state in (*_OPEN, SurplusState.RETURNED):
        outcome = _gateway(found).fetch_refund(psp_ref, charge_ref=found.charge_ref)
        match outcome:
            case Unknown():
                raise try_later(outcome)
            case Succeeded(value=facts) if facts.status is not RefundStatus.RELEASED:
                if found.state == SurplusState.BOOKED:
                    raise TryLater(reason="the webhook came before our own record", after_s=2)
                _record(found.pk, outcome, now=now)
            case Declined() if found.state == SurplusState.PENDING and surely_gone(
                outcome, sent_at=found.sent_at, now=now
            ):
                _record(found.pk, outcome, now=now)
    elif psp_ref != found.psp_ref:
        _take_over_elsewhere(found, psp_ref, now=now)
    return True


def _take_over_elsewhere(stuck: Surplus, psp_ref: str, *, now: datetime) -> None:
    """Take over a refund made at the provider of what we could not send back ourselves. Raises TryLater."""
    outcome = _gateway(stuck).fetch_refund(psp_ref, charge_ref=stuck.charge_ref)
    if isinstance(outcome, Unknown):
        raise try_later(outcome)
    if not isinstance(outcome, Succeeded) or outcome.value.status not in (RefundStatus.PENDING, RefundStatus.SUCCEEDED):
        return
    with money_tx("surplus.elsewhere"):
        found = _locked_with_checkout(stuck.pk)
        if found.state == SurplusState.FAILED and outcome.value.amount == found.amount:
            actor = f"psp:{found.attempt.psp}"
            move(found, "send", actor=actor, now=now, sent_at=now, last_error="", psp_ref=None)
            _take_over(found, outcome.value, now=now)


def poll_surplus(*, surplus: str, now: datetime) -> None:
    """Ask where the return of a surplus stands that was accepted (a job). Raises TryLater until it is done."""
    found = Surplus.objects.get(pk=surplus)
    if found.state != SurplusState.PENDING or found.psp_ref is None:
        return
    sync_surplus(psp_ref=found.psp_ref, reference=found.id, now=now)
    found.refresh_from_db()
    if found.state == SurplusState.PENDING:
        raise TryLater(reason="accepted, and not carried out yet")


def _gateway(found: Surplus) -> Gateway:
    return provider(found.attempt.psp, about=f"surplus:{found.pk}")


def _sent(gateway: Gateway, found: Surplus) -> Outcome[RefundFacts]:
    outcome = gateway.create_refund(RefundRequest(**found.params), key=found.psp_key)
    if isinstance(outcome, Declined) and outcome.code == _GIVEN_BACK:
        return Unknown(reason="the provider says that it was given back, and does not show by which refund yet")
    return outcome


def _look_up(found: Surplus) -> Outcome[RefundFacts] | None:
    return _refund_with(found, found.id)


def _given_back_there(found: Surplus) -> Outcome[RefundFacts] | None:
    """Return the refund by which somebody gave it back at the provider: it is not sent a second time.

    Nor is it sent while that is not known: the provider would refuse it, and a person be asked about money that is
    back with the buyer.
    """
    match _refund_with(found, ""):
        case Succeeded(value=facts) if facts.status not in (RefundStatus.PENDING, RefundStatus.SUCCEEDED):
            return None
        case Succeeded(value=facts) if facts.amount != found.amount:
            return None
        case outcome:
            return outcome


def _refund_with(found: Surplus, reference: str) -> Outcome[RefundFacts] | None:
    """Look for the refund that carries a reference; one without any was not made by us."""
    answer = _gateway(found).find_refund(reference, charge_ref=found.charge_ref)
    match answer:
        case Succeeded(value=RefundFacts() as facts):
            return Succeeded(facts)
        case Succeeded():
            return None
        case Declined(message=message):
            return Unknown(reason=f"the look-up was refused: {message}")
        case _:
            return answer


def _record(surplus: str, outcome: Outcome[RefundFacts], *, now: datetime) -> None:
    with money_tx("surplus.record"):
        found = _locked_with_checkout(surplus)
        match outcome:
            case Succeeded(value=facts) if found.state in _OPEN or facts.status is RefundStatus.FAILED:
                _take_over(found, facts, now=now)
            case Declined(code=code, message=message) if found.state in _OPEN:
                _stuck(found, code, message, now=now)
            case Unknown(reason=reason, sent=True) if found.state == SurplusState.SENDING:
                move(found, "lose_sight", actor="system:jobs", now=now, reason=reason, last_error=reason)


def _locked_with_checkout(surplus: str) -> Surplus:
    # The checkout first: a dispute of the charge may be lost just now, and one of the two must see the other.
    lock_with_checkout(Surplus.objects.values_list("attempt", flat=True).get(pk=surplus))
    return Surplus.objects.select_for_update(of=("self",)).select_related("attempt").get(pk=surplus)


def _take_over(found: Surplus, facts: RefundFacts, *, now: datetime) -> None:
    if facts.amount != found.amount:
        raise TryLater(reason=f"the provider says {facts.amount}, we asked for {found.amount}", after_s=300)
    match facts.status:
        case RefundStatus.SUCCEEDED:
            move(found, "give_back", actor=f"psp:{found.attempt.psp}", now=now, psp_ref=facts.psp_ref)
            _book_return(found, facts, now=now)
        case RefundStatus.PENDING if found.state != SurplusState.PENDING:
            move(found, "wait", actor=f"psp:{found.attempt.psp}", now=now, psp_ref=facts.psp_ref)
            args = {"surplus": found.id}
            enqueue(kind="payments.poll_surplus", key=found.id, args=args, run_at=now + _FIRST_POLL)
        case RefundStatus.FAILED | RefundStatus.CANCELED if found.state in found.machine.row("fail").sources:
            if found.state == SurplusState.RETURNED:
                if facts.psp_ref not in _returns(found).values():
                    # It went back by a dispute, after this refund had failed.
                    return
                _unbook_return(found, facts, now=now)
            elif facts.failure_settlement is not None:
                # It went and came back, at two days' rates.
                _settle(found, facts, now=now)
            _stuck(found, facts.failure_reason, facts.failure_reason, now=now, psp_ref=facts.psp_ref)


def _book_return(found: Surplus, facts: RefundFacts, *, now: datetime) -> None:
    entry = recipes.unidentified_returned(
        reference=_held_as(found),
        returned=facts.psp_ref,
        amount=found.amount,
        psp=found.attempt.psp,
        subject=_subject(found),
        value_date=facts.created_at.date(),
    )
    post(entry, actor=f"psp:{found.attempt.psp}", now=now)
    _settle(found, facts, now=now)
    _close(found, note="it is on its way to the buyer", now=now)


def _charged_back(found: Surplus, *, now: datetime) -> bool:
    """Book that a bank took it, where a lost dispute kept at least all of it; returns whether one did."""
    lost = Dispute.objects.filter(charge_ref=found.charge_ref, state=DisputeState.LOST).order_by("pk")
    dispute = next((one for one in lost if (platform_loss(one) - found.amount).minor >= 0), None)
    if dispute is None:
        return False
    actor = f"psp:{dispute.psp}"
    entry = recipes.unidentified_identified(
        reference=_held_as(found),
        account=chart.DISPUTE_LOSSES,
        item=dispute.psp_ref,
        amount=found.amount,
        subject=_subject(found),
        description="the buyer's bank took back what was nobody's",
    )
    post(entry, actor=actor, now=now)
    move(found, "charge_back", actor=actor, now=now, reason=dispute.psp_ref)
    _close(found, note="the buyer's bank took it back", now=now)
    return True


def _close(found: Surplus, *, note: str, now: datetime) -> None:
    settle_task(kind=TASK, subject=_subject(found), item=found.pk, now=now, note=note)
    # Otherwise the shop knows it as a payment that failed.
    if found.attempt.state == AttemptState.SUCCEEDED:
        tell(checkout=found.attempt.checkout_id, type="payment.double_returned", now=now)


def _held_as(found: Surplus) -> str:
    """Return the item under which the books have it: its charge, or the return that failed after it was booked."""
    returns = _returns(found)
    item = found.charge_ref
    while item in returns:
        item = returns[item]
    return item


def _returns(found: Surplus) -> dict[str, str]:
    """Return by which refund each item of the checkout's went back."""
    return {
        line["item"]: entry["reference"]
        for entry in entries_about(subjects=[_subject(found)])
        if entry["recipe"] == "unidentified_returned"
        for line in entry["lines"]
        if line["account"] == chart.SUSPENSE
    }


def _unbook_return(found: Surplus, facts: RefundFacts, *, now: datetime) -> None:
    """Book that the provider has it again, after all: nobody's money, under the failed return's own name."""
    entry = recipes.unidentified_received(
        reference=facts.psp_ref,
        amount=found.amount,
        psp=found.attempt.psp,
        subject=_subject(found),
    )
    post(entry, actor=f"psp:{found.attempt.psp}", now=now)
    _settle(found, facts, now=now)


def _settle(found: Surplus, facts: RefundFacts, *, now: datetime) -> None:
    item = Item(psp=found.attempt.psp, source=facts.psp_ref, subject=_subject(found))
    about = {"charge": found.charge_ref, "about": f"surplus:{found.pk}"}
    book_refund_settlement(item, facts, amount=found.amount, **about, now=now)


def _stuck(found: Surplus, code: str, message: str, *, now: datetime, **changes: str) -> None:
    move(found, "fail", actor=f"psp:{found.attempt.psp}", now=now, reason=code, last_error=message, **changes)
    if _charged_back(found, now=now):
        return
    reason = f"{found.amount} of {found.charge_ref}, which is nobody's, could not be sent back: {message or code}"
    ask_person(kind=TASK, subject=_subject(found), item=found.pk, reason=reason, waits_for="finance", now=now)


def _ask(found: Surplus, *, reason: str, now: datetime) -> None:
    with money_tx("surplus.ask_person"):
        ask_person(kind=TASK, subject=_subject(found), item=found.pk, reason=reason, waits_for="operator", now=now)


def _subject(found: Surplus) -> str:
    return f"checkout:{found.attempt.checkout_id}"
