"""The storefront is told what happened, by signed messages, at least once."""

import base64
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from operations.models import Storefront
from payments.models import Seller, StorefrontEvent
from payments.services.events import sign
from tests.world import World

SECRET = "whsec_" + base64.b64encode(b"a shop's secret of enough bytes.").decode()


class ShopServer(HTTPServer):
    """A storefront's own server: it keeps what it was told, and answers as the story says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ShopHandler)
        self.answer = 204
        self.messages: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hooks"


class ShopHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        shop: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        shop.messages.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(shop.answer)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def shop_server(world: World) -> Iterator[ShopServer]:
    """The shop's server, registered as the storefront's address for events."""
    server = ShopServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Storefront.objects.filter(slug=world.shop.slug).update(event_url=server.url, event_secret=SECRET)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class TestTell:
    def test_sends_a_signed_message_when_a_payment_succeeds(
        self, world: World, ann: Seller, shop_server: ShopServer
    ) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        [(headers, body)] = shop_server.messages
        message = json.loads(body)
        assert (message["type"], message["data"]["checkout_id"]) == ("payment.succeeded", "cart-1")
        assert message["data"]["payment_orders"] == [{"payment_order_id": "cart-1.ann", "status": "SUCCESS"}]
        stamp = int(headers["webhook-timestamp"])
        assert headers["webhook-signature"] == sign(
            secret=SECRET, event_id=headers["webhook-id"], stamp=stamp, body=body
        )

    def test_tells_nothing_to_a_shop_that_gave_no_address(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        assert StorefrontEvent.objects.count() == 0


class TestSendEvent:
    @pytest.mark.parametrize("refusal", [500, 302, 404])
    def test_sends_again_under_the_same_id_until_the_shop_takes_it(
        self, world: World, ann: Seller, shop_server: ShopServer, refusal: int
    ) -> None:
        shop_server.answer = refusal
        world.sell("cart-1", {"ann": "100.00"})
        assert StorefrontEvent.objects.get().delivered_at is None

        shop_server.answer = 204
        world.work(later=timedelta(minutes=1))

        assert StorefrontEvent.objects.get().delivered_at is not None
        assert len({headers["webhook-id"] for headers, _ in shop_server.messages}) == 1
        assert len(shop_server.messages) == 2


class TestSign:
    def test_makes_the_signature_of_the_standards_own_test_vector(self) -> None:
        signature = sign(
            secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
            stamp=1614265330,
            body=b'{"test": 2432232314}',
        )

        assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
