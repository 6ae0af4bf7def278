"""What the web server says to a request that it cannot read, of which no view ever hears."""

import http.client
import json
import socket

import pytest

from config.openapi import PROBLEM
from config.problems import TITLES
from config.web_server import UNSERVED
from tests.running.test_refused_bodies import port

__all__ = ["port"]

pytestmark = pytest.mark.timeout(60)

HOST = b"Host: pay.example\r\n"


def sent(port: int, text: bytes) -> tuple[http.client.HTTPResponse, bytes]:
    """Send so many bytes as they are; return the answer and its body."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(text)
        answer = http.client.HTTPResponse(line)
        answer.begin()
        return answer, answer.read()


class TestARequestThatCannotBeRead:
    @pytest.mark.parametrize(
        ("text", "status", "code"),
        [
            pytest.param(b"GET\r\n\r\n", 400, "bad_request", id="no request line"),
            pytest.param(b"\x16\x03\x01\x02\r\n\r\n", 400, "bad_request", id="TLS"),
            pytest.param(b"GET /v1/payments HTTP/2.0\r\n\r\n", 400, "bad_request", id="another version"),
            pytest.param(b"GET /v1/payments HTTP/1.1\r\nX A: 1\r\n\r\n", 400, "bad_request", id="bad header"),
            pytest.param(b"GET /v1/payments HTTP/1.1\r\n" + HOST * 2 + b"\r\n", 400, "bad_request", id="two hosts"),
            pytest.param(
                b"GET /v1/payments?x=" + b"y" * 5000 + b" HTTP/1.1\r\n\r\n", 414, "address_too_long", id="long address"
            ),
            pytest.param(
                b"POST /v1/payments HTTP/1.1\r\n" + HOST + b"Expect: a-miracle\r\nContent-Length: 2\r\n\r\n",
                417,
                "expectation_failed",
                id="expectation",
            ),
            pytest.param(
                b"GET /v1/payments HTTP/1.1\r\nX-A: " + b"y" * 9000 + b"\r\n\r\n", 431, "headers_too_large", id="long"
            ),
            pytest.param(
                b"GET /v1/payments HTTP/1.1\r\n" + b"X-A: 1\r\n" * 101 + b"\r\n", 431, "headers_too_large", id="many"
            ),
            pytest.param(
                b"POST /v1/payments HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: br\r\n\r\n",
                501,
                "not_implemented",
                id="coding",
            ),
        ],
    )
    def test_is_answered_by_a_problem_as_any_other(self, port: int, text: bytes, status: int, code: str) -> None:
        answer, body = sent(port, text)

        problem = json.loads(body)
        assert sorted(problem) == sorted(PROBLEM["required"])
        assert (answer.status, problem["status"], problem["code"]) == (status, status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["X-Request-Id"] == problem["request_id"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Connection"] == "close"

    def test_is_not_quoted_in_the_answer(self, port: int) -> None:
        _, body = sent(port, b"GET card-4242424242424242 HTTP/1.1\r\n\r\n")

        assert b"4242" not in body

    def test_has_the_titles_that_the_api_has(self) -> None:
        for status in (400, 500):
            assert UNSERVED[status][1] == TITLES[status]
