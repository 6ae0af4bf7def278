"""Rate limits of the API: each key has its own, one for reading and one for writing.

Tokens are counted in PostgreSQL. A crowd that comes with one key must be refused faster than that: once PostgreSQL has
refused a key, this process refuses it by itself for a moment, in which no more tokens come than the key may save up.
"""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from operations.errors import DomainError
from operations.memory import ShortMemory
from operations.models import Storefront
from operations.rates import Rate, take

# Shorter than the shortest burst (API_BURST_SECONDS): what a key may ask is the same with it.
SPELL_MS = 200
# Refused keys as their requests show them, with the kind of request.
spells: ShortMemory[tuple[str, str]] = ShortMemory()


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
        kind = _kind(request)
        per_second: int = settings.API_RATES[kind]
        rate = Rate(per_second=per_second, burst=per_second * settings.API_BURST_S)
        wait = take(client=f"key:{request.auth}", kind=kind, rate=rate)
        if wait:
            spells.put((_shown(request), kind), for_ms=SPELL_MS)
            raise RateLimited(wait=wait)
        return True


def refused_by_now(request: HttpRequest) -> RateLimited | None:
    """Return the refusal of a request whose key was refused a moment ago, before anything is done for it."""
    shown = _shown(request)
    return RateLimited(wait=1) if shown and spells.left_ms((shown, _kind(request))) else None


def _shown(request: HttpRequest | Request) -> str:
    return str(request.META.get("HTTP_AUTHORIZATION", ""))


def _kind(request: HttpRequest | Request) -> str:
    return "read" if request.method in ("GET", "HEAD", "OPTIONS") else "write"
