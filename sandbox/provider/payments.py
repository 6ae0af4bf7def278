"""The life of a payment intent: attempt, challenge, authorise, capture, wait, cancel."""

from typing import Any

from sandbox.provider import charges, money, releases, sessions
from sandbox.provider.clock import DAY_S
from sandbox.provider.errors import CardDeclined, Refused
from sandbox.provider.events import emit
from sandbox.provider.ids import new_id
from sandbox.provider.scope import Scope
from sandbox.provider.wire import render

Json = dict[str, Any]

#: Asynchronous money and card disputes come this much later unless a control command decides before.
ASYNC_S = DAY_S
DISPUTE_S = DAY_S

_INTENT_DEFAULTS: Json = {
    "amount_capturable": 0,
    "amount_details": {"tip": {}},
    "amount_received": 0,
    "application": None,
    "application_fee_amount": None,
    "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
    "canceled_at": None,
    "cancellation_reason": None,
    "capture_method": "automatic",
    "confirmation_method": "automatic",
    "customer": None,
    "customer_account": None,
    "description": None,
    "excluded_payment_method_types": None,
    "last_payment_error": None,
    "latest_charge": None,
    "livemode": False,
    "managed_payments": {"enabled": False},
    "metadata": {},
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": None,
    "payment_method_configuration_details": None,
    "payment_method_options": {},
    "payment_method_types": ["card"],
    "processing": None,
    "receipt_email": None,
    "review": None,
    "setup_future_usage": None,
    "shipping": None,
    "source": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "requires_payment_method",
    "transfer_data": None,
    "transfer_group": None,
    "_session": None,
    "_return_url": None,
}


def create(scope: Scope, *, amount: int, currency: str, **given: Any) -> Json:
    """Store a new payment intent over `amount` minor units and say so with an event."""
    intent_id = new_id("pi")
    intent: Json = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount,
        "client_secret": f"{intent_id}_secret_{new_id('x')[2:]}",
        "created": scope.now,
        "currency": currency,
        **_INTENT_DEFAULTS,
        **{name: value for name, value in given.items() if value is not None},
    }
    scope.add(intent)
    emit(scope, "payment_intent.created", intent)
    return intent


def attempt(scope: Scope, intent: Json, method: Json, *, authenticated: bool = False) -> Json:
    """Try to take the money with a payment method; return the intent in its new state.

    Raises CardDeclined when the issuer refuses; the failed charge and the intent's error are kept.
    """
    outcome = method["_plan"]["outcome"]
    intent["payment_method"] = method["id"]
    if outcome == "declined":
        raise _decline(scope, intent, method)
    if outcome == "challenge" and not authenticated:
        return _ask_challenge(scope, intent)
    if outcome == "async":
        return _wait_for_money(scope, intent, method)
    return _authorise(scope, intent, method, challenged=authenticated)


def _decline(scope: Scope, intent: Json, method: Json) -> CardDeclined:
    charge = charges.failed_charge(scope, intent, method)
    plan = method["_plan"]
    return _failed(
        scope,
        intent,
        method,
        code=plan["code"],
        message=plan["message"],
        decline_code=plan["decline_code"],
        charge=charge["id"],
    )


def _failed(
    scope: Scope,
    intent: Json,
    method: Json,
    *,
    code: str,
    message: str,
    decline_code: str | None = None,
    charge: str | None = None,
) -> CardDeclined:
    """Record a failed attempt on the intent and return the error that reports it."""
    problem: Json = {
        "code": code,
        "message": message,
        "payment_method": render(scope, method),
        "type": "card_error" if charge else "invalid_request_error",
    }
    if decline_code:
        problem["decline_code"] = decline_code
    if charge:
        problem.update(advice_code="try_again_later", charge=charge)
        intent["latest_charge"] = charge
    intent.update(
        status="requires_payment_method",
        last_payment_error=problem,
        next_action=None,
        processing=None,
        payment_method=None,
    )
    scope.store.save(intent)
    emit(scope, "payment_intent.payment_failed", intent)
    return CardDeclined(
        message, code=code, decline_code=decline_code, charge=charge, payment_intent=render(scope, intent)
    )


def _ask_challenge(scope: Scope, intent: Json) -> Json:
    url = f"{scope.base_url}/c/3ds/{intent['id']}"
    intent.update(
        status="requires_action",
        next_action={
            "type": "redirect_to_url",
            "redirect_to_url": {"url": url, "return_url": intent["_return_url"]},
        },
    )
    scope.store.save(intent)
    emit(scope, "payment_intent.requires_action", intent)
    return intent


