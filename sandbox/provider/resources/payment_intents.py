"""Payment intents: an amount to be taken, with or without a hosted page."""

from typing import Any

from sandbox.provider import methods, money, payments
from sandbox.provider.cards import ASYNC_METHODS
from sandbox.provider.errors import InvalidRequest, Refused
from sandbox.provider.routes import Route
from sandbox.provider.scope import Scope, merge_metadata, page_of
from sandbox.provider.validation import (
    EXPAND,
    PAGE,
    Required,
    Schema,
    array,
    boolean,
    choice,
    currency,
    fields,
    integer,
    metadata,
    text,
)

Json = dict[str, Any]
_URL = "/v1/payment_intents"

_COMMON: Schema = {
    **EXPAND,
    "customer": text(),
    "description": text(max_chars=1000),
    "metadata": metadata(),
    "payment_method": text(),
    "receipt_email": text(),
    "statement_descriptor": text(max_chars=22),
    "statement_descriptor_suffix": text(max_chars=22),
    "transfer_group": text(),
}
_CREATE: Schema = {
    **_COMMON,
    "allowed_payment_method_types": array(choice("card", *ASYNC_METHODS.values())),
    "amount": Required(integer(minimum=1)),
    "automatic_payment_methods": fields({"enabled": Required(boolean()), "allow_redirects": choice("always", "never")}),
    "capture_method": choice("automatic", "automatic_async", "manual"),
    "payment_method_options": fields({"card": fields({"request_multicapture": choice("if_available", "never")})}),
    "confirm": boolean(),
    "currency": Required(currency()),
    "return_url": text(),
}
_UPDATE: Schema = {**_COMMON, "amount": integer(minimum=1)}
_CONFIRM: Schema = {**EXPAND, "payment_method": text(), "return_url": text(), "receipt_email": text()}
_COPIED = (
    "capture_method",
    "customer",
    "description",
    "metadata",
    "payment_method_options",
    "receipt_email",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)


def create(scope: Scope, params: Json) -> Json:
    """Create an intent, and confirm it at once when asked to.

    Raises InvalidRequest for an amount out of bounds, CardDeclined when a confirmation is refused.
    """
    money.check_charge(params["amount"], params["currency"])
    method = methods.resolve(scope, params["payment_method"]) if "payment_method" in params else None
    if params.get("confirm") and method is None:
        raise InvalidRequest(
            "You must provide a payment method to confirm this PaymentIntent.",
            code="parameter_missing",
            param="payment_method",
        )
    given = {name: params[name] for name in _COPIED if name in params}
    if method is not None:
        given.update(status="requires_confirmation", payment_method=method["id"])
    intent = payments.create(scope, amount=params["amount"], currency=params["currency"], **given)
    intent["_return_url"] = params.get("return_url")
    if params.get("confirm") and method is not None:
        return payments.attempt(scope, intent, method)
    return scope.store.save(intent)


def retrieve(scope: Scope, params: Json, *, id: str) -> Json:
    """Return an intent."""
    return scope.find("payment_intent", id, param="intent")


def index(scope: Scope, params: Json) -> Json:
    """List intents."""
    return page_of(scope, "payment_intent", _URL, params, {"customer": params.get("customer")})


def update(scope: Scope, params: Json, *, id: str) -> Json:
    """Change an intent that has not taken money.

    Raises Refused when the amount of a running or finished intent would change.
    """
    intent = scope.find("payment_intent", id, param="intent")
    if "amount" in params:
        if intent["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
            raise payments.unexpected_state(scope, intent, "updated", "requires_payment_method")
        money.check_charge(params["amount"], intent["currency"])
        intent["amount"] = params["amount"]
    intent["metadata"] = merge_metadata(intent["metadata"], params.get("metadata"))
    for name in set(_COPIED) - {"metadata", "capture_method"}:
        if name in params:
            intent[name] = params[name]
    if "payment_method" in params:
        intent.update(
            payment_method=methods.resolve(scope, params["payment_method"])["id"],
            status="requires_confirmation",
        )
    return scope.store.save(intent)


def confirm(scope: Scope, params: Json, *, id: str) -> Json:
    """Try to take the money.

    Raises Refused when the intent is running or over, CardDeclined when the issuer refuses.
    """
    intent = scope.find("payment_intent", id, param="intent")
    if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise payments.unexpected_state(scope, intent, "confirmed", "requires_payment_method, requires_confirmation")
    reference = params.get("payment_method") or intent["payment_method"]
    if reference is None:
        raise InvalidRequest(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
        )
    intent["_return_url"] = params.get("return_url", intent["_return_url"])
    intent["receipt_email"] = params.get("receipt_email", intent["receipt_email"])
    return payments.attempt(scope, intent, methods.resolve(scope, reference))


def capture(scope: Scope, params: Json, *, id: str) -> Json:
    """Take an authorised amount or a part of it."""
    intent = scope.find("payment_intent", id, param="intent")
    intent["metadata"] = merge_metadata(intent["metadata"], params.get("metadata"))
    return payments.capture(scope, intent, params.get("amount_to_capture"), final=params.get("final_capture", True))


def cancel(scope: Scope, params: Json, *, id: str) -> Json:
    """Give an intent up.

    Raises Refused for one of a checkout session that reserved nothing: the session is to be expired instead.
    """
    intent = scope.find("payment_intent", id, param="intent")
    if intent["_session"] and intent["status"] in ("requires_payment_method", "requires_action"):
        raise Refused(
            "You cannot cancel this PaymentIntent, because it was created by a Checkout Session and has not been "
            "authorized. Expire the Checkout Session instead.",
            code="payment_intent_unexpected_state",
        )
    return payments.cancel(scope, intent, reason=params.get("cancellation_reason"))


ROUTES = [
    Route("POST", _URL, "payment_intent.create", create, _CREATE),
    Route("GET", _URL, "payment_intent.list", index, {**PAGE, "customer": text()}),
    Route("GET", f"{_URL}/<id>", "payment_intent.retrieve", retrieve, {**EXPAND, "client_secret": text()}),
    Route("POST", f"{_URL}/<id>", "payment_intent.update", update, _UPDATE),
    Route("POST", f"{_URL}/<id>/confirm", "payment_intent.confirm", confirm, _CONFIRM),
    Route(
        "POST",
        f"{_URL}/<id>/capture",
        "payment_intent.capture",
        capture,
        {
            **EXPAND,
            "amount_to_capture": integer(minimum=1),
            "final_capture": boolean(),
            "metadata": metadata(),
        },
    ),
    Route(
        "POST",
        f"{_URL}/<id>/cancel",
        "payment_intent.cancel",
        cancel,
        {
            **EXPAND,
            "cancellation_reason": choice("duplicate", "fraudulent", "requested_by_customer", "abandoned"),
        },
    ),
]
TIMERS = {
    "async_money": payments.fired_async_money,
    "authorisation_lapses": payments.fired_authorisation_lapse,
}
