"""A shop that has one of everything, for requests to every operation."""

import socket
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings

from operations.edges import relay
from tests.api.bodies import REFUND
from tests.api.stock import Stock
from tests.operations.test_addresses import PUBLIC
from tests.payments.dispute_steps import open_dispute
from tests.world import Shop, World

Request = tuple[str, bytes | None, dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A shop and what it has, by the names of the parameters in addresses."""

    shop: Shop
    known: dict[str, str]
    stock: Stock

    def send(self, method: str, request: Request) -> Any:
        """Send a request, in which `known-…` stands for what the shop has, and return the answer."""
        address, body, headers = request
        for name, value in self.known.items():
            address = address.replace(f"known-{name}", value)
            body = body and body.replace(f"known-{name}".encode(), value.encode())
        options = {} if body is None else {"data": body, "content_type": "application/json"}
        authorization = {"Authorization": f"Bearer {self.shop.api_key}"}
        return getattr(self.shop.client, method.lower())(address, headers={**authorization, **headers}, **options)


def set_stage(world: World, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Return a shop with ann and bob, a refund, a dispute, an open checkout, a reserved one, and an endpoint.

    It sold in euros, in dinars with their three decimals, and in yen with none.

    It may make more requests than any client should.
    """
    monkeypatch.setattr(settings, "API_RATES", {"read": 100_000, "write": 100_000})
    # Nor is it refused for the wrong keys that it tries.
    monkeypatch.setattr(settings, "API_UNAUTHORIZED_PER_MINUTE", 0)
    for seller in ("ann", "bob"):
        world.open_seller(seller)
    resolve = socket.getaddrinfo
    # No name of the outside is looked up, and nothing is sent there.
    outside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 443))]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: resolve(host, *rest, **more) if _near(host) else outside
    )
    monkeypatch.setattr(relay, "send", lambda name, **message: relay.Delivery(status=200, detail=""))
    world.sell("cart-1", {"ann": "10.00"})
    world.sell("cart-3", {"ann": "8.00"})
    # What the document's own examples speak of.
    world.sell("cart-1042", {"ann": "19.90"})
    dispute = open_dispute(world)
    world.deliver_goods("cart-1.ann")
    world.order("cart-2", {"ann": "7.00"})
    stock = Stock(world=world)
    for kind in ("reserved", "open", "paid-BHD", "paid-JPY"):
        stock.checkout(kind)
    endpoint = world.shop.post("/v1/webhook-endpoints", {"url": f"https://{PUBLIC}/hooks"}, key="endpoint")
    refund = world.shop.post("/v1/refunds", {**REFUND, "amount": "0.50"}, key="refund")
    event = world.shop.get("/v1/events").json()["data"][0]
    known = {
        "endpoint_id": endpoint.json()["id"],
        "refund_id": refund.json()["id"],
        "event_id": event["id"],
        "dispute_id": dispute.pk,
    }
    return Stage(shop=world.shop, known=known, stock=stock)


def _near(host: Any) -> bool:
    return str(host) == "localhost" or str(host)[:1].isdigit()
