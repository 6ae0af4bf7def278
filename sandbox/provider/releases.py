"""Refund objects, and those by which the API shows that a reservation, or what was not captured of it, was released.

Of an authorisation that is captured in part the balance shows two movements: the whole amount, and the rest taken back
with a reporting category of its own (docs.stripe.com/reports/reporting-categories). The second belongs to a refund
that nobody asked for. One that was never captured leaves a refund behind too, which moved nothing.
"""

from typing import Any

from sandbox.provider import funds, settlement
from sandbox.provider.events import emit
from sandbox.provider.ids import new_id
from sandbox.provider.scope import Scope

Json = dict[str, Any]

CATEGORY = "partial_capture_reversal"


def new_refund(scope: Scope, charge: Json, amount: int, params: Json) -> Json:
    """Build a refund of a charge; the caller stores it."""
    kind = charge["payment_method_details"]["type"]
    details: Json = {"type": kind, kind: {}}
    if kind == "card":
        details[kind] = {
            "reference_status": "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        }
    else:
        details = {"type": kind}
    return {
        "id": new_id("re" if charge["id"].startswith("ch_") else "pyr"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": scope.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": details,
        "metadata": params.get("metadata", {}),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def release(
    scope: Scope, charge: Json, amount: int, *, taken_back: int = 0, available_on: int = 0, lapsed: bool = False
) -> None:
    """Show an amount as released by a refund, with what the balance loses by it: nothing where nothing was captured."""
    why = {"reason": "expired_uncaptured_charge"} if lapsed else {}
    refund = {**new_refund(scope, charge, amount, why), "_release": True}
    if taken_back:
        txn = funds.book(
            scope,
            type_="refund" if charge["id"].startswith("ch_") else "payment_refund",
            **settlement.settled(scope, -amount, charge["currency"]) | {"amount": taken_back},
            source=refund["id"],
            available_on=available_on,
            category=CATEGORY,
            description=f"REFUND FOR CHARGE ({charge['description'] or charge['id']})",
        )
        refund["balance_transaction"] = txn["id"]
    scope.add(refund)
    emit(scope, "refund.created", refund)
    emit(scope, "charge.expired" if lapsed else "charge.refunded", charge)
