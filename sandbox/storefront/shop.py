"""A shop's side of a payment API: what a storefront's own backend would send, over HTTP."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sandbox.storefront.browsing import Browser

Json = dict[str, Any]


class ShopRefused(Exception):
    """The payment system refused a request; `problem` is what it said (RFC 9457)."""

    def __init__(self, *, method: str, path: str, status: int, problem: Json) -> None:
        super().__init__(f"{method} {path} answered {status}: {problem.get('detail', problem)}")
        self.status = status
        self.problem = problem


@dataclass(frozen=True, kw_only=True)
class Basket:
    """One seller's part of a cart: `amount` is text in major units."""

    payment_order_id: str
    seller_account: str
    amount: str
    currency: str


class Shop:
    """Speak to the payment API at `base_url` with one API key. One instance a thread: it keeps a connection."""

    def __init__(self, base_url: str, api_key: str, *, timeout_s: float = 30) -> None:
        self._base = base_url.rstrip("/")
        headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._browser = Browser(timeout_s=timeout_s, headers=headers)

    def register_seller(self, *, seller_id: str, name: str, country: str) -> Json:
        """Make a seller known; the same seller again changes nothing."""
        return self._call("POST", "/v1/sellers", {"seller_id": seller_id, "name": name, "country": country})

    def create_payment(self, *, checkout_id: str, buyer_id: str, baskets: list[Basket], key: str) -> Json:
        """Create a payment for a cart and return it, with the page on which the buyer pays."""
        body = {
            "checkout_id": checkout_id,
            "buyer_info": {"buyer_id": buyer_id},
            "payment_orders": [vars(basket) for basket in baskets],
        }
        return self._call("POST", "/v1/payments", body, key=key)

    def payment(self, payment_order_id: str) -> Json:
        """Return where one payment order stands."""
        return self._call("GET", f"/v1/payments/{quote(payment_order_id, safe='')}")

    def report_delivery(self, *, payment_order_id: str, delivered_at: str) -> Json:
        """Report that an order was delivered, at an ISO 8601 instant with offset."""
        return self._call(
            "POST", "/v1/deliveries", {"payment_order_id": payment_order_id, "delivered_at": delivered_at}
        )

    def refund(self, *, payment_order_id: str, reason: str, key: str) -> Json:
        """Refund all that is left of a payment order."""
        return self._call("POST", "/v1/refunds", {"payment_order_id": payment_order_id, "reason": reason}, key=key)

    def _call(self, method: str, path: str, body: Json | None = None, *, key: str | None = None) -> Json:
        headers = {"Idempotency-Key": key} if key else {}
        sent = json.dumps(body).encode() if body is not None else None
        answer = self._browser.ask(method, self._base + path, body=sent, headers=headers)
        found: Json = json.loads(answer.text)
        if answer.status >= 400:
            raise ShopRefused(method=method, path=path, status=answer.status, problem=found)
        return found
