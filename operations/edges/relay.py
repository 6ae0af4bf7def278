"""Messages to storefronts: at least once, each with an id by which the receiver deduplicates.

The address is a client's choice, so nothing about it is trusted: it is looked at again before each message, the
connection goes to the very address that was looked at, no proxy and no redirect is followed, and neither the size of
the answer nor its slowness costs more than what is set here.
"""

import http.client
import socket
import ssl
import time
from dataclasses import dataclass
from functools import cache

import certifi

from operations.addresses import AddressRefused, Target, target_of
from operations.cards import mask_cards
from operations.edges.deadlines import WATCHDOG
from operations.edges.psp import CallInsideTransaction
from operations.edges.transactions import in_transaction
from operations.failpoints import hit

# What is read of an answer, in bytes, and kept of it, in characters.
_READ, _KEPT = 2_048, 300


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What came of one attempt: an HTTP status, or none where no answer came."""

    status: int | None
    detail: str
    milliseconds: int = 0
    retry_after_s: int | None = None

    @property
    def accepted(self) -> bool:
        """Tell whether the receiver took it: only 2xx counts, a redirect is a failure."""
        return self.status is not None and 200 <= self.status < 300


def send(name: str, *, url: str, body: bytes, headers: dict[str, str], timeout_s: int = 10) -> Delivery:
    """POST one message and report what the receiver said. Never raises for a receiver's failure."""
    if in_transaction():
        raise CallInsideTransaction(op=name)
    hit(f"relay.send:{name}:before")
    began = time.monotonic_ns()
    try:
        status, detail, wait = _post(target_of(url), body=body, headers=headers, timeout_s=timeout_s)
    except AddressRefused as error:
        status, detail, wait = None, f"not sent: {error.facts['problem']}", None
    except (OSError, http.client.HTTPException, ValueError) as error:
        status, detail, wait = None, f"no answer: {type(error).__name__}", None
    took = (time.monotonic_ns() - began) // 1_000_000
    delivery = Delivery(status=status, detail=detail, milliseconds=took, retry_after_s=wait)
    hit(f"relay.send:{name}:after")
    return delivery


def _post(target: Target, *, body: bytes, headers: dict[str, str], timeout_s: int) -> tuple[int, str, int | None]:
    line = socket.create_connection((target.ip, target.port), timeout=timeout_s)
    if target.secure:
        line = _tls().wrap_socket(line, server_hostname=target.host, do_handshake_on_connect=False)
    try:
        with WATCHDOG.within(timeout_s, line):
            if isinstance(line, ssl.SSLSocket):
                line.do_handshake()
            kind = http.client.HTTPSConnection if target.secure else http.client.HTTPConnection
            link = kind(target.host, target.port)
            link.sock = line
            link.request("POST", target.path, body=body, headers={**headers, "Connection": "close"})
            answer = link.getresponse()
            told = answer.headers.get("Retry-After", "")
            wait = min(int(told), 86_400) if told.isascii() and told.isdigit() and len(told) < 9 else None
            return answer.status, _beginning(answer), wait
    finally:
        line.close()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


def _beginning(answer: http.client.HTTPResponse) -> str:
    try:
        text = answer.read(_READ).decode("utf-8", errors="replace")
    except (OSError, http.client.HTTPException):
        # The status was the answer; nobody needs to wait for words.
        return ""
    readable = "".join(character if character.isprintable() else " " for character in text).strip()
    return mask_cards(readable)[:_KEPT]