def challenged(scope: Scope, intent: Json, *, passed: bool) -> Json:
    """Go on after the buyer answered the 3-D Secure challenge.

    Raises CardDeclined when the authentication failed.
    """
    method = scope.store.need(intent["payment_method"])
    if passed:
        return attempt(scope, intent, method, authenticated=True)
    raise _failed(
        scope,
        intent,
        method,
        code="payment_intent_authentication_failure",
        message="We are unable to authenticate your payment method. Please choose a different payment method.",
    )


def _wait_for_money(scope: Scope, intent: Json, method: Json) -> Json:
    charge = scope.add(charges.new_charge(scope, intent, method, status="pending"))
    intent.update(latest_charge=charge["id"], last_payment_error=None, next_action=None, status="processing")
    scope.store.save(intent)
    failing = "fail" in (method["billing_details"]["email"] or "")
    scope.timers.add("async_money", intent["id"], due=scope.now + ASYNC_S, paid=not failing)
    emit(scope, "payment_intent.processing", intent)
    emit(scope, "charge.pending", charge)
    sessions.complete(scope, intent, paid=False)
    return intent


def fired_async_money(scope: Scope, intent_id: str, args: Json) -> None:
    """Let asynchronous money arrive (`paid`) or fail."""
    intent = scope.store.get(intent_id)
    if intent is None or intent["status"] != "processing":
        return
    scope.timers.cancel("async_money", intent_id)
    charge = scope.store.need(intent["latest_charge"])
    method = scope.store.need(intent["payment_method"])
    if args["paid"]:
        _take(scope, intent, charge, intent["amount"])
        emit(scope, "charge.succeeded", charge)
        emit(scope, "payment_intent.succeeded", intent)
        sessions.money_arrived(scope, intent, late=True)
        return
    message = "The customer's bank did not complete this payment."
    charge.update(status="failed", failure_code="payment_intent_payment_attempt_failed", failure_message=message)
    scope.store.save(charge)
    emit(scope, "charge.failed", charge)
    _failed(scope, intent, method, code=charge["failure_code"], message=message, charge=charge["id"])
    sessions.money_failed(scope, intent)


def _authorise(scope: Scope, intent: Json, method: Json, *, challenged: bool) -> Json:
    charge = charges.new_charge(scope, intent, method, status="succeeded", challenged=challenged)
    scope.add(charge)
    intent.update(latest_charge=charge["id"], last_payment_error=None, next_action=None)
    if method["_plan"]["outcome"] == "review":
        _open_review(scope, intent, charge)
    if intent["capture_method"] == "manual":
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        scope.store.save(intent)
        scope.store.save(charge)
        scope.timers.add("authorisation_lapses", intent["id"], due=scope.now + charges.AUTHORISATION_S)
        emit(scope, "charge.succeeded", charge)
        emit(scope, "payment_intent.amount_capturable_updated", intent)
        sessions.complete(scope, intent, paid=False)
        return intent
    _take(scope, intent, charge, intent["amount"])
    emit(scope, "charge.succeeded", charge)
    emit(scope, "payment_intent.succeeded", intent)
    sessions.complete(scope, intent, paid=True)
    return intent


def _open_review(scope: Scope, intent: Json, charge: Json) -> None:
    review: Json = {
        "id": new_id("prv"),
        "object": "review",
        "billing_zip": None,
        "charge": charge["id"],
        "closed_reason": None,
        "created": scope.now,
        "ip_address": None,
        "ip_address_location": None,
        "livemode": False,
        "open": True,
        "opened_reason": "rule",
        "payment_intent": intent["id"],
        "reason": "rule",
        "session": None,
    }
    scope.add(review)
    charge["review"] = intent["review"] = review["id"]
    charge["outcome"].update(
        type="manual_review",
        risk_level="elevated",
        risk_score=68,
        reason="elevated_risk_level",
        seller_message="Stripe evaluated this payment as having elevated risk, and placed it in your manual "
        "review queue.",
    )
    emit(scope, "review.opened", review)


def close_review(scope: Scope, charge: Json, *, reason: str) -> Json | None:
    """Close the open review of a charge for a reason such as `approved`; return it, or None without one."""
    review = scope.store.get(charge["review"]) if charge["review"] else None
    if review is None or not review["open"]:
        return None
    review.update(open=False, closed_reason=reason, reason=reason)
    scope.store.save(review)
    emit(scope, "review.closed", review)
    return review


