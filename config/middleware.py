"""What every request begins with: a connection to the database that is there, and a name that its log lines have."""

import re
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from operations.cards import looks_like_card_number
from operations.database import close_ended_connections
from operations.ids import new_id

_ACCEPTABLE = re.compile(r"[A-Za-z0-9_.\-]{8,64}\Z")
request_id: ContextVar[str] = ContextVar("request_id", default="-")


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
