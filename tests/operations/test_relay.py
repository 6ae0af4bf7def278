"""A message leaves for the address that was looked at, and no answer costs more than it may."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from operations.edges import relay
from tests.operations.test_addresses import PUBLIC, resolving
from tests.shop_server import running


@pytest.fixture
def private(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True


@contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accept one connection, hand it to `talk`, and yield the address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        line, _ = listener.accept()
        with line:
            heard = line.recv(65_536)
            # To close a line with something unread is to cut it. A TLS greeting has no end that we could wait for.
            while heard[:4] == b"POST" and not heard.endswith(b"{}"):
                heard += line.recv(65_536)
            try:
                talk(line)
            except OSError:
                return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        thread.join(timeout=10)
        listener.close()


def send(url: str, **options: Any) -> relay.Delivery:
    return relay.send("test", url=url, body=b"{}", headers={}, **options)


class TestSend:
    def test_connects_to_the_address_that_was_looked_at_whatever_the_name_answers_next(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = resolving(monkeypatch, [PUBLIC], ["127.0.0.1"])
        reached: list[Any] = []

        def create_connection(address: Any, timeout: int) -> Any:
            reached.append(address)
            raise ConnectionRefusedError

        monkeypatch.setattr(socket, "create_connection", create_connection)

        answer = send("https://shop.example/hooks")

        assert (asked, reached) == (["shop.example"], [(PUBLIC, 443)])
        assert (answer.status, answer.detail) == (None, "no answer: ConnectionRefusedError")

    def test_sends_nothing_to_an_address_inside(self) -> None:
        with running() as server:
            answer = send(server.url)

            assert server.messages == []
        assert (answer.status, answer.accepted) == (None, False)

    def test_asks_for_the_host_by_its_name(self, private: None) -> None:
        with running() as server:
            url = server.url.replace("127.0.0.1", "localhost")

            assert send(url).accepted
            [(headers, _)] = server.messages
        assert headers["host"] == url.split("/")[2]

    def test_ends_after_its_time_however_slowly_the_answer_drips(self, private: None) -> None:
        def drip(line: socket.socket) -> None:
            for letter in b"HTTP/1.1 200 OK\r\n\r\n":
                line.sendall(bytes([letter]))
                time.sleep(0.25)

        with serving(drip) as url:
            began = time.monotonic()
            answer = send(url, timeout_s=1)

        assert time.monotonic() - began < 3
        assert answer.status is None

    def test_reads_no_more_of_an_answer_than_its_beginning(self, private: None) -> None:
        def flood(line: socket.socket) -> None:
            line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(100_000):
                line.sendall(b"x" * 65_536)

        with serving(flood) as url:
            began = time.monotonic()
            answer = send(url)

        assert time.monotonic() - began < 5
        assert (answer.status, answer.detail) == (200, "x" * 300)

    def test_keeps_no_card_number_that_an_answer_quotes(self, private: None) -> None:
        with serving(lambda line: line.sendall(b"HTTP/1.1 400 Bad\r\n\r\nno 4242 4242 4242 4242 here")) as url:
            answer = send(url)

        assert answer.detail == "no 424242…4242 here"

    @pytest.mark.parametrize("said", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 nonsense\r\n\r\n", b"\x16\x03\x01\x00"])
    def test_takes_garbage_for_no_answer(self, private: None, said: bytes) -> None:
        with serving(lambda line: line.sendall(said)) as url:
            answer = send(url)

        assert answer.status is None
        assert answer.detail.startswith("no answer: ")

    def test_trusts_no_certificate_that_nobody_vouches_for(self, private: None) -> None:
        with serving(lambda line: line.sendall(b"not TLS at all")) as url:
            answer = send(url.replace("http://", "https://"))

        assert answer.status is None
