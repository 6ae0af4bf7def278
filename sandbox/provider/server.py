"""A small HTTP/1.1 server: a thread for each connection, one write for each answer, cuts on demand.

A thread per connection in one process is on purpose: a fault may hang an answer for minutes without starving
the others, a cut connection needs the bare socket, and a killed process leaves no worker behind.
"""

import logging
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from sandbox.provider.errors import ConnectionCut

log = logging.getLogger("sandbox.provider")

MAX_BODY_BYTES = 1_048_576
# A file may be larger than anything else that is sent: five megabytes, and the form around it.
MAX_FILE_BYTES = 6 * 1_048_576
_IDLE_S = 120
_FAILED = b'{"error": {"type": "api_error", "message": "The stand-in provider failed: read its log."}}'


@dataclass(frozen=True)
class Request:
    """What came over the wire; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def base_url(self) -> str:
        """Return the address under which the client reached this server."""
        return "http://" + self.headers.get("host", "localhost")


@dataclass(frozen=True)
class Reply:
    """What goes back; `send_bytes` cuts the body short and closes the connection."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    send_bytes: int | None = None


Answer = Callable[[Request], Reply]


class Server(ThreadingHTTPServer):
    """Listen on an address and answer every request with one function."""

    daemon_threads = True
    # a stopping provider waits for no hanging fault
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], answer: Answer) -> None:
        """Bind at once.

        Raises OSError when the port is taken.
        """
        self.answer = answer
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that went away, but everything about a fault of this program."""
        level = logging.DEBUG if isinstance(sys.exception(), OSError) else logging.ERROR
        log.log(level, "connection from %s ended early", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_S
    server: Server

    def __getattr__(self, name: str) -> Callable[[], None]:
        # the base class looks for do_GET, do_POST and so on; the router decides about methods
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        started = time.perf_counter()
        body = self._read_body()
        if body is None:
            return
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, url.path, url.query, headers, body)
        try:
            reply = self.server.answer(request)
        except ConnectionCut as cut:
            log.info("%s %s cut after %s s", self.command, url.path, cut.hang_s)
            time.sleep(cut.hang_s)
            self._cut()
            return
        except Exception:
            # the edge of the process: whoever waits for an answer must get one
            log.exception("%s %s failed", self.command, url.path)
            reply = Reply(500, _FAILED)
        self._send(reply)
        log.info("%s %s %s %.1f ms", self.command, url.path, reply.status, (time.perf_counter() - started) * 1000)

    def _read_body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > self._longest():
            self.close_connection = True
            self._send(Reply(413, b"Send a body of at most 1 MiB with a Content-Length.", "text/plain"))
            return None
        return self.rfile.read(int(length))

    def _longest(self) -> int:
        return MAX_FILE_BYTES if urlsplit(self.path).path == "/v1/files" else MAX_BODY_BYTES

    def _send(self, reply: Reply) -> None:
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines.append(f"Content-Type: {reply.content_type}")
        lines.append(f"Content-Length: {len(reply.body)}")
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if self.close_connection:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        body = b"" if self.command == "HEAD" else reply.body
        if reply.send_bytes is None:
            # one write: two would wait for each other's acknowledgement
            self.wfile.write(head + body)
        else:
            self.wfile.write(head + body[: reply.send_bytes])
            self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            log.debug("the client had gone already")

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)
