"""Who was refused a moment ago is refused again before anything is done for the request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from config.problems import refusal
from operations.api.throttling import refused_by_now


class PatienceMiddleware:
    """Refuse at once whom the rate limit of the API has just refused: a crowd of them must cost next to nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Refuse the request, or serve it."""
        refused = refused_by_now(request)
        return refusal(refused) if refused else self._get_response(request)
