"""Checkout sessions: a cart, a hosted page to pay it on, and a time by which it must be paid."""

from typing import Any

from sandbox.provider import money, sessions
from sandbox.provider.cards import ASYNC_METHODS
from sandbox.provider.errors import InvalidRequest, Refused
from sandbox.provider.ids import new_id
from sandbox.provider.routes import Route
from sandbox.provider.scope import Scope, merge_metadata, page_of
from sandbox.provider.validation import (
    CURSORS,
    EXPAND,
    PAGE,
    Required,
    Schema,
    array,
    choice,
    currency,
    fields,
    integer,
    metadata,
    text,
)

Json = dict[str, Any]
_URL = "/v1/checkout/sessions"
_DEFAULT_LIFE_S = 86_400
_LEAST_LIFE_S = 1_800

_PRODUCT: Schema = {
    "name": Required(text(max_chars=250)),
    "description": text(),
    "images": array(text(), max_items=8),
    "metadata": metadata(),
    "tax_code": text(),
}
_LINE: Schema = {
    "price_data": Required(
        fields(
            {
                "currency": Required(currency()),
                "unit_amount": Required(integer(minimum=0, maximum=money.MAX_CHARGE_RUPIAH)),
                "product_data": Required(fields(_PRODUCT)),
                "tax_behavior": choice("exclusive", "inclusive", "unspecified"),
            }
        )
    ),
    "quantity": integer(minimum=1, maximum=999_999),
    "metadata": metadata(),
}
_INTENT_DATA: Schema = {
    "capture_method": choice("automatic", "automatic_async", "manual"),
    "description": text(max_chars=1000),
    "metadata": metadata(),
    "receipt_email": text(),
    "statement_descriptor": text(max_chars=22),
    "statement_descriptor_suffix": text(max_chars=22),
    "transfer_group": text(),
}
_CREATE: Schema = {
    **EXPAND,
    "allowed_payment_method_types": array(choice("card", *ASYNC_METHODS.values())),
    "cancel_url": text(),
    "client_reference_id": text(max_chars=200),
    "customer": text(),
    "customer_email": text(max_chars=800),
    "expires_at": integer(),
    "line_items": Required(array(fields(_LINE))),
    "locale": text(),
    "metadata": metadata(),
    "mode": Required(choice("payment")),
    "payment_intent_data": fields(_INTENT_DATA),
    "payment_method_options": fields({"card": fields({"request_multicapture": choice("if_available", "never")})}),
    "return_url": text(),
    "submit_type": choice("auto", "book", "donate", "pay"),
    "success_url": text(),
    "ui_mode": choice("hosted_page", "embedded_page"),
}


def create(scope: Scope, params: Json) -> Json:
    """Create a session for a cart.

    Raises InvalidRequest for mixed currencies, an amount out of bounds, a missing URL or a wrong expiry.
    """
    items = [_line_item(scope, line) for line in params["line_items"]]
    if not items:
        raise InvalidRequest("Missing required param: line_items.", code="parameter_missing", param="line_items")
    code = items[0]["currency"]
    if any(item["currency"] != code for item in items):
        raise InvalidRequest("All line items must have the same currency.", param="line_items")
    total = sum(item["amount_total"] for item in items)
    money.check_charge(total, code, param="line_items")
    _check_urls(params)
    expires_at = _expiry(scope, params)
    if "customer" in params:
        scope.find("customer", params["customer"], param="customer")
    session = _new_session(scope, params, code=code, total=total, expires_at=expires_at)
    scope.add(session)
    for item in items:
        scope.add({**item, "_session": session["id"]})
    scope.timers.add("session_expires", session["id"], due=expires_at)
    return session


def _check_urls(params: Json) -> None:
    needed = "return_url" if params.get("ui_mode") == "embedded_page" else "success_url"
    if needed not in params:
        raise InvalidRequest(f"Missing required param: {needed}.", code="parameter_missing", param=needed)
    for name in ("success_url", "cancel_url", "return_url"):
        if name in params and not params[name].startswith(("https://", "http://")):
            raise InvalidRequest("Not a valid URL", code="url_invalid", param=name)


def _expiry(scope: Scope, params: Json) -> int:
    expires_at = int(params.get("expires_at", scope.now + _DEFAULT_LIFE_S))
    if not scope.now + _LEAST_LIFE_S <= expires_at <= scope.now + _DEFAULT_LIFE_S:
        raise InvalidRequest(
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout "
            "Session creation.",
            param="expires_at",
        )
    return expires_at


def _line_item(scope: Scope, line: Json) -> Json:
    data = line["price_data"]
    quantity = line.get("quantity", 1)
    amount = data["unit_amount"] * quantity
    price: Json = {
        "id": new_id("price"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": scope.now,
        "currency": data["currency"],
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": new_id("prod"),
        "recurring": None,
        "tax_behavior": data.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": data["unit_amount"],
        "unit_amount_decimal": str(data["unit_amount"]),
    }
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": data["currency"],
        "description": data["product_data"]["name"],
        "metadata": line.get("metadata", {}),
        "price": price,
        "quantity": quantity,
        "_note": data["product_data"].get("description"),
    }


