"""Rate limits of the API: each key has its own, one for reading and one for writing."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from operations.errors import DomainError
from operations.models import Storefront
from operations.rates import Rate, take


class RateLimited(DomainError):
    """Too many requests with this API key: try again in {wait} s."""

    code = "rate_limited"
    retryable = True


class ApiKeyThrottle(BaseThrottle):
    """Let a request through while its API key has tokens. Who has no key is refused elsewhere, and cheaply."""

    def allow_request(self, request: Request, view: object) -> bool:
        """Take a token. Raises RateLimited, which says how long to wait."""
        client: object = request.user
        if not isinstance(client, Storefront):
            return True
        kind = "read" if request.method in ("GET", "HEAD", "OPTIONS") else "write"
        per_second: int = settings.API_RATES[kind]
        rate = Rate(per_second=per_second, burst=per_second * settings.API_BURST_S)
        wait = take(client=f"key:{request.auth}", kind=kind, rate=rate)
        if wait:
            raise RateLimited(wait=wait)
        return True
