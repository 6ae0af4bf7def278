"""Attempts at the provider: frozen, sent, found again, given up only when the provider surely never knew them."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from operations.edges import money_tx
from operations.lifecycle import move, unmoved
from operations.services import TryLater, ask_person, enqueue, settle_task, wake, withdraw
from payments.gateway import CheckoutFacts, CheckoutRequest, Declined, Gateway, Outcome, Succeeded, Unknown, provider
from payments.gateway.declines import Retry, retry_of
from payments.models import Attempt, PaymentOrder
from payments.services.attempt_rows import UNSENT, lock_with_checkout, time_for_a_page, try_again
from payments.services.common import key_alive, try_later
from payments.services.events import tell
from payments.services.failover import claim, pass_on
from payments.services.risk import RiskCheckSilent, passes_risk_check
from payments.states import AttemptState, OrderState

# The first poll for a webhook that may have been lost.
FIRST_POLL_AFTER = timedelta(minutes=2)
# A poll that is due this soon anyway is soon enough for a buyer who waits.
ASK_SOON = timedelta(seconds=20)
# How often an outcome is asked for that a person has been told of.
ASK_ON_AFTER_S = 3600
# How soon a risk check that gave no verdict is asked again.
_RISK_AGAIN_S = 5
UNCLEAR = "payments.provider_unclear"
_TOO_OLD = "the provider does not show it, although its key is too old to be sent again"
_TOO_LATE = "its time ran out before it was registered"


def register_attempt(*, attempt: str, now: datetime) -> None:
    """Bring an attempt that was not registered to a known state (a job). Raises TryLater.

    When the provider does not tell for longer than it remembers our key, a person is asked too, and we ask on.
    """
    found = Attempt.objects.select_related("checkout").get(pk=attempt)
    if found.state not in UNSENT:
        return
    outcome = register(found, actor="system:jobs", now=now)
    if not isinstance(outcome, Unknown):
        return
    found.refresh_from_db()
    if found.state not in UNSENT:
        # It was passed on to another provider, and what became of it there has a job of its own.
        return
    if key_alive(provider(found.psp), found.sent_at, now):
        raise try_later(outcome)
    with money_tx("payments.ask_person"):
        reason = f"attempt {found.number} was sent at {found.sent_at}, and nobody says what became of it"
        ask_person(kind=UNCLEAR, subject=_subject(found), reason=reason, waits_for="operator", now=now)
    raise TryLater(reason=outcome.reason, after_s=ASK_ON_AFTER_S)


def buyer_returned(*, checkout: str, now: datetime) -> None:
    """Have the provider asked soon about a checkout whose buyer came back: a webhook may be late, or lost.

    At most once in a while, whoever loads the page how often.
    """
    attempt = Attempt.objects.filter(checkout=checkout, state=AttemptState.PENDING).order_by("-number").first()
    if attempt is not None:
        with money_tx("payments.buyer_returned"):
            wake(kind="payments.sync_attempt", key=attempt.id, now=now, unless_within=ASK_SOON)


def register(attempt: Attempt, *, actor: str, now: datetime) -> Outcome[CheckoutFacts] | None:
    """Look for an attempt at the provider if it was sent before, send it if that is safe, and record the outcome.

    Returns None when nothing was sent: a risk check holds or refused it, it was given up for a new one, or somebody
    else has dealt with it meanwhile. Where the provider was not even asked, another one is, or the attempt stays.
    """
    try:
        if not passes_risk_check(attempt, now=now):
            return None
    except RiskCheckSilent as error:
        if not time_for_a_page(attempt.checkout, now):
            _give_up(attempt.pk, now=now)
            return None
        return Unknown(reason=str(error), retry_after_s=_RISK_AGAIN_S, sent=False)
    gateway = provider(attempt.psp, about=f"attempt:{attempt.pk}")
    outcome = _already_there(gateway, attempt) if attempt.sent_at is not None else None
    if outcome is not None:
        _record(attempt.pk, outcome, actor=actor, now=now)
        return outcome
    if not key_alive(gateway, attempt.sent_at, now) or not time_for_a_page(attempt.checkout, now):
        _give_up(attempt.pk, now=now)
        return None
    return _send(attempt, actor=actor, now=now) if claim(attempt, now=now) else None


def _send(attempt: Attempt, *, actor: str, now: datetime) -> Outcome[CheckoutFacts]:
    """Send an attempt that this process has claimed, and record the outcome; where no call was made, pass it on."""
    outcome = _ask_for_page(attempt)
    if isinstance(outcome, Unknown) and not outcome.sent:
        following = pass_on(attempt, reason=outcome.reason, now=now)
        return outcome if following is None else _send(following, actor=actor, now=now)
    _record(attempt.pk, outcome, actor=actor, now=now)
    return outcome


def register_first(
    attempt: Attempt, orders: Sequence[PaymentOrder], *, actor: str, now: datetime, finish: Callable[[Attempt], None]
) -> Outcome[CheckoutFacts]:
    """Send an attempt that this process has just stored as claimed, and record the outcome.

    Nobody else knows of it yet, so it is not read again unless it has moved meanwhile. `finish` runs in the
    transaction that records the page, with attempt and orders as they are by then. Where no call was made, another
    provider may be asked, with an attempt of its own.
    """
    outcome = _ask_for_page(attempt)
    if isinstance(outcome, Unknown) and not outcome.sent:
        following = pass_on(attempt, reason=outcome.reason, now=now)
        return outcome if following is None else register_first(following, orders, actor=actor, now=now, finish=finish)
    with money_tx("payments.record_registration"):
        if not unmoved(attempt):
            _record_outcome(_locked(attempt.pk), outcome, actor=actor, now=now)
        else:
            _take_over(attempt, orders, outcome, actor=actor, now=now)
            if attempt.state == AttemptState.PENDING:
                finish(attempt)
    return outcome


def _ask_for_page(attempt: Attempt) -> Outcome[CheckoutFacts]:
    gateway = provider(attempt.psp, about=f"attempt:{attempt.pk}")
    outcome = gateway.register_checkout(CheckoutRequest.thaw(attempt.params), key=attempt.psp_key)
    if isinstance(outcome, Declined) and retry_of(outcome.code) is Retry.US:
        return Unknown(reason=f"not now: {outcome.message}")
    return outcome


def _already_there(gateway: Gateway, attempt: Attempt) -> Outcome[CheckoutFacts] | None:
    """Look for an earlier, unanswered registration: a stored 500 is replayed for ever, a look-up is not."""
    found = gateway.find_checkout(str(attempt.params["reference"]), since=attempt.created_at)
    match found:
        case Succeeded(value=CheckoutFacts() as facts):
            return Succeeded(facts)
        case Succeeded():
            return None
        case Declined(message=message):
            # That the look-up was refused says nothing about what was looked for.
            return Unknown(reason=f"the look-up was refused: {message}")
        case _:
            return found


def _give_up(attempt_id: str, *, now: datetime) -> None:
    """Take note that the provider never knew an attempt; the next one has a new key, unless the time is over."""
    with money_tx("payments.give_up"):
        attempt = lock_with_checkout(attempt_id)
        if attempt.state not in UNSENT:
            return
        in_time = time_for_a_page(attempt.checkout, now)
        reason = _TOO_OLD if in_time else _TOO_LATE
        settle_task(kind=UNCLEAR, subject=_subject(attempt), now=now, note=reason)
        if in_time:
            try_again(attempt, reason=reason, now=now)
            return
        move(attempt, "abandon", actor="system:jobs", now=now, reason=reason)
        withdraw(kind="payments.register_attempt", key=attempt.id, now=now)
        for order in _locked_orders(attempt):
            move(order, "expire", actor="system:jobs", now=now, reason=_TOO_LATE)
        tell(checkout=attempt.checkout_id, type="payment.expired", now=now)


def _record(attempt_id: str, outcome: Outcome[CheckoutFacts], *, actor: str, now: datetime) -> None:
    with money_tx("payments.record_registration"):
        _record_outcome(_locked(attempt_id), outcome, actor=actor, now=now)


def _record_outcome(attempt: Attempt, outcome: Outcome[CheckoutFacts], *, actor: str, now: datetime) -> None:
    if attempt.state in UNSENT:
        _take_over(attempt, _locked_orders(attempt), outcome, actor=actor, now=now)
        if attempt.state == AttemptState.PENDING and attempt.number > 1:
            # The storefront did not ask for this page just now: it is told that there is one.
            tell(checkout=attempt.checkout_id, type="payment.page_ready", now=now)
        if attempt.state == AttemptState.DECLINED:
            # What it was answered before is that nobody knows yet.
            tell(checkout=attempt.checkout_id, type="payment.failed", now=now)


def _take_over(
    attempt: Attempt,
    orders: Sequence[PaymentOrder],
    outcome: Outcome[CheckoutFacts],
    *,
    actor: str,
    now: datetime,
) -> None:
    match outcome:
        case Succeeded(value=facts):
            _registered(attempt, orders, facts, actor=actor, now=now)
        case Declined(code=code, message=message):
            move(attempt, "decline", actor=actor, now=now, reason=code, last_error=message, declined_as=code)
            _move_all(orders, "fail", actor=actor, now=now, reason=code)
        case Unknown(reason=reason, sent=True):
            if attempt.state == AttemptState.CREATED:
                move(attempt, "lose_sight", actor=actor, now=now, reason=reason, last_error=reason)
            seen = [order for order in orders if order.state != OrderState.UNKNOWN]
            _move_all(seen, "lose_sight", actor=actor, now=now, reason=reason)


def _registered(
    attempt: Attempt, orders: Sequence[PaymentOrder], facts: CheckoutFacts, *, actor: str, now: datetime
) -> None:
    withdraw(kind="payments.register_attempt", key=attempt.id, now=now)
    if attempt.state == AttemptState.UNKNOWN:
        settle_task(kind=UNCLEAR, subject=_subject(attempt), now=now, note=f"found as {facts.psp_ref}")
    page_url = facts.page_url or f"{settings.PUBLIC_URL}/pay/{attempt.checkout_id}"
    shown: dict[str, Any] = {"page_url": page_url, "page_secret": facts.page_secret}
    move(attempt, "register", actor=actor, now=now, psp_ref=facts.psp_ref, **shown)
    _move_all([order for order in orders if order.state != OrderState.EXECUTING], "start", actor=actor, now=now)
    run_at = now + FIRST_POLL_AFTER
    enqueue(kind="payments.sync_attempt", key=attempt.id, args={"attempt": attempt.id}, run_at=run_at)


def _locked(attempt_id: str) -> Attempt:
    return Attempt.objects.select_for_update().get(pk=attempt_id)


def _locked_orders(attempt: Attempt) -> list[PaymentOrder]:
    mine = PaymentOrder.objects.select_for_update().filter(checkout=attempt.checkout_id, cart=attempt.cart)
    return list(mine.order_by("pk"))


def _subject(attempt: Attempt) -> str:
    return f"checkout:{attempt.checkout_id}"


def _move_all(orders: Sequence[PaymentOrder], event: str, *, actor: str, now: datetime, reason: str = "") -> None:
    for order in orders:
        move(order, event, actor=actor, now=now, reason=reason)
