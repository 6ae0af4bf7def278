"""What becomes of a connection whose request was answered before its body was read."""

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from config.embedded.processes import wait_until
from config.embedded.state import REPOSITORY
from sandbox.process import free_port
from tests.running.refusing_app import LIMIT
from tests.running.test_web_server import answers

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return where the web server listens, with an application that reads no more of a body than it takes."""
    port = free_port()
    argv = [sys.executable, "-m", "gunicorn", "tests.running.refusing_app:application", "--bind", f"127.0.0.1:{port}"]
    argv += ["-k", "config.web_server.SheddingWorker", "--workers", "1", "--threads", "2", "--no-control-socket"]
    argv += ["--graceful-timeout", "1", "--log-level", "error"]
    server = subprocess.Popen(argv, cwd=REPOSITORY, env=dict(os.environ))
    try:
        wait_until(lambda: answers(port), timeout_s=20)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.fixture
def line(port: int) -> Iterator[http.client.HTTPConnection]:
    """Return a client's connection that it keeps, and never opens again by itself."""
    made = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    made.connect()
    made.auto_open = 0
    yield made
    made.close()


def send(line: http.client.HTTPConnection, size: int) -> tuple[int, str | None]:
    """Send a request with a body of so many bytes; return the answer's status and what it says of the connection."""
    line.request("POST", "/v1/payments", body=b"x" * size)
    answer = line.getresponse()
    answer.read()
    return answer.status, answer.headers["Connection"]


class TestARequestThatIsRefused:
    @pytest.mark.parametrize("size", [LIMIT + 1, 400_000, 2_000_000, 12_000_000])
    def test_has_its_answer_and_ends_a_connection_that_says_so(
        self, line: http.client.HTTPConnection, size: int
    ) -> None:
        assert send(line, 10) == (200, "keep-alive")

        assert send(line, size) == (413, "close")
        with pytest.raises(http.client.NotConnected):
            send(line, 10)

    def test_says_so_of_a_large_one_that_was_read_too(self, line: http.client.HTTPConnection) -> None:
        assert send(line, LIMIT) == (200, "close")

    @pytest.mark.parametrize("size", [0, 60_000])
    def test_leaves_the_connection_to_the_next_one_where_it_was_not(
        self, line: http.client.HTTPConnection, size: int
    ) -> None:
        assert [send(line, size) for _ in range(3)] == [(200, "keep-alive")] * 3
