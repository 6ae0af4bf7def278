"""Customers and payment methods, as far as a marketplace's checkout needs them."""

from typing import Any

from sandbox.provider import methods
from sandbox.provider.cards import TOKENS, card_for, digits_of
from sandbox.provider.errors import InvalidRequest, Refused
from sandbox.provider.ids import new_id
from sandbox.provider.routes import Route
from sandbox.provider.scope import Scope, merge_metadata, page_of
from sandbox.provider.validation import (
    EXPAND,
    PAGE,
    Required,
    Schema,
    choice,
    fields,
    integer,
    metadata,
    text,
)

Json = dict[str, Any]

_CUSTOMER: Schema = {
    **EXPAND,
    "description": text(empty=True),
    "email": text(max_chars=512, empty=True),
    "metadata": metadata(),
    "name": text(max_chars=256, empty=True),
    "phone": text(max_chars=20, empty=True),
}
_CARD: Schema = {
    "cvc": text(max_chars=4),
    "exp_month": integer(minimum=1, maximum=12),
    "exp_year": integer(minimum=2000, maximum=2100),
    "number": text(max_chars=23),
    "token": text(),
}
_METHOD: Schema = {
    **EXPAND,
    "billing_details": fields({"email": text(empty=True), "name": text(empty=True)}),
    "card": fields(_CARD),
    "metadata": metadata(),
    "type": Required(choice("card")),
}


def create(scope: Scope, params: Json) -> Json:
    """Create a customer."""
    customer: Json = {
        "id": new_id("cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": scope.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "discount": None,
        "invoice_prefix": new_id("x")[2:10].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        "metadata": params.get("metadata", {}),
        **{name: params.get(name) or None for name in ("description", "email", "name", "phone")},
    }
    return scope.add(customer)


def retrieve(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a customer."""
    return scope.find("customer", id, param="id")


def update(scope: Scope, params: Json, *, id: str) -> Json:
    """Change a customer."""
    customer = scope.find("customer", id, param="id")
    customer["metadata"] = merge_metadata(customer["metadata"], params.get("metadata"))
    for name in ("description", "email", "name", "phone"):
        if name in params:
            customer[name] = params[name] or None
    return scope.store.save(customer)


def index(scope: Scope, params: Json) -> Json:
    """List customers."""
    return page_of(scope, "customer", "/v1/customers", params, {"email": params.get("email")})


def create_method(scope: Scope, params: Json) -> Json:
    """Create a card payment method from a test number or a token such as `tok_visa`."""
    given = params.get("card", {})
    token = f"pm_card_{given['token'].removeprefix('tok_')}" if "token" in given else None
    if token is not None and token not in TOKENS:
        raise InvalidRequest(f"No such token: '{given['token']}'", code="resource_missing", param="card[token]")
    number = TOKENS[token] if token else digits_of(given.get("number", ""))
    card = card_for(number)
    if card.code == "incorrect_number":
        raise InvalidRequest(card.message, code="incorrect_number", param="card[number]")
    billing = params.get("billing_details", {})
    method = methods.card_method(
        scope,
        card,
        name=billing.get("name"),
        email=billing.get("email"),
        exp_month=given.get("exp_month", 12),
        exp_year=given.get("exp_year", 2034),
    )
    method["metadata"] = params.get("metadata", {})
    return scope.store.save(method)


def retrieve_method(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a payment method."""
    return scope.find("payment_method", id, param="payment_method")


def list_methods(scope: Scope, params: Json) -> Json:
    """List the payment methods of a customer."""
    wanted = {"customer": params.get("customer"), "type": params.get("type")}
    return page_of(scope, "payment_method", "/v1/payment_methods", params, wanted)


def attach(scope: Scope, params: Json, *, id: str) -> Json:
    """Give a payment method to a customer."""
    customer = scope.find("customer", params["customer"], param="customer")
    method = methods.resolve(scope, id)
    method["customer"] = customer["id"]
    return scope.store.save(method)


def detach(scope: Scope, params: Json, *, id: str) -> Json:
    """Take a payment method from its customer.

    Raises Refused when it has none.
    """
    method = scope.find("payment_method", id, param="payment_method")
    if method["customer"] is None:
        raise Refused("The payment method you provided is not attached to a customer so detachment is impossible.")
    method["customer"] = None
    return scope.store.save(method)


_METHODS = "/v1/payment_methods"
ROUTES = [
    Route("POST", "/v1/customers", "customer.create", create, _CUSTOMER),
    Route("GET", "/v1/customers", "customer.list", index, {**PAGE, "email": text()}),
    Route("GET", "/v1/customers/<id>", "customer.retrieve", retrieve, EXPAND),
    Route("POST", "/v1/customers/<id>", "customer.update", update, _CUSTOMER),
    Route("POST", _METHODS, "payment_method.create", create_method, _METHOD),
    Route("GET", _METHODS, "payment_method.list", list_methods, {**PAGE, "customer": text(), "type": text()}),
    Route("GET", f"{_METHODS}/<id>", "payment_method.retrieve", retrieve_method, EXPAND),
    Route(
        "POST",
        f"{_METHODS}/<id>/attach",
        "payment_method.attach",
        attach,
        {**EXPAND, "customer": Required(text())},
    ),
    Route("POST", f"{_METHODS}/<id>/detach", "payment_method.detach", detach, EXPAND),
]
