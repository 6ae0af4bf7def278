"""Payment methods: what the buyer pays with, reduced to brand, last four digits and a planned outcome."""

import hashlib
from typing import Any

from sandbox.provider.cards import TOKENS, Card, card_for
from sandbox.provider.errors import NotFound
from sandbox.provider.ids import new_id
from sandbox.provider.scope import Scope

Json = dict[str, Any]
NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


def billing(name: str | None, email: str | None) -> Json:
    """Return billing details as the API writes them."""
    return {"address": dict(NO_ADDRESS), "email": email, "name": name, "phone": None, "tax_id": None}


def card_method(
    scope: Scope,
    card: Card,
    *,
    name: str | None,
    email: str | None,
    exp_month: int = 12,
    exp_year: int = 2034,
) -> Json:
    """Store a card payment method; of the number only brand, last four digits and a fingerprint are kept."""
    digest = hashlib.sha256(card.number.encode()).hexdigest()[:16]
    method = _method(name, email, "card")
    method["card"] = {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": card.brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": digest,
        "funding": "credit",
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    method["_plan"] = {
        "outcome": card.outcome,
        "code": card.code,
        "decline_code": card.decline_code,
        "message": card.message,
    }
    method["created"] = scope.now
    return scope.add(method)


def async_method(scope: Scope, kind: str, *, name: str | None, email: str | None) -> Json:
    """Store a payment method whose money comes later, such as a boleto."""
    method = _method(name, email, kind)
    bank = {
        "bank_code": None,
        "branch_code": None,
        "country": "DE",
        "fingerprint": None,
        "generated_from": None,
    }
    method[kind] = {
        "boleto": {"tax_id": "000.000.000-00"},
        "sepa_debit": {**bank, "last4": "3000"},
        "us_bank_account": {"bank_name": "STRIPE TEST BANK", "last4": "6789", "routing_number": "110000000"},
    }[kind]
    method["_plan"] = {"outcome": "async", "code": None, "decline_code": None, "message": ""}
    method["created"] = scope.now
    return scope.add(method)


def _method(name: str | None, email: str | None, kind: str) -> Json:
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing(name, email),
        "created": 0,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
    }


def resolve(scope: Scope, reference: str) -> Json:
    """Return the payment method of an id, or a new one for a test token such as `pm_card_visa`.

    Raises NotFound when it is neither.
    """
    if reference in TOKENS:
        return card_method(scope, card_for(TOKENS[reference]), name=None, email=None)
    found = scope.store.get(reference)
    if found is None or found["object"] != "payment_method":
        raise NotFound(f"No such PaymentMethod: '{reference}'", code="resource_missing", param="payment_method")
    return found


def details_on_charge(
    method: Json,
    *,
    amount: int,
    currency: str,
    challenged: bool,
    capture_before: int | None = None,
    multicapture: bool = False,
) -> Json:
    """Return `payment_method_details` of a charge made with this method.

    A charge that is only authorised says until when it must be captured, and whether in several parts.
    """
    kind = method["type"]
    if kind != "card":
        return {kind: _async_details(method), "type": kind}
    card = method["card"]
    three_d_secure = None
    if challenged:
        three_d_secure = {
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": "05",
            "exemption_indicator": None,
            "result": "authenticated",
            "result_reason": None,
            "transaction_id": hashlib.sha256(method["id"].encode()).hexdigest()[:32],
            "version": "2.2.0",
        }
    details = {
        "amount_authorized": amount,
        "authorization_code": "123456",
        "brand": card["brand"],
        **({"capture_before": capture_before} if capture_before else {}),
        "checks": card["checks"],
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "available" if multicapture else "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": "104557651805572",
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": three_d_secure,
        "transaction_link_id": None,
        "wallet": None,
    }
    return {"card": details, "type": "card"}


def _async_details(method: Json) -> Json:
    kind = method["type"]
    if kind == "boleto":
        return {"tax_id": method["boleto"]["tax_id"]}
    if kind == "sepa_debit":
        names = ("bank_code", "branch_code", "country", "fingerprint", "last4")
        return {**{name: method[kind][name] for name in names}, "mandate": None}
    return {**method[kind], "account_holder_type": "individual", "account_type": "checking"}
