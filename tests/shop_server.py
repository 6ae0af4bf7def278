"""A storefront's own server: it keeps what it was told, and answers as the story says."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class ShopServer(HTTPServer):
    """Listens on a port of this machine, and answers every POST alike."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = 204
        self.headers: dict[str, str] = {}
        self.body = b""
        self.messages: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        """Return the address that it listens at."""
        return f"http://127.0.0.1:{self.server_address[1]}/hooks"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        shop: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        shop.messages.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(shop.answer)
        for name, value in shop.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(shop.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output quiet."""


@contextmanager
def running() -> Iterator[ShopServer]:
    """Run a shop's server for the block."""
    server = ShopServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
