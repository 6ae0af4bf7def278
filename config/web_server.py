"""The web server's worker: gunicorn's threads, and no queue that is longer than a client's patience.

A thread serves one request at a time, and what comes meanwhile waits. Under a spike that line grows without end:
everybody waits, clients give up and send again, and what is answered at last nobody wants any more. So a request that
would wait too long, by how many are before it and how long one took of late, is refused at once, before it costs
anything: 503 with Retry-After, as RFC 9110 (15.6.4) has it.

Not everybody may wait equally long. The provider's webhooks are refused last: they are money that was paid. Then what
creates a payment; then everything else. A crowd that comes at once is served in time if it may wait; where the line
has not been short for a while, waiting helps nobody, and whoever comes now is told within a second.
"""

import json
import selectors
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from operations.ids import new_id

CODE = "overloaded"
RETRY_AFTER_S = 2
# For how many microseconds a request may wait in front of a thread, by how it begins: in a crowd, and under a load that
# lasts. Clients often give up after ten seconds, as we do with the provider; the request itself comes after this.
ALWAYS = (10_000_000, 10_000_000)
PATIENCE = {b"POST /webhooks/": ALWAYS, b"GET /healthz": ALWAYS, b"GET /readyz": ALWAYS}
PATIENCE[b"POST /v1/payments "] = (5_000_000, 1_000_000)
PATIENCE_OF_OTHERS = (1_500_000, 500_000)
# A line is short with this wait; a load lasts when it has not been for so many seconds.
_SHORT, _LASTING_S = 100_000, 3.0
# What a request is taken to need before one was measured, of how many the mean is kept, and by how much one may exceed
# it. Under a spike some are refused in a millisecond and some create a payment in fifty: all of that is the mean's.
_FIRST_GUESS, _LEAST, _MEMORY, _OUTLIER = 20_000, 1_000, 16, 20
# Enough of a request to tell what it is.
_PEEK = 64
# What is read of a refused request, so that closing the connection does not take the answer back.
_DRAIN = 64 * 1024
# A longer body ends its connection: what of it is left unread is more than is read for the sake of the next request.
_LARGE = 64 * 1024
# What is read of such a rest, and for how long: closed on a client that still sends, it takes the answer back.
_MOST_REST, _REST_S = 32 * 1024 * 1024, 5
DETAIL = f"More is asked than can be answered now: send the same request again in {RETRY_AFTER_S} s."
# What else is answered before any view sees it: status -> code, title, detail.
UNSERVED = {
    400: ("bad_request", "Bad request", "The request cannot be read: it is no HTTP/1.1, or a header is malformed."),
    414: ("address_too_long", "Address too long", "The address with its query has more than 4094 characters."),
    417: ("expectation_failed", "Expectation failed", "Of what a request may expect, only 100-continue is known here."),
    431: (
        "headers_too_large",
        "Headers too large",
        "There are more than 100 headers, or one has more than 8190 bytes.",
    ),
    500: ("internal", "Internal error", "Something went wrong here."),
    501: ("not_implemented", "Not implemented", "This transfer coding is not known here."),
}
_STATUSES: dict[type[Exception], int] = {
    errors.LimitRequestLine: 414,
    errors.ExpectationFailed: 417,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
}
# Of ours: what the application wanted to answer, and how this server is set up.
_OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName, errors.ConfigurationProblem)


class SheddingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serve requests with threads, as long as the line before them is short; refuse the rest at once."""

    patience = PATIENCE
    patience_of_others = PATIENCE_OF_OTHERS
    lasting_s: float = _LASTING_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._took = _FIRST_GUESS
        self._served = threading.local()
        self._was_short = time.monotonic()

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Serve a request, in a thread, and remember how long one takes.

        A thread's first one opens a connection to the database, and says nothing of the others: a process that has
        just begun would refuse a crowd that it serves in time.
        """
        began = time.monotonic_ns()
        large = is_large(req.headers)
        if large:
            # Whoever answers it before it was read, as a refusal does, leaves a rest that no next request can follow.
            req.force_close()
        try:
            return super().handle_request(req, conn)
        finally:
            if hasattr(self._served, "any"):
                self._took = learned(self._took, took=(time.monotonic_ns() - began) // 1000)
            self._served.any = True
            if large:
                _read_rest(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what no view can be asked about: a request that cannot be read, or a bug. The log has the rest."""
        request_id, ours = new_id("req"), isinstance(exc, _OURS) or not isinstance(exc, errors.ParseException)
        if ours:
            self.log.exception("request %s could not be served", request_id)
        else:
            self.log.warning("request %s from %s cannot be read: %s", request_id, addr, type(exc).__name__)
        status = 500 if ours else _STATUSES.get(type(exc), 400)
        with suppress(OSError):
            util.write_nonblock(client, _answer(status, *UNSERVED[status], request_id=request_id))

    def enqueue_req(self, conn: TConn) -> None:
        """Have a request served, or refuse it; called in the main thread, which must never wait."""
        wait = self.tpool._work_queue.qsize() * self._took // self.cfg.threads
        if wait < _SHORT:
            self._was_short = time.monotonic()
        lasting = time.monotonic() - self._was_short > self.lasting_s
        if wait < self.patience_of_others[lasting]:
            super().enqueue_req(conn)
            return
        beginning = _peek(conn.sock)
        if beginning is None:
            # Connected, and nothing said yet: what it wants is seen when it speaks.
            self._listen(conn)
        elif wait < self._patience(beginning)[lasting]:
            super().enqueue_req(conn)
        else:
            self._refuse(conn)

    def _patience(self, beginning: bytes) -> tuple[int, int]:
        found = (most for start, most in self.patience.items() if beginning.startswith(start))
        return next(found, self.patience_of_others)

    def _listen(self, conn: TConn) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _refuse(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.sock.setblocking(False)
        try:
            conn.sock.recv(_DRAIN)
            conn.sock.send(_refusal())
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            # It has gone by itself, or takes nothing: then it is not told.
            pass
        finally:
            conn.sock.close()


def is_large(headers: Iterable[tuple[str, str]]) -> bool:
    """Tell whether a request's body is a large one, or does not say."""
    told = {name.upper(): value for name, value in headers}
    return "TRANSFER-ENCODING" in told or int(told.get("CONTENT-LENGTH") or 0) > _LARGE


def _read_rest(conn: TConn) -> None:
    """Take what is left of a request that was answered, in a thread; its client may read only when it has sent all."""
    with suppress(OSError, errors.ParseException):
        conn.parser.finish_body(deadline=time.monotonic() + _REST_S, max_bytes=_MOST_REST)


def learned(mean: int, *, took: int) -> int:
    """Return what a request is taken to need, after one more, in microseconds; one that hung counts for no more."""
    return max(_LEAST, mean + (min(took, _OUTLIER * mean) - mean) // _MEMORY)


def _peek(line: Any) -> bytes | None:
    """Return how a request begins, without taking it; nothing where it has not come yet."""
    try:
        begun: bytes = line.recv(_PEEK, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        # Whoever serves it finds that out.
        return b""
    return begun


def _refusal() -> bytes:
    """Return the answer to who is refused."""
    wait = f"Retry-After: {RETRY_AFTER_S}\r\n"
    return _answer(503, CODE, "Not available now", DETAIL, wait, request_id=new_id("req"))


def _answer(status: int, code: str, title: str, detail: str, headers: str = "", *, request_id: str) -> bytes:
    """Return a problem as everywhere in the API (config/problems.py), with which the connection ends."""
    problem = {
        "type": f"urn:counterfoil:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
    }
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/problem+json\r\n{headers}"
        f"X-Request-Id: {request_id}\r\nCache-Control: no-store\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
