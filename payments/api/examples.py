"""One story, told by the examples of the OpenAPI document: a cart of two sellers, paid, and partly refunded."""

from typing import Any

from payments.event_catalogue import EVENT_TYPES, schema_of

AT = "2026-11-20T14:00:00+00:00"
PAYMENT: dict[str, Any] = {
    "checkout_id": "cart-1042",
    "buyer_info": {"buyer_id": "bea", "name": "Bea", "email": "bea@example.com", "country": "DE"},
    "payment_orders": [
        {"payment_order_id": "cart-1042.ann", "seller_account": "ann", "amount": "10.00", "currency": "EUR"},
        {"payment_order_id": "cart-1042.bob", "seller_account": "bob", "amount": "20.50", "currency": "EUR"},
    ],
}


_WAITS = {
    "EXECUTING": ("buyer", "to be paid on the provider's page"),
    "UNKNOWN": ("provider", "an answer that can be believed"),
    "AUTHORIZED": ("storefront", "to be captured or canceled"),
}


def _order(name: str, amount: str, status: str, refunded: str = "0.00") -> dict[str, Any]:
    return {
        "payment_order_id": f"cart-1042.{name}",
        "seller_account": name,
        "amount": amount,
        "currency": "EUR",
        "category": "",
        "captured": amount if status == "SUCCESS" else "0.00",
        "refunded": refunded,
        "status": status,
        "waiting": {"on": _WAITS[status][0], "for": _WAITS[status][1], "since": AT} if status in _WAITS else None,
        "ledger_updated": status == "SUCCESS",
        "wallet_updated": status == "SUCCESS",
    }


def _checkout(status: str, capture_method: str = "automatic") -> dict[str, Any]:
    return {
        "id": "chk_06f4w8q2m1n5p7r9t3v6x8z0ab",
        "checkout_id": "cart-1042",
        "amount": "30.50",
        "currency": "EUR",
        "is_payment_done": status == "SUCCESS",
        "capture_method": capture_method,
        "authorization": None,
        "last_error": None,
        "payment_page": None
        if status == "UNKNOWN"
        else {"url": "https://provider.example/c/pay/cs_1042", "token": "cs_1042"},
        "status_page": "https://pay.example/pay/chk_06f4w8q2m1n5p7r9t3v6x8z0ab/return",
        "expires_at": "2026-11-21T13:00:00+00:00",
        "created_at": AT,
        "payment_orders": [_order("ann", "10.00", status), _order("bob", "20.50", status)],
    }