def _take(scope: Scope, intent: Json, charge: Json, amount: int) -> None:
    charges.capture(scope, charge, amount)
    received = intent["amount_received"] + amount
    intent.update(status="succeeded", amount_received=received, amount_capturable=0, processing=None)
    scope.store.save(intent)
    if charge["_plan"]["outcome"] == "dispute":
        scope.timers.add("dispute_opens", charge["id"], due=scope.now + DISPUTE_S)


def capture(scope: Scope, intent: Json, amount: int | None, *, final: bool = True) -> Json:
    """Take an authorised amount, or a part of it, in minor units; a capture that is not final keeps the rest reserved.

    Raises InvalidRequest for an amount that is between two steps, Refused when the intent is not waiting for capture,
    the amount is too large, or several captures were not asked for.
    """
    if intent["status"] != "requires_capture":
        raise unexpected_state(scope, intent, "captured", "requires_capture")
    wanted = intent["amount_capturable"] if amount is None else amount
    money.check_step(wanted, intent["currency"], param="amount_to_capture")
    if wanted > intent["amount_capturable"]:
        raise Refused(
            "The requested capture amount is greater than the authorized amount.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    charge = scope.store.need(intent["latest_charge"])
    if not final and not charges.asked_for_multicapture(intent):
        raise Refused(
            "This PaymentIntent cannot be captured multiple times: multicapture is not available for it.",
            code="payment_intent_unexpected_state",
            param="final_capture",
        )
    if not final and wanted < intent["amount_capturable"]:
        charges.capture(scope, charge, wanted, final=False)
        intent["amount_received"] += wanted
        intent["amount_capturable"] -= wanted
        scope.store.save(intent)
        emit(scope, "charge.captured", charge)
        emit(scope, "payment_intent.amount_capturable_updated", intent)
        return intent
    scope.timers.cancel("authorisation_lapses", intent["id"])
    _take(scope, intent, charge, wanted)
    emit(scope, "charge.captured", charge)
    emit(scope, "payment_intent.succeeded", intent)
    sessions.money_arrived(scope, intent, late=False)
    return intent


def cancel(scope: Scope, intent: Json, *, reason: str | None) -> Json:
    """Give up a payment that has not taken money, releasing an authorisation.

    Raises Refused when it is processing or over.
    """
    open_states = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
    if intent["status"] not in open_states:
        raise unexpected_state(scope, intent, "canceled", ", ".join(open_states))
    charge = scope.store.get(intent["latest_charge"]) if intent["latest_charge"] else None
    if charge is not None and intent["amount_received"]:
        return _release_rest(scope, intent, charge)
    if intent["status"] == "requires_capture" and charge is not None:
        charge.update(refunded=True, amount_refunded=charge["amount"])
        scope.store.save(charge)
        scope.timers.cancel("authorisation_lapses", intent["id"])
        releases.release(scope, charge, charge["amount"], lapsed=reason == "automatic")
    intent.update(
        status="canceled",
        canceled_at=scope.now,
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
    )
    scope.store.save(intent)
    emit(scope, "payment_intent.canceled", intent)
    return intent


def _release_rest(scope: Scope, intent: Json, charge: Json) -> Json:
    """Release what is left after some captures: what was captured stays, so the payment has succeeded."""
    charges.free(charge)
    scope.store.save(charge)
    scope.timers.cancel("authorisation_lapses", intent["id"])
    intent.update(status="succeeded", amount_capturable=0)
    scope.store.save(intent)
    emit(scope, "payment_intent.succeeded", intent)
    sessions.money_arrived(scope, intent, late=False)
    return intent


def fired_authorisation_lapse(scope: Scope, intent_id: str, args: Json) -> None:
    """Release an authorisation that nobody captured in time."""
    intent = scope.store.get(intent_id)
    if intent is not None and intent["status"] == "requires_capture":
        cancel(scope, intent, reason="automatic")


def unexpected_state(scope: Scope, intent: Json, verb: str, wanted: str) -> Refused:
    """Build the error for a step that the intent's status does not allow."""
    return Refused(
        f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}. Only a "
        f"PaymentIntent with one of the following statuses may be {verb}: {wanted}.",
        code="payment_intent_unexpected_state",
        payment_intent=render(scope, intent),
    )
