"""Charges: one try at taking the buyer's money, booked when it succeeds."""

from typing import Any

from sandbox.provider import funds, methods, money, releases, settlement
from sandbox.provider.clock import DAY_S
from sandbox.provider.events import emit
from sandbox.provider.ids import new_id
from sandbox.provider.scope import Scope

Json = dict[str, Any]

#: An authorisation that is not captured lapses after this time.
AUTHORISATION_S = 7 * DAY_S

_APPROVED = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "risk_score": 18,
    "seller_message": "Payment complete.",
    "type": "authorized",
}


def new_charge(scope: Scope, intent: Json, method: Json, *, status: str, challenged: bool = False) -> Json:
    """Build the charge of one attempt of a payment intent; the caller stores it."""
    base = scope.base_url or "http://localhost"
    charge_id = new_id("ch" if method["type"] == "card" else "py")
    return {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "COUNTERFOIL SANDBOX",
        "captured": False,
        "created": scope.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": dict(_APPROVED),
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": methods.details_on_charge(
            method,
            amount=intent["amount"],
            currency=intent["currency"],
            challenged=challenged,
            capture_before=scope.now + AUTHORISATION_S if intent["capture_method"] == "manual" else None,
            multicapture=asked_for_multicapture(intent),
        ),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{base}/receipts/{charge_id}" if status == "succeeded" else None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": status,
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
        "_plan": method["_plan"],
    }


def asked_for_multicapture(intent: Json) -> bool:
    """Tell whether an intent asked for several captures, which this account and its cards have."""
    card = (intent.get("payment_method_options") or {}).get("card") or {}
    return bool(card.get("request_multicapture") == "if_available" and intent["capture_method"] == "manual")


def failed_charge(scope: Scope, intent: Json, method: Json) -> Json:
    """Store the charge of a declined attempt and say so with an event."""
    plan = method["_plan"]
    charge = new_charge(scope, intent, method, status="failed")
    charge["failure_code"] = plan["code"]
    charge["failure_message"] = plan["message"]
    charge["outcome"] = {
        **_APPROVED,
        "advice_code": "try_again_later",
        "network_decline_code": "01",
        "network_status": "declined_by_network",
        "reason": plan["decline_code"] or plan["code"],
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }
    scope.add(charge)
    emit(scope, "charge.failed", charge)
    return charge


def capture(scope: Scope, charge: Json, amount: int, *, final: bool = True) -> Json:
    """Book a captured amount (minor units) of an authorised charge, with the fee; return the charge.

    Each of several captures moves the balance by itself. Where there is only one, of a part, the balance shows the
    whole authorisation, and the rest taken back.
    """
    available_on = scope.now if charge["_plan"]["outcome"] == "bypass_pending" else funds.settlement_day(scope)
    kind = "charge" if charge["id"].startswith("ch_") else "payment"
    only = final and not charge["amount_captured"]
    taken = settlement.settled(scope, amount, charge["currency"])
    shown = settlement.settled(scope, charge["amount"], charge["currency"]) if only else taken
    txn = funds.book(
        scope,
        type_=kind,
        **shown,
        source=charge["id"],
        fee=money.processing_fee(taken["amount"], taken["currency"]),
        available_on=available_on,
        category="charge",
        description=charge["description"],
    )
    so_far = charge["amount_captured"] + amount
    charge.update(amount_captured=so_far, captured=final, balance_transaction=txn["id"], status="succeeded", paid=True)
    if final:
        free(charge)
        rest = charge["amount"] - amount
        if only and rest:
            # The two together are what was captured.
            taken_back = taken["amount"] - shown["amount"]
            releases.release(scope, charge, rest, taken_back=taken_back, available_on=available_on)
    return scope.store.save(charge)


def free(charge: Json) -> None:
    """Count what is not captured as refunded, as the API does."""
    charge["captured"] = True
    if charge["amount_captured"] < charge["amount"]:
        charge["amount_refunded"] += charge["amount"] - charge["amount_captured"]


def refundable(charge: Json) -> int:
    """Return what can still be refunded, in minor units."""
    return int(charge["amount"] - charge["amount_refunded"])