CHECKOUT, UNCLEAR, PAID = _checkout("EXECUTING"), _checkout("UNKNOWN"), _checkout("SUCCESS")
CANCELED = _checkout("CANCELED")
# A part is taken, and the rest waits.
CAPTURED: dict[str, Any] = {
    **_checkout("AUTHORIZED", "manual"),
    "authorization": {"expires_at": "2026-11-27T14:00:00+00:00"},
    "payment_orders": [_order("ann", "10.00", "SUCCESS"), _order("bob", "20.50", "AUTHORIZED")],
}
CAPTURE: dict[str, Any] = {
    "payment_orders": [{"payment_order_id": "cart-1042.ann", "amount": "10.00", "currency": "EUR"}],
    "final_capture": False,
}
# The new orders of a cart have ids that no order had before.
CART: dict[str, Any] = {
    "payment_orders": [
        {"payment_order_id": "cart-1042.ann.2", "seller_account": "ann", "amount": "15.00", "currency": "EUR"},
    ],
}
REPLACED: dict[str, Any] = {
    **CHECKOUT,
    "amount": "15.00",
    "payment_orders": [{**_order("ann", "15.00", "EXECUTING"), "payment_order_id": "cart-1042.ann.2"}],
}
REFUND: dict[str, Any] = {
    "payment_order_id": "cart-1042.ann",
    "amount": "4.00",
    "currency": "EUR",
    "reason": "one lamp came broken",
}
REFUNDED: dict[str, Any] = {
    "id": "rfd_06f4w9q2m1n5p7r9t3v6x8z0ab",
    **REFUND,
    "status": "requested",
    "waiting": {"on": "us", "for": "to be sent to the provider", "since": AT},
    "waiting_for_approval": False,
    "failure_reason": "",
    "created_at": AT,
}
CHECKOUT_REFUND: dict[str, Any] = {"amount": "7.00", "currency": "EUR", "reason": "it came a week late"}
_SHARE = {**REFUNDED, "reason": CHECKOUT_REFUND["reason"]}
CHECKOUT_REFUNDED: dict[str, Any] = {
    "checkout_id": "cart-1042",
    "refunds": [
        {**_SHARE, "amount": "1.58"},
        {**_SHARE, "id": "rfd_06f4w9q2m1n5p7r9t3v6x8z0ac", "payment_order_id": "cart-1042.bob", "amount": "5.42"},
    ],
}
ORDER: dict[str, Any] = {
    **_order("ann", "10.00", "SUCCESS", "4.00"),
    "checkout_id": "cart-1042",
    "is_payment_done": True,
    "created_at": AT,
    "refunds": [{**REFUNDED, "status": "succeeded", "waiting": None}],
}
EVIDENCE: dict[str, Any] = {
    "evidence": {"product_description": "An oak lamp, delivered on 14 November."},
    "files": ["evf_06f4w9q2m1n5p7r9t3v6x8z0ab"],
    "final": True,
}
# The smallest PNG that there is.
FILE: dict[str, Any] = {
    "kind": "shipping_documentation",
    "content": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=",
}
KEPT_FILE: dict[str, Any] = {
    "id": "evf_06f4w9q2m1n5p7r9t3v6x8z0ab",
    "kind": "shipping_documentation",
    "name": "shipping_documentation-evf_06f4w9q2m1n5p7r9t3v6x8z0ab.png",
    "media_type": "image/png",
    "size": 68,
    "sha256": "63ef318d96b5d0d0ceba6e04a4e622b1158335cdc67c49e27839132c6f655058",
    "status": "requested",
    "failure_reason": "",
    "created_at": AT,
}
HANDED_IN: dict[str, Any] = {
    "id": "evi_06f4w9q2m1n5p7r9t3v6x8z0ab",
    "status": "requested",
    **EVIDENCE,
    "failure_reason": "",
}
DISPUTE: dict[str, Any] = {
    "id": "dsp_06f4w8q2m1n5p7r9t3v6x8z0ab",
    "checkout_id": "cart-1042",
    "amount": "10.00",
    "currency": "EUR",
    "status": "needs_response",
    "waiting": {"on": "storefront", "for": "to hand in evidence until 2026-12-04 23:59 UTC", "since": AT},
    "reason": "product_not_received",
    "withdrawn": "10.00",
    "fee": "20.00",
    "fee_currency": "EUR",
    "wants_evidence": True,
    "evidence_due_by": "2026-12-04T23:59:59+00:00",
    "opened_at": AT,
    "closed_at": None,
    "payment_orders": [{"payment_order_id": "cart-1042.ann", "amount": "10.00", "borne_by": "seller"}],
    "evidence": [],
    "files": [KEPT_FILE],
}
OTHER_SELLER: dict[str, Any] = {"seller_id": "ann", "name": "Ann Lamps", "country": "DE"}
SELLER: dict[str, Any] = {
    "seller_id": "bob",
    "name": "Bob Books",
    "country": "DE",
    "commission_rates": [{"category": "books", "bps": 500}],
    "commission_minimums": [{"amount": "0.50", "currency": "EUR"}],
}
WALLET = {"currency": "EUR", "pending": "5.40", "available": "100.00", "reserved": "0.00", "receivable": "0.00"}
KNOWN_SELLER: dict[str, Any] = {
    **SELLER,
    "commission_bps": 1000,
    "commission_tax_bps": 0,
    "commission_tax": "",
    "payouts_enabled": True,
    "created_at": AT,
    "balances": [WALLET],
}
BALANCE = {"seller_id": "ann", "balances": [WALLET]}
_NOTHING = {"pending": "0.00", "available": "0.00", "reserved": "0.00", "receivable": "0.00"}
STATEMENT: dict[str, Any] = {
    "seller_id": "ann",
    "currency": "EUR",
    "from": "2026-11-01",
    "until": "2026-11-30",
    "opening": _NOTHING,
    "movements": [
        {"event": "payment_captured", "entries": 1, **_NOTHING, "pending": "9.00", "net": "9.00"},
        {"event": "refund_succeeded", "entries": 1, **_NOTHING, "pending": "-3.60", "net": "-3.60"},
    ],
    "closing": {**_NOTHING, "pending": "5.40"},
}
ENDPOINT: dict[str, Any] = {
    "url": "https://shop.example/hooks",
    "description": "orders",
    "event_types": ["payment.succeeded", "payment.failed"],
}
KNOWN_ENDPOINT: dict[str, Any] = {
    "id": "whe_06f4w8q2m1n5p7r9t3v6x8z0ab",
    **ENDPOINT,
    "enabled": True,
    "disabled_reason": None,
    "failing_since": None,
    "created_at": AT,
}
SECRET = {**KNOWN_ENDPOINT, "secret": "whsec_" + "A" * 43 + "="}
DELIVERY: dict[str, Any] = {
    "id": "dlv_06f4w8q2m1n5p7r9t3v6x8z0ab",
    "event_id": "evt_06f4w8q2m1n5p7r9t3v6x8z0ab",
    "endpoint_id": "whe_06f4w8q2m1n5p7r9t3v6x8z0ab",
    "status": "delivered",
    "created_at": AT,
    "delivered_at": AT,
    "tries": [{"at": AT, "http_status": 204, "milliseconds": 84, "answer": ""}],
}
EVENT: dict[str, Any] = {
    "id": "evt_06f4w8q2m1n5p7r9t3v6x8z0ab",
    "type": "payment.succeeded",
    "created_at": AT,
    "message": schema_of(EVENT_TYPES["payment.succeeded"])["examples"][0],
}
