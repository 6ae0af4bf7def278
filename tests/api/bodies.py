"""Request bodies that are right, to be made wrong in one place."""

from copy import deepcopy
from typing import Any

PAYMENT: dict[str, Any] = {
    "checkout_id": "cart-1",
    "buyer_info": {"buyer_id": "bea", "name": "Bea", "email": "bea@example.com", "country": "DE"},
    "payment_orders": [
        {"payment_order_id": "cart-1.ann", "seller_account": "ann", "amount": "10.00", "currency": "EUR"},
        {"payment_order_id": "cart-1.bob", "seller_account": "bob", "amount": "20.50", "currency": "EUR"},
    ],
    "return_url": "https://shop.example/thanks",
}
REFUND: dict[str, Any] = {
    "payment_order_id": "cart-1.ann",
    "amount": "4.00",
    "currency": "EUR",
    "reason": "torn",
}
SELLER: dict[str, Any] = {
    "seller_id": "cid",
    "name": "Cid",
    "country": "FR",
    "commission_rates": [{"category": "books", "bps": 500}],
    "commission_minimums": [{"amount": "0.50", "currency": "EUR"}],
}
DELIVERY: dict[str, Any] = {"payment_order_id": "cart-1.ann", "delivered_at": "2026-01-05T10:00:00Z"}

_MISSING = object()


def changed(body: dict[str, Any], path: str, value: Any = _MISSING) -> dict[str, Any]:
    """Return a copy with the value at a path (`payment_orders.0.amount`) changed, or taken out."""
    copy = deepcopy(body)
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    node: Any = copy
    for part in parents:
        node = node[part]
    if value is _MISSING:
        del node[last]
    else:
        node[last] = value
    return copy
