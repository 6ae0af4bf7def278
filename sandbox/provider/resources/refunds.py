"""Refunds: whole, partial, several for one charge, pending for a while, failing late."""

from typing import Any

from sandbox.provider import charges, disputes, funds, payments, releases, settlement
from sandbox.provider.clock import DAY_S
from sandbox.provider.errors import InvalidRequest, Refused
from sandbox.provider.events import emit
from sandbox.provider.money import check_step, major
from sandbox.provider.routes import Route
from sandbox.provider.scope import Scope, merge_metadata, page_of
from sandbox.provider.validation import EXPAND, PAGE, Schema, choice, integer, metadata, text

Json = dict[str, Any]
_URL = "/v1/refunds"

_CREATE: Schema = {
    **EXPAND,
    "amount": integer(minimum=1),
    "charge": text(),
    "metadata": metadata(),
    "payment_intent": text(),
    "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
}


def create(scope: Scope, params: Json) -> Json:
    """Give money back to the buyer.

    Raises InvalidRequest when neither charge nor intent is named, or for an amount that is between two steps, Refused
    when less can be refunded.
    """
    charge = _charge_of(scope, params)
    amount = _amount(scope, charge, params.get("amount"))
    refund = releases.new_refund(scope, charge, amount, params)
    charged = scope.find("balance_transaction", charge["balance_transaction"])
    txn = funds.book(
        scope,
        type_="refund" if charge["id"].startswith("ch_") else "payment_refund",
        **settlement.settled(scope, -amount, charge["currency"]),
        source=refund["id"],
        # money that has not arrived yet is given back from where it will arrive
        available_on=max(scope.now, charged["available_on"]),
        description=f"REFUND FOR CHARGE ({charge['description'] or charge['id']})",
    )
    refund["balance_transaction"] = txn["id"]
    scope.add(refund)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    scope.store.save(charge)
    _plan_outcome(scope, refund, charge)
    emit(scope, "refund.created", refund)
    emit(scope, "charge.refunded", charge)
    if charge["refunded"]:
        payments.close_review(scope, charge, reason="refunded")
    return scope.store.save(refund)


def _charge_of(scope: Scope, params: Json) -> Json:
    if "charge" not in params and "payment_intent" not in params:
        raise InvalidRequest(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    if "charge" in params:
        return scope.find("charge", params["charge"], param="charge")
    intent = scope.find("payment_intent", params["payment_intent"], param="payment_intent")
    if intent["latest_charge"] is None or intent["status"] != "succeeded":
        raise Refused(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            code="payment_intent_unexpected_state",
            param="payment_intent",
        )
    return scope.find("charge", intent["latest_charge"])


def _amount(scope: Scope, charge: Json, wanted: int | None) -> int:
    left = charges.refundable(charge)
    if not charge["captured"]:
        raise Refused(f"Charge {charge['id']} has not been captured.", code="charge_not_refundable", param="charge")
    if charge["disputed"] and not disputes.refundable(scope, charge):
        raise Refused(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    if left == 0:
        raise Refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = left if wanted is None else wanted
    check_step(amount, charge["currency"])
    if amount > left:
        code = charge["currency"]
        raise Refused(
            f"Refund amount ({major(amount, code)} {code}) is greater than unrefunded amount on charge "
            f"({major(left, code)} {code})",
            param="amount",
        )
    return amount


def _plan_outcome(scope: Scope, refund: Json, charge: Json) -> None:
    card = charge["_plan"]["outcome"]
    rule = scope.planned("refund.create", refs=refund)
    action = rule.action if rule else {"refund_pending": "pending", "refund_fails": "fail_late"}.get(card)
    args = rule.args if rule else {}
    due = scope.now + int(args.get("after_s", DAY_S))
    if action == "pending":
        refund.update(status="pending", pending_reason="processing")
        scope.timers.add("refund_ends", refund["id"], due=due, failure=None)
    elif action == "fail_late":
        reason = args.get("reason", "expired_or_canceled_card")
        scope.timers.add("refund_ends", refund["id"], due=due, failure=reason)


def fired_end(scope: Scope, refund_id: str, args: Json) -> None:
    """Let a refund succeed, or fail with the reason in `failure`, also after it had succeeded."""
    refund = scope.find("refund", refund_id)
    if refund["status"] not in ("pending", "succeeded"):
        return
    if args["failure"]:
        give_back(scope, refund, status="failed", reason=args["failure"])
        emit(scope, "refund.failed", refund)
        return
    refund["status"] = "succeeded"
    refund.pop("pending_reason", None)
    scope.store.save(refund)
    emit(scope, "refund.updated", refund, previous={"status": "pending"})
    emit(scope, "charge.refund.updated", refund, previous={"status": "pending"})


def give_back(scope: Scope, refund: Json, *, status: str, reason: str) -> None:
    """Return the money of a refund that did not reach the buyer to the balance."""
    before = refund["status"]
    txn = funds.book(
        scope,
        type_="refund_failure",
        **settlement.settled(scope, refund["amount"], refund["currency"]),
        source=refund["id"],
        description=f"REFUND FAILURE ({refund['id']})",
    )
    refund.update(status=status, failure_reason=reason, failure_balance_transaction=txn["id"])
    refund.pop("pending_reason", None)
    scope.store.save(refund)
    charge = scope.find("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    scope.store.save(charge)
    emit(scope, "charge.refund.updated", refund, previous={"status": before})
    emit(scope, "refund.updated", refund, previous={"status": before})


def retrieve(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a refund."""
    return scope.find("refund", id, param="refund")


def update(scope: Scope, params: Json, *, id: str) -> Json:
    """Change the metadata of a refund."""
    refund = scope.find("refund", id, param="refund")
    refund["metadata"] = merge_metadata(refund["metadata"], params.get("metadata"))
    return scope.store.save(refund)


def index(scope: Scope, params: Json) -> Json:
    """List refunds."""
    wanted = {name: params.get(name) for name in ("charge", "payment_intent")}
    return page_of(scope, "refund", _URL, params, wanted)


def cancel(scope: Scope, params: Json, *, id: str) -> Json:
    """Take a refund back while it is pending.

    Raises Refused when it is no longer pending.
    """
    refund = scope.find("refund", id, param="refund")
    if refund["status"] not in ("pending", "requires_action"):
        raise Refused(f"You cannot cancel a refund with a status of {refund['status']}.", param="refund")
    scope.timers.cancel("refund_ends", refund["id"])
    give_back(scope, refund, status="canceled", reason="merchant_request")
    return refund


_LIST: Schema = {**PAGE, "charge": text(), "payment_intent": text()}
ROUTES = [
    Route("POST", _URL, "refund.create", create, _CREATE),
    Route("GET", _URL, "refund.list", index, _LIST),
    Route("GET", f"{_URL}/<id>", "refund.retrieve", retrieve, EXPAND),
    Route("POST", f"{_URL}/<id>", "refund.update", update, {**EXPAND, "metadata": metadata()}),
    Route("POST", f"{_URL}/<id>/cancel", "refund.cancel", cancel, EXPAND),
]
TIMERS = {"refund_ends": fired_end}
