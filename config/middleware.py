"""What every request begins and ends with.

A connection to the database that is there, a name that its log lines have, and what a browser or a cache may do with
the answer.
"""

import re
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from operations.cards import looks_like_card_number
from operations.database import close_ended_connections
from operations.ids import new_id

_ACCEPTABLE = re.compile(r"[A-Za-z0-9_.\-]{8,64}\Z")
request_id: ContextVar[str] = ContextVar("request_id", default="-")

_NOTHING = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
# The console's: nothing from elsewhere, no script that a page itself holds, no frame and no plugin. Its framework keeps
# its expressions in attributes and evaluates them (Alpine), and Django's and its widgets have styles of their own.
_PAGE = (
    f"{_NOTHING}; form-action 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self'; connect-src 'self'"
)


class ConnectionMiddleware:
    """Begin each request without the connections that the server has ended since the last one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request."""
        close_ended_connections()
        return self._get_response(request)


class RequestIdMiddleware:
    """Take the client's X-Request-Id where it is harmless, otherwise make one; put it on logs and the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request under its name."""
        given = request.headers.get("X-Request-Id", "")
        harmless = _ACCEPTABLE.match(given) and not looks_like_card_number(given)
        token = request_id.set(given if harmless else new_id("req"))
        try:
            response = self._get_response(request)
            response["X-Request-Id"] = request_id.get()
            return response
        finally:
            request_id.reset(token)


class ContentPolicyMiddleware:
    """Tell browsers what an answer may load and run; views whose pages need less, or more, say so themselves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request under a policy."""
        response = self._get_response(request)
        html = response.get("Content-Type", "").startswith("text/html")
        response.setdefault("Content-Security-Policy", _PAGE if html else _NOTHING)
        return response


class NoCacheMiddleware:
    """Have no cache keep an answer that does not say for how long: money is asked about to know how it stands now."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request, for the one who sent it alone."""
        response = self._get_response(request)
        response.setdefault("Cache-Control", "no-store")
        return response