def _new_session(scope: Scope, params: Json, *, code: str, total: int, expires_at: int) -> Json:
    session_id = new_id("cs_test")
    ui_mode = params.get("ui_mode", "hosted_page")
    kinds = ["card", ASYNC_METHODS[code]] if code in ASYNC_METHODS else ["card"]
    allowed = params.get("allowed_payment_method_types")
    email = params.get("customer_email")
    return {
        **_SESSION_DEFAULTS,
        "id": session_id,
        "object": "checkout.session",
        "amount_subtotal": total,
        "amount_total": total,
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": f"{session_id}_secret_{new_id('x')[2:]}" if ui_mode == "embedded_page" else None,
        "created": scope.now,
        "currency": code,
        "customer": params.get("customer"),
        "customer_email": email,
        "expires_at": expires_at,
        "locale": params.get("locale"),
        "metadata": params.get("metadata", {}),
        "payment_method_options": params.get("payment_method_options", {}),
        "payment_method_types": [kind for kind in kinds if allowed is None or kind in allowed],
        "return_url": params.get("return_url"),
        "submit_type": params.get("submit_type"),
        "success_url": params.get("success_url"),
        "ui_mode": ui_mode,
        "url": f"{scope.base_url}/c/pay/{session_id}" if ui_mode == "hosted_page" else None,
        "_intent": params.get("payment_intent_data", {}),
    }


_SESSION_DEFAULTS: Json = {
    "adaptive_pricing": {"enabled": False},
    "after_expiration": None,
    "allow_promotion_codes": None,
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "billing_address_collection": None,
    "collected_information": None,
    "consent": None,
    "consent_collection": None,
    "currency_conversion": None,
    "custom_fields": [],
    "custom_text": {
        "after_submit": None,
        "shipping_address": None,
        "submit": None,
        "terms_of_service_acceptance": None,
    },
    "customer_account": None,
    "customer_creation": "if_required",
    "customer_details": None,
    "discounts": [],
    "integration_identifier": None,
    "invoice": None,
    "invoice_creation": None,
    "livemode": False,
    "managed_payments": {"enabled": False},
    "mode": "payment",
    "origin_context": None,
    "payment_intent": None,
    "payment_link": None,
    "payment_method_collection": "if_required",
    "payment_method_configuration_details": None,
    "payment_method_options": {},
    "payment_status": "unpaid",
    "permissions": None,
    "phone_number_collection": {"enabled": False},
    "recovered_from": None,
    "saved_payment_method_options": None,
    "setup_intent": None,
    "shipping_address_collection": None,
    "shipping_cost": None,
    "shipping_options": [],
    "status": "open",
    "subscription": None,
    "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
    "wallet_options": None,
}


def retrieve(scope: Scope, params: Json, *, id: str) -> Json:
    """Return a session."""
    return scope.find("checkout.session", id, param="session")


def update(scope: Scope, params: Json, *, id: str) -> Json:
    """Change the metadata of a session."""
    session = scope.find("checkout.session", id, param="session")
    session["metadata"] = merge_metadata(session["metadata"], params.get("metadata"))
    return scope.store.save(session)


def index(scope: Scope, params: Json) -> Json:
    """List sessions."""
    return page_of(
        scope,
        "checkout.session",
        _URL,
        params,
        {"payment_intent": params.get("payment_intent"), "status": params.get("status")},
    )


def expire(scope: Scope, params: Json, *, id: str) -> Json:
    """Close an open session.

    Raises Refused when it is complete or expired already.
    """
    session = scope.find("checkout.session", id, param="session")
    if session["status"] != "open":
        raise Refused(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a '
            f"status of `{session['status']}`.",
        )
    return sessions.expire(scope, session)


def line_items(scope: Scope, params: Json, *, id: str) -> Json:
    """List the line items of a session, in the order of the cart."""
    scope.find("checkout.session", id, param="session")
    return page_of(scope, "item", f"{_URL}/{id}/line_items", params, {"_session": id}, oldest_first=True)


ROUTES = [
    Route("POST", _URL, "checkout.session.create", create, _CREATE),
    Route(
        "GET",
        _URL,
        "checkout.session.list",
        index,
        {**PAGE, "payment_intent": text(), "status": choice("open", "complete", "expired")},
    ),
    Route("GET", f"{_URL}/<id>", "checkout.session.retrieve", retrieve, EXPAND),
    Route("POST", f"{_URL}/<id>", "checkout.session.update", update, {**EXPAND, "metadata": metadata()}),
    Route("POST", f"{_URL}/<id>/expire", "checkout.session.expire", expire, EXPAND),
    Route("GET", f"{_URL}/<id>/line_items", "checkout.session.line_items", line_items, CURSORS),
]
TIMERS = {"session_expires": sessions.fired_expiry}
