"""What the web server does when more comes than it can answer."""

import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from config.embedded.processes import wait_until
from config.embedded.state import REPOSITORY
from config.openapi import PROBLEM
from config.problems import TITLES
from config.web_server import learned
from sandbox.process import free_port

pytestmark = pytest.mark.timeout(60)

WEBHOOK, PAYMENT, LIST = "POST /webhooks/stripe", "POST /v1/payments", "GET /v1/payments"


class Crowd:
    """Clients that each sent one request, and what they have been told so far."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._answers: dict[socket.socket, bytes] = {}
        self._what: dict[socket.socket, str] = {}
        self._selector = selectors.DefaultSelector()

    def send(self, request: str, times: int) -> None:
        """Send a request from so many connections of their own."""
        for _ in range(times):
            line = self.silent()
            line.sendall(self.text_of(request))
            self._answers[line], self._what[line] = b"", request
            self._selector.register(line, selectors.EVENT_READ)

    def silent(self) -> socket.socket:
        """Connect, and say nothing."""
        return socket.create_connection(("127.0.0.1", self._port), timeout=20)

    def text_of(self, request: str) -> bytes:
        """Return a whole request."""
        return f"{request} HTTP/1.1\r\nHost: pay.example\r\nContent-Length: 2\r\n\r\n{{}}".encode()

    def told(self, request: str, status: int) -> list[bytes]:
        """Return the answers with a status to one kind of request."""
        self._read()
        start = f"HTTP/1.1 {status} ".encode()
        return [text for line, text in self._answers.items() if self._what[line] == request and text.startswith(start)]

    def unanswered(self) -> int:
        """Return how many still wait."""
        self._read()
        return sum(not text for text in self._answers.values())

    def _read(self) -> None:
        for key, _ in self._selector.select(timeout=0.01):
            line = key.fileobj
            assert isinstance(line, socket.socket)
            with suppress(ConnectionResetError):
                if text := line.recv(65_536):
                    self._answers[line] += text
                    continue
            self._selector.unregister(line)
            line.close()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "open"


@pytest.fixture
def lasting_s() -> str:
    """Return after how many seconds with a line the server takes a load for one that lasts."""
    return "60"


@pytest.fixture
def crowd(gate: Path, lasting_s: str) -> Iterator[Crowd]:
    """Return clients of a server with one thread, which serves one of them and is not done while the gate is shut."""
    port = free_port()
    argv = [sys.executable, "-m", "gunicorn", "tests.running.slow_app:application", "--bind", f"127.0.0.1:{port}"]
    argv += ["-k", "tests.running.slow_app.ImpatientWorker", "--workers", "1", "--threads", "1", "--no-control-socket"]
    argv += ["--graceful-timeout", "1", "--log-level", "error"]
    settings = {"SLOW_APP_GATE": str(gate), "SLOW_APP_LASTING_S": lasting_s}
    server = subprocess.Popen(argv, cwd=REPOSITORY, env=os.environ | settings)
    try:
        wait_until(lambda: answers(port), timeout_s=20)
        found = Crowd(port)
        found.send(LIST, 1)
        wait_until(gate.with_name("busy").exists, timeout_s=20)
        yield found
    finally:
        gate.touch()
        server.terminate()
        server.wait(timeout=20)


def open_and_shut_again(crowd: Crowd, gate: Path) -> None:
    """Let all be served who wait, and then one more begin that is not done."""
    busy = gate.with_name("busy")
    gate.touch()
    wait_until(lambda: crowd.unanswered() == 0, timeout_s=20)
    gate.unlink()
    busy.unlink()
    crowd.send(LIST, 1)
    wait_until(busy.exists, timeout_s=20)


def answers(port: int) -> bool:
    """Tell whether somebody listens."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


