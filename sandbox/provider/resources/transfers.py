"""Transfers from the platform to connected accounts, and their reversals."""

from typing import Any

from sandbox.provider import funds, payouts
from sandbox.provider.errors import InvalidRequest, Refused
from sandbox.provider.events import emit
from sandbox.provider.ids import new_id
from sandbox.provider.methods import billing
from sandbox.provider.money import check_step
from sandbox.provider.routes import Route
from sandbox.provider.scope import Scope, merge_metadata, page_of
from sandbox.provider.validation import CURSORS, EXPAND, PAGE, Required, Schema, currency, integer, metadata, text

Json = dict[str, Any]
_URL = "/v1/transfers"

_CREATE: Schema = {
    **EXPAND,
    "amount": integer(minimum=1),
    "currency": Required(currency()),
    "description": text(),
    "destination": Required(text()),
    "metadata": metadata(),
    "source_transaction": text(),
    "transfer_group": text(),
}
_REVERSE: Schema = {**EXPAND, "amount": integer(minimum=1), "description": text(), "metadata": metadata()}


def create(scope: Scope, params: Json) -> Json:
    """Move money to a connected account.

    Raises InvalidRequest for an amount that is between two steps, NotFound for an unknown account, Refused when the
    account cannot take transfers or funds are short.
    """
    if "amount" not in params:
        raise InvalidRequest("Missing required param: amount.", code="parameter_missing", param="amount")
    check_step(params["amount"], params["currency"])
    account = scope.find("account", params["destination"], param="destination")
    if account["capabilities"].get("transfers") != "active":
        raise Refused(
            "Your destination account needs to have at least one of the following capabilities enabled: "
            "transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
        )
    rule = scope.planned("transfer.create", refs={**params, "destination": account["id"]})
    if rule is not None:
        code = rule.args.get("code", "account_invalid")
        raise Refused(rule.args.get("message", "The transfer could not be made."), code=code)
    available_on = _check_funds(scope, params)
    transfer = _new_transfer(scope, params, account["id"])
    txn = funds.book(
        scope,
        type_="transfer",
        amount=-params["amount"],
        currency=params["currency"],
        source=transfer["id"],
        available_on=available_on,
        description=params.get("description"),
    )
    transfer["balance_transaction"] = txn["id"]
    transfer["destination_payment"] = _credit(scope.within(account["id"]), transfer, available_on)
    scope.add(transfer)
    emit(scope, "transfer.created", transfer)
    return transfer


def _check_funds(scope: Scope, params: Json) -> int:
    """Return the moment from which the transferred money counts, or refuse what is not there."""
    amount, code = params["amount"], params["currency"]
    if "source_transaction" not in params:
        funds.require(scope, amount, code, what="transfer")
        return scope.now
    charge = scope.find("charge", params["source_transaction"], param="source_transaction")
    settled = scope.store.get(charge["balance_transaction"] or "")
    if settled is None or settled["currency"] != code:
        raise Refused("The source_transaction must be a captured charge in the same currency.", param="currency")
    most = charge["amount_captured"] if charge["currency"] == code else settled["amount"]
    used = sum(
        item["amount"] - item["amount_reversed"]
        for item in scope.store.select("transfer", filters={"source_transaction": charge["id"]})
    )
    if used + amount > most:
        raise Refused(
            f"Transfers using this transaction as a source must not exceed the source amount of "
            f"{most}. ({used} has already been transferred.)",
            code="balance_insufficient",
        )
    return max(scope.now, int(settled["available_on"]))


def _new_transfer(scope: Scope, params: Json, destination: str) -> Json:
    group = params.get("transfer_group")
    if group is None and "source_transaction" in params:
        group = f"group_{params['source_transaction']}"
    return {
        "id": new_id("tr"),
        "object": "transfer",
        "amount": params["amount"],
        "amount_reversed": 0,
        "balance_transaction": None,
        "created": scope.now,
        "currency": params["currency"],
        "description": params.get("description"),
        "destination": destination,
        "destination_payment": None,
        "livemode": False,
        "metadata": params.get("metadata", {}),
        "reversals": None,
        "reversed": False,
        "source_transaction": params.get("source_transaction"),
        "source_type": "card",
        "transfer_group": group,
    }


def _credit(scope: Scope, transfer: Json, available_on: int) -> str:
    """Book the payment that the connected account receives; return its id."""
    payment: Json = {
        **_PAYMENT_DEFAULTS,
        "id": new_id("py"),
        "amount": transfer["amount"],
        "amount_captured": transfer["amount"],
        "billing_details": billing(None, None),
        "created": scope.now,
        "currency": transfer["currency"],
        "description": transfer["description"],
        "source_transfer": transfer["id"],
        "transfer_group": transfer["transfer_group"],
    }
    txn = funds.book(
        scope,
        type_="payment",
        amount=transfer["amount"],
        currency=transfer["currency"],
        source=payment["id"],
        available_on=available_on,
        description=transfer["description"],
    )
    payment["balance_transaction"] = txn["id"]
    scope.add(payment)
    payouts.schedule(scope, transfer["currency"], from_moment=available_on)
    return str(payment["id"])


