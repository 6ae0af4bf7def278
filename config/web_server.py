"""The web server's worker: gunicorn's threads, and no queue that is longer than a client's patience.

A thread serves one request at a time, and what comes meanwhile waits. Under a spike that line grows without end:
everybody waits, clients give up and send again, and what is answered at last nobody wants any more. So a request that
finds the line too long is refused at once, before it costs anything: 503 with Retry-After, as RFC 9110 (15.6.4) has it.

Not everybody's line is equally long. The provider's webhooks are shed last: they are money that was paid. Then what
creates a payment; then everything else.
"""

import json
import selectors
import socket
import time
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

RETRY_AFTER_S = 2
# How many requests may wait for each of a process's threads, by what they are. At some 20 ms a request, 25 are half a
# second; a request that is refused costs a fiftieth of one that is served.
_ROOM = ((b"POST /webhooks/", 100), (b"POST /v1/payments ", 25), (b"GET /healthz", 100), (b"GET /readyz", 100))
_ROOM_OF_OTHERS = 15
# Enough of a request to tell what it is.
_PEEK = 64
# What is read of a refused request, so that closing the connection does not take the answer back.
_DRAIN = 64 * 1024
_BODY = json.dumps(
    {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "overloaded",
        "detail": f"More requests came than can be answered now: send the same request again in {RETRY_AFTER_S} s.",
        "retryable": True,
    }
).encode()
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
    b"Retry-After: %d\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (RETRY_AFTER_S, len(_BODY))
) + _BODY


class SheddingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serve requests with threads, as long as the line before them is short; refuse the rest at once."""

    def enqueue_req(self, conn: TConn) -> None:
        """Have a request served, or refuse it; called in the main thread, which must never wait."""
        waiting = self.tpool._work_queue.qsize() // self.cfg.threads
        if waiting < _ROOM_OF_OTHERS:
            super().enqueue_req(conn)
            return
        beginning = _peek(conn.sock)
        if beginning is None:
            # Connected, and nothing said yet: what it wants is seen when it speaks.
            self._listen(conn)
        elif waiting < _room(beginning):
            super().enqueue_req(conn)
        else:
            self._refuse(conn)

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
            conn.sock.send(REFUSAL)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            # It has gone by itself, or takes nothing: then it is not told.
            pass
        finally:
            conn.sock.close()


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


def _room(beginning: bytes) -> int:
    return next((room for start, room in _ROOM if beginning.startswith(start)), _ROOM_OF_OTHERS)
