"""Charges: one try at taking the buyer's money, booked when it succeeds."""

from typing import Any

from sandbox.provider import funds, methods, money
from sandbox.provider.events import emit
from sandbox.provider.ids import new_id
from sandbox.provider.scope import Scope

Json = dict[str, Any]

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
            method, amount=intent["amount"], currency=intent["currency"], challenged=challenged
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


def capture(scope: Scope, charge: Json, amount: int) -> Json:
    """Book the captured amount (minor units) of an authorised charge, with the fee; return the charge."""
    available_on = scope.now if charge["_plan"]["outcome"] == "bypass_pending" else funds.settlement_day(scope)
    kind = "charge" if charge["id"].startswith("ch_") else "payment"
    txn = funds.book(
        scope,
        type_=kind,
        amount=amount,
        currency=charge["currency"],
        source=charge["id"],
        fee=money.processing_fee(amount, charge["currency"]),
        available_on=available_on,
        category="charge",
        description=charge["description"],
    )
    charge.update(amount_captured=amount, captured=True, balance_transaction=txn["id"], status="succeeded", paid=True)
    if amount < charge["amount"]:
        # what is not captured is released, which the API shows as a refund of the rest
        charge["amount_refunded"] = charge["amount"] - amount
    return scope.store.save(charge)


def refundable(charge: Json) -> int:
    """Return what can still be refunded, in minor units."""
    return int(charge["amount"] - charge["amount_refunded"])
