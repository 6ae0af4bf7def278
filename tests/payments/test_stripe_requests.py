"""The way to Stripe: one request a call, and what the network does to it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import stripe

from payments.gateway.stripe_requests import ListeningClient
from tests.shop_server import ShopServer, running

HEADERS = {"Authorization": "Bearer sk_test_ours", "Content-Type": "application/x-www-form-urlencoded"}
FORM = "mode=payment"


@pytest.fixture
def server() -> Iterator[ShopServer]:
    """Whatever answers at the other end."""
    with running() as shop:
        shop.answer, shop.body = 200, b'{"object": "checkout.session"}'
        shop.headers = {"Request-Id": "req_theirs", "Content-Length": str(len(shop.body))}
        yield shop


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what the environment of the machine says."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextmanager
def dripping(told: bytes) -> Iterator[str]:
    """Run a server that answers so, and then goes on a byte at a time for as long as somebody listens."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = listener.accept()
        with line, suppress(OSError):
            line.recv(65_536)
            line.sendall(told)
            while not over.wait(0.1):
                line.sendall(b"x")

    over = threading.Event()
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        over.set()
        thread.join()
        listener.close()


def client(*, read_s: int = 5) -> ListeningClient:
    """Return a client as the adapter makes it."""
    return ListeningClient(timeout=(1, read_s))


class TestARequest:
    def test_carries_what_the_sdk_says_and_brings_back_the_answer(self, server: ShopServer) -> None:
        content, status, headers = client().request("post", server.url, HEADERS, FORM)

        [(sent, body)] = server.messages
        assert (content, status, headers["request-id"]) == (server.body, 200, "req_theirs")
        assert (sent["authorization"], body) == ("Bearer sk_test_ours", b"mode=payment")

    def test_is_not_sent_on_to_where_a_redirect_points(self, server: ShopServer) -> None:
        with running() as elsewhere:
            server.answer, server.headers["Location"] = 307, elsewhere.url

            _, status, _ = client().request("post", server.url, HEADERS, FORM)

            assert (status, elsewhere.messages) == (307, [])

    def test_carries_no_password_that_the_machine_keeps_for_the_host(
        self, server: ShopServer, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
        monkeypatch.setenv("HOME", str(tmp_path))

        client().request("post", server.url, HEADERS, FORM)

        assert server.messages[0][0]["authorization"] == "Bearer sk_test_ours"

    def test_is_made_once_where_nobody_answers(self, server: ShopServer) -> None:
        server.headers["Content-Length"] = "1000"

        with pytest.raises(stripe.APIConnectionError, match="no answer from Stripe"):
            client(read_s=1).request("post", server.url, HEADERS, FORM)

        assert len(server.messages) == 1

    @pytest.mark.parametrize(
        "told", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"]
    )
    def test_ends_in_time_where_the_answer_comes_a_drop_at_a_time(self, told: bytes) -> None:
        with dripping(told) as url:
            began = time.monotonic()

            with pytest.raises(stripe.APIConnectionError, match="no answer from Stripe"):
                client(read_s=1).request("get", url, HEADERS)

            assert time.monotonic() - began < 6

    def test_says_so_where_nobody_is_there(self, server: ShopServer) -> None:
        server.server_close()

        with pytest.raises(stripe.APIConnectionError, match="no answer from Stripe"):
            client().request("post", server.url, HEADERS, FORM)

    def test_goes_through_the_proxy_that_the_environment_names(
        self, server: ShopServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", server.url)

        content, _, _ = client().request("post", "http://api.stripe.invalid/v1/checkout/sessions", HEADERS, FORM)

        [(sent, _)] = server.messages
        assert (content, sent["host"]) == (server.body, "api.stripe.invalid")