_PAYMENT_DEFAULTS: Json = {
    "object": "charge",
    "amount_refunded": 0,
    "application": None,
    "application_fee": None,
    "application_fee_amount": None,
    "calculated_statement_descriptor": None,
    "captured": True,
    "customer": None,
    "disputed": False,
    "failure_balance_transaction": None,
    "failure_code": None,
    "failure_message": None,
    "fraud_details": {},
    "livemode": False,
    "metadata": {},
    "on_behalf_of": None,
    "outcome": None,
    "paid": True,
    "payment_intent": None,
    "payment_method": None,
    "payment_method_details": {"stripe_account": {}, "type": "stripe_account"},
    "radar_options": {},
    "receipt_email": None,
    "receipt_number": None,
    "receipt_url": None,
    "refunded": False,
    "review": None,
    "shipping": None,
    "source": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "succeeded",
    "transfer_data": None,
    "_plan": {"outcome": "success", "code": None, "decline_code": None, "message": ""},
}


def retrieve(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a transfer."""
    return scope.find("transfer", id, param="transfer")


def update(scope: Scope, params: Json, *, id: str) -> Json:
    """Change the metadata or description of a transfer."""
    transfer = scope.find("transfer", id, param="transfer")
    before = {"metadata": transfer["metadata"]}
    transfer["metadata"] = merge_metadata(transfer["metadata"], params.get("metadata"))
    transfer["description"] = params.get("description", transfer["description"])
    emit(scope, "transfer.updated", transfer, previous=before)
    return scope.store.save(transfer)


def index(scope: Scope, params: Json) -> Json:
    """List transfers."""
    wanted = {name: params.get(name) for name in ("destination", "transfer_group")}
    return page_of(scope, "transfer", _URL, params, wanted)


def reverse(scope: Scope, params: Json, *, id: str) -> Json:
    """Take transferred money back, whole or in part.

    Raises InvalidRequest for an amount that is between two steps, Refused when more than what is left would come back,
    or the account has not got it.
    """
    transfer = scope.find("transfer", id, param="transfer")
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = params.get("amount", left)
    check_step(amount, transfer["currency"])
    if left == 0 or amount > left:
        raise Refused(
            f"Transfer amount that can be reversed is {left}; {amount} was asked for.",
            code="transfer_reversal_failed",
        )
    seller = scope.within(transfer["destination"])
    if transfer["source_transaction"] is None:
        funds.require(seller, amount, transfer["currency"], what="reversal")
    reversal: Json = {
        "id": new_id("trr"),
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": None,
        "created": scope.now,
        "currency": transfer["currency"],
        "destination_payment_refund": None,
        "metadata": params.get("metadata", {}),
        "source_refund": None,
        "transfer": transfer["id"],
    }
    _book_reversal(scope, seller, transfer, reversal)
    scope.add(reversal)
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    scope.store.save(transfer)
    emit(scope, "transfer.reversed", transfer)
    return reversal


def _book_reversal(scope: Scope, seller: Scope, transfer: Json, reversal: Json) -> None:
    moved = scope.find("balance_transaction", transfer["balance_transaction"])
    common: Json = {"currency": transfer["currency"], "available_on": max(scope.now, moved["available_on"])}
    amount = reversal["amount"]
    txn = funds.book(scope, type_="transfer_refund", amount=amount, source=reversal["id"], **common)
    reversal["balance_transaction"] = txn["id"]
    funds.book(seller, type_="payment_refund", amount=-amount, source=transfer["destination_payment"], **common)
    payment = seller.find("charge", transfer["destination_payment"])
    payment["amount_refunded"] += amount
    payment["refunded"] = payment["amount_refunded"] == payment["amount"]
    seller.store.save(payment)


def retrieve_reversal(scope: Scope, params: Json, *, id: str, reversal: str) -> Json:
    """Return a reversal of a transfer."""
    scope.find("transfer", id, param="transfer")
    return scope.find("transfer_reversal", reversal, param="id")


def list_reversals(scope: Scope, params: Json, *, id: str) -> Json:
    """List the reversals of a transfer."""
    scope.find("transfer", id, param="transfer")
    return page_of(scope, "transfer_reversal", f"{_URL}/{id}/reversals", params, {"transfer": id})


_LIST: Schema = {**PAGE, "destination": text(), "transfer_group": text()}
_UPDATE: Schema = {**EXPAND, "metadata": metadata(), "description": text()}
ROUTES = [
    Route("POST", _URL, "transfer.create", create, _CREATE),
    Route("GET", _URL, "transfer.list", index, _LIST),
    Route("GET", f"{_URL}/<id>", "transfer.retrieve", retrieve, EXPAND),
    Route("POST", f"{_URL}/<id>", "transfer.update", update, _UPDATE),
    Route("POST", f"{_URL}/<id>/reversals", "transfer.reversal.create", reverse, _REVERSE),
    Route("GET", f"{_URL}/<id>/reversals", "transfer.reversal.list", list_reversals, CURSORS),
    Route("GET", f"{_URL}/<id>/reversals/<reversal>", "transfer.reversal.retrieve", retrieve_reversal, EXPAND),
]