class TestASpike:
    def test_is_refused_once_the_line_is_long_and_all_that_was_accepted_is_answered(
        self, crowd: Crowd, gate: Path
    ) -> None:
        crowd.send(LIST, 39)
        # One is being served, fifteen wait.
        wait_until(lambda: len(crowd.told(LIST, 503)) == 24, timeout_s=10)

        # What creates payments may wait behind more, and webhooks behind many.
        crowd.send(PAYMENT, 30)
        wait_until(lambda: len(crowd.told(PAYMENT, 503)) == 20, timeout_s=10)
        crowd.send(WEBHOOK, 20)
        gate.touch()
        wait_until(lambda: crowd.unanswered() == 0, timeout_s=20)

        done = [len(crowd.told(each, 200)) for each in (LIST, PAYMENT, WEBHOOK)]
        assert done == [16, 10, 20]

    def test_is_told_as_a_problem_when_to_come_back(self, crowd: Crowd) -> None:
        crowd.send(LIST, 39)
        wait_until(lambda: len(crowd.told(LIST, 503)) == 24, timeout_s=10)

        head, _, body = crowd.told(LIST, 503)[0].partition(b"\r\n\r\n")
        assert b"Content-Type: application/problem+json" in head
        assert b"Retry-After: 2" in head
        problem = json.loads(body)
        assert sorted(problem) == sorted(PROBLEM["required"])
        assert (problem["status"], problem["code"], problem["title"]) == (503, "overloaded", TITLES[503])
        assert f"X-Request-Id: {problem['request_id']}".encode() in head

    def test_costs_nobody_who_comes_after_it(self, crowd: Crowd, gate: Path) -> None:
        crowd.send(LIST, 39)
        wait_until(lambda: len(crowd.told(LIST, 503)) == 24, timeout_s=10)
        gate.touch()
        wait_until(lambda: crowd.unanswered() == 0, timeout_s=20)

        crowd.send(LIST, 1)

        wait_until(lambda: len(crowd.told(LIST, 200)) == 17, timeout_s=10)


@pytest.mark.parametrize("lasting_s", ["0.3"])
class TestALoadThatLasts:
    def test_lets_fewer_wait_but_every_webhook(self, crowd: Crowd, gate: Path) -> None:
        crowd.send(LIST, 7)
        since = time.monotonic()
        wait_until(lambda: time.monotonic() > since + 0.5, timeout_s=5)

        # Eight may wait by now of what fifteen may of a crowd, and seven do.
        crowd.send(LIST, 10)
        wait_until(lambda: len(crowd.told(LIST, 503)) == 9, timeout_s=10)
        crowd.send(PAYMENT, 10)
        wait_until(lambda: len(crowd.told(PAYMENT, 503)) == 8, timeout_s=10)
        crowd.send(WEBHOOK, 20)
        gate.touch()
        wait_until(lambda: crowd.unanswered() == 0, timeout_s=20)

        assert [len(crowd.told(each, 200)) for each in (LIST, PAYMENT, WEBHOOK)] == [9, 2, 20]

    def test_is_over_once_the_line_was_short(self, crowd: Crowd, gate: Path) -> None:
        crowd.send(LIST, 7)
        since = time.monotonic()
        wait_until(lambda: time.monotonic() > since + 0.5, timeout_s=5)
        open_and_shut_again(crowd, gate)

        crowd.send(LIST, 15)
        gate.touch()
        wait_until(lambda: crowd.unanswered() == 0, timeout_s=20)

        assert len(crowd.told(LIST, 503)) == 0


class TestWhatIsLearned:
    def test_is_how_long_a_request_takes_of_late(self) -> None:
        mean = 20_000
        for _ in range(100):
            mean = learned(mean, took=80_000)

        assert 70_000 < mean <= 80_000

    def test_is_the_mean_where_most_are_refused_in_no_time(self) -> None:
        mean = 20_000
        for number in range(400):
            mean = learned(mean, took=50_000 if number % 5 == 0 else 1_000)

        assert 8_000 < mean < 14_000

    def test_is_moved_little_by_one_that_hung(self) -> None:
        assert learned(20_000, took=10_000_000) < 50_000

    def test_is_nothing_from_a_threads_first_one_which_opens_its_connections(self, crowd: Crowd, gate: Path) -> None:
        busy = gate.with_name("busy")
        wait_until(lambda: time.time() - busy.stat().st_mtime > 0.5, timeout_s=10)
        open_and_shut_again(crowd, gate)

        crowd.send(LIST, 38)

        # As many may wait as before: fifteen.
        wait_until(lambda: len(crowd.told(LIST, 503)) == 23, timeout_s=10)
        gate.touch()
        wait_until(lambda: crowd.unanswered() == 0, timeout_s=20)
        assert len(crowd.told(LIST, 200)) == 17


class TestAConnection:
    def test_that_says_nothing_yet_is_judged_when_it_speaks(self, crowd: Crowd, gate: Path) -> None:
        crowd.send(LIST, 39)
        wait_until(lambda: len(crowd.told(LIST, 503)) == 24, timeout_s=10)

        with crowd.silent() as line:
            crowd.send(LIST, 1)
            wait_until(lambda: len(crowd.told(LIST, 503)) == 25, timeout_s=10)
            line.sendall(crowd.text_of(WEBHOOK))
            gate.touch()

            assert line.recv(100).startswith(b"HTTP/1.1 200 OK")
