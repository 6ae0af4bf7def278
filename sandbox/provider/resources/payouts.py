"""Payouts, balances and balance transactions."""

from typing import Any

from sandbox.provider import funds, payouts
from sandbox.provider.routes import Route
from sandbox.provider.scope import Scope, merge_metadata, page_of
from sandbox.provider.validation import (
    EXPAND,
    PAGE,
    Required,
    Schema,
    choice,
    currency,
    integer,
    metadata,
    text,
)

Json = dict[str, Any]
_URL = "/v1/payouts"

_CREATE: Schema = {
    **EXPAND,
    "amount": Required(integer(minimum=1)),
    "currency": Required(currency()),
    "description": text(),
    "metadata": metadata(),
    "method": choice("standard"),
    "source_type": choice("card"),
    "statement_descriptor": text(max_chars=22),
}


def create(scope: Scope, params: Json) -> Json:
    """Send available money to the bank."""
    return payouts.create(
        scope,
        amount=params["amount"],
        currency=params["currency"],
        description=params.get("description"),
        metadata=params.get("metadata"),
        statement_descriptor=params.get("statement_descriptor"),
    )


def retrieve(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a payout."""
    return scope.find("payout", id, param="payout")


def update(scope: Scope, params: Json, *, id: str) -> Json:
    """Change the metadata of a payout."""
    payout = scope.find("payout", id, param="payout")
    payout["metadata"] = merge_metadata(payout["metadata"], params.get("metadata"))
    return scope.store.save(payout)


def index(scope: Scope, params: Json) -> Json:
    """List payouts."""
    wanted = {name: params.get(name) for name in ("status", "destination")}
    return page_of(scope, "payout", _URL, params, wanted)


def cancel(scope: Scope, params: Json, *, id: str) -> Json:
    """Take back a pending payout."""
    return payouts.cancel(scope, scope.find("payout", id, param="payout"))


def balance(scope: Scope, params: Json) -> Json:
    """Return the balance of the account."""
    return funds.balance(scope)


def transaction(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a balance transaction."""
    return scope.find("balance_transaction", id, param="id")


def transactions(scope: Scope, params: Json) -> Json:
    """List balance transactions; `payout` selects those that an automatic payout covers."""
    wanted = {name: params.get(name) for name in ("currency", "source", "type")}
    wanted["_payout"] = params.get("payout")
    return page_of(scope, "balance_transaction", "/v1/balance_transactions", params, wanted)


_LIST: Schema = {**PAGE, "status": choice("pending", "paid", "failed", "canceled"), "destination": text()}
_TXN_LIST: Schema = {**PAGE, "currency": currency(), "payout": text(), "source": text(), "type": text()}
ROUTES = [
    Route("POST", _URL, "payout.create", create, _CREATE),
    Route("GET", _URL, "payout.list", index, _LIST),
    Route("GET", f"{_URL}/<id>", "payout.retrieve", retrieve, EXPAND),
    Route("POST", f"{_URL}/<id>", "payout.update", update, {**EXPAND, "metadata": metadata()}),
    Route("POST", f"{_URL}/<id>/cancel", "payout.cancel", cancel, EXPAND),
    Route("GET", "/v1/balance", "balance.retrieve", balance, EXPAND),
    Route("GET", "/v1/balance_transactions", "balance_transaction.list", transactions, _TXN_LIST),
    Route("GET", "/v1/balance_transactions/<id>", "balance_transaction.retrieve", transaction, EXPAND),
]
TIMERS = {"payout_step": payouts.fired_step, "payout_sweep": payouts.fired_sweep}
