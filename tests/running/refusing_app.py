"""A WSGI application that takes bodies as the API does: it reads one byte more than it takes, and refuses the rest."""

from collections.abc import Callable, Iterable
from typing import Any

LIMIT = 300_000


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer 413 to a body that is too large, and 200 to others."""
    too_large = len(environ["wsgi.input"].read(LIMIT + 1)) > LIMIT
    status = "413 Content Too Large" if too_large else "200 OK"
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"done"]
