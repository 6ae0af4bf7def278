"""One provider process for all tests here, emptied before each; a shop that talks to it; an inbox for its webhooks."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from sandbox.control import SandboxControl
from sandbox.process import RunningProvider, free_port, start
from sandbox.storefront.buyer import Buyer, PaymentOutcome

Json = dict[str, Any]
KEY = "sk_test_shop"


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProvider]:
    folder: Path = tmp_path_factory.mktemp("provider")
    provider = start(port=free_port(), store=folder / "provider.sqlite3").wait_ready()
    yield provider
    provider.stop()


@pytest.fixture
def control(running: RunningProvider) -> SandboxControl:
    fate = running.control
    fate.reset()
    return fate


class Shop:
    """A merchant with the official SDK, a plain HTTP client, and a buyer."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.v1 = stripe.StripeClient(KEY, base_addresses={"api": base_url}).v1
        self.buyer = Buyer()

    def raw(self, method: str, path: str, data: Any = None, **headers: str) -> requests.Response:
        """Call the API without the SDK."""
        sent = {"Authorization": f"Bearer {KEY}", **{name.replace("_", "-"): text for name, text in headers.items()}}
        return requests.request(method, self.base_url + path, data=data, headers=sent, timeout=10)

    def session(self, *, amount: int = 10_000, currency: str = "usd", **extra: Any) -> Any:
        line = {"currency": currency, "unit_amount": amount, "product_data": {"name": "Oak chair"}}
        params: Any = {
            "mode": "payment",
            "line_items": [{"price_data": line, "quantity": 1}],
            "success_url": "https://shop.example/paid?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/cart",
            "client_reference_id": "order-1",
            "payment_intent_data": {"metadata": {"order": "1"}, "transfer_group": "order-1"},
            **extra,
        }
        return self.v1.checkout.sessions.create(params=params)

    def pay(self, session: Any, **how: Any) -> PaymentOutcome:
        return self.buyer.pay(url=session.url, **how)

    def look(self, session: Any) -> Any:
        """Fetch a session with its payment expanded."""
        expand = ["payment_intent.latest_charge.balance_transaction"]
        return self.v1.checkout.sessions.retrieve(session.id, params={"expand": expand})

    def paid(self, *, card: str = "4242424242424242", **extra: Any) -> Any:
        """Sell something and return the expanded payment intent."""
        session = self.session(**extra)
        assert self.pay(session, card=card).status == "paid"
        return self.look(session).payment_intent

    def seller(self, **extra: Any) -> Any:
        params: Any = {"country": "US", "capabilities": {"transfers": {"requested": True}}, **extra}
        return self.v1.accounts.create(params=params)

    def events(self, **params: Any) -> list[str]:
        """Return the types of the events so far, oldest first."""
        asked: Any = {"limit": 100, **params}
        found = self.v1.events.list(params=asked).data
        return [event.type for event in reversed(found)]


@pytest.fixture
def shop(running: RunningProvider, control: SandboxControl) -> Shop:
    return Shop(running.base_url)


class Inbox:
    """A webhook endpoint: keeps what arrives and answers with the next planned status."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                inbox.received.append((dict(self.headers.items()), body))
                self.send_response(inbox.statuses.pop(0) if inbox.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def events(self) -> list[Json]:
        return [json.loads(body) for _, body in self.received]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    box = Inbox()
    yield box
    box.close()


def eventually(condition: Callable[[], Any], *, within_s: float = 5) -> Any:
    """Return the first true value of a condition, polled until the time is over."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return value


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., Any]:
    return eventually
