"""States of a checkout session, moved by what happens to its payment intent."""

from typing import Any

from sandbox.provider.events import emit
from sandbox.provider.scope import Scope

Json = dict[str, Any]


def of_intent(scope: Scope, intent: Json) -> Json | None:
    """Return the session that created a payment intent, if one did."""
    return scope.store.get(intent["_session"]) if intent.get("_session") else None


def complete(scope: Scope, intent: Json, *, paid: bool) -> None:
    """Close the session of an intent: the buyer has done all that the page asked for."""
    session = of_intent(scope, intent)
    if session is None or session["status"] != "open":
        return
    session.update(status="complete", payment_status="paid" if paid else "unpaid", url=None)
    session["payment_intent"] = intent["id"]
    scope.store.save(session)
    scope.timers.cancel("session_expires", session["id"])
    emit(scope, "checkout.session.completed", session)


def money_arrived(scope: Scope, intent: Json, *, late: bool) -> None:
    """Mark a completed session as paid; `late` says so with the event for asynchronous methods."""
    session = of_intent(scope, intent)
    if session is None or session["payment_status"] == "paid":
        return
    session["payment_status"] = "paid"
    scope.store.save(session)
    if late:
        emit(scope, "checkout.session.async_payment_succeeded", session)


def money_failed(scope: Scope, intent: Json) -> None:
    """Say that the money of a completed session will not come."""
    session = of_intent(scope, intent)
    if session is not None:
        emit(scope, "checkout.session.async_payment_failed", session)


def expire(scope: Scope, session: Json) -> Json:
    """Close an open session unpaid; cancel the intent that it may have begun."""
    session.update(status="expired", url=None)
    scope.store.save(session)
    scope.timers.cancel("session_expires", session["id"])
    intent = scope.store.get(session["payment_intent"]) if session["payment_intent"] else None
    if intent is not None and intent["status"] in ("requires_payment_method", "requires_action"):
        intent.update(status="canceled", canceled_at=scope.now, cancellation_reason="expired", next_action=None)
        scope.store.save(intent)
        emit(scope, "payment_intent.canceled", intent)
    emit(scope, "checkout.session.expired", session)
    return session


def fired_expiry(scope: Scope, session_id: str, args: Json) -> None:
    """Expire a session whose time is over."""
    session = scope.store.get(session_id)
    if session is not None and session["status"] == "open":
        expire(scope, session)
