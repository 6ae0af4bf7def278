"""Limits for who shows no living API key: guessing keys is slow, and costs us little.

Each refusal (401) takes a token of the client's address, from a bucket in PostgreSQL. Once it is empty, this process
answers 429 to that address without looking any key up, for as long as PostgreSQL said. A key that was let in from the
same address before goes on being let in: whoever shares an address with a guesser, or sits behind the same proxy, is
not locked out by them.
"""

from decimal import Decimal
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from operations.api.throttling import RateLimited
from operations.memory import ShortMemory
from operations.rates import Rate, take

KIND = "unauthorized"
_KNOWN_FOR_MS = 3_600_000


class Memory:
    """What one process remembers of addresses: for how long they wait, and which keys were let in from them."""

    def __init__(self) -> None:
        self._waits: ShortMemory[str] = ShortMemory()
        self._known: ShortMemory[tuple[str, str]] = ShortMemory()

    def wait_s(self, address: str, secret: str) -> int:
        """Return how many seconds an address has to wait with this key; zero where it need not."""
        left = self._waits.left_ms(address)
        return left // 1000 + 1 if left and not self._known.left_ms((address, secret)) else 0

    def refuse(self, address: str, wait_s: int) -> None:
        """Have an address wait."""
        self._waits.put(address, for_ms=wait_s * 1000)

    def let_in(self, address: str, secret: str) -> None:
        """Remember that a key is good at an address."""
        self._known.put((address, secret), for_ms=_KNOWN_FOR_MS)

    def clear(self) -> None:
        """Forget everything."""
        self._waits.clear()
        self._known.clear()


memory = Memory()


def require_patience(request: Request, digest: str) -> None:
    """Refuse an address that has guessed too often, before a key is looked up. Raises RateLimited."""
    wait = memory.wait_s(address_of(request), digest)
    if wait:
        raise RateLimited(wait=wait)


def refused(request: Request) -> None:
    """Count a request that showed no living key. Raises RateLimited where there were too many from its address."""
    per_minute: int = settings.API_UNAUTHORIZED_PER_MINUTE
    if not per_minute:
        return
    address = address_of(request)
    rate = Rate(per_second=Decimal(per_minute) / 60, burst=settings.API_UNAUTHORIZED_BURST)
    wait = take(client=f"ip:{address}", kind=KIND, rate=rate)
    if wait:
        memory.refuse(address, wait)
        raise RateLimited(wait=wait)


def let_in(request: Request, digest: str) -> None:
    """Remember that a key is good at the request's address."""
    memory.let_in(address_of(request), digest)


def address_of(request: HttpRequest | Request) -> str:
    """Return whose request it is: an IPv4 address, or the /64 of an IPv6 address.

    Behind a proxy (`TRUST_PROXY`) it is what our proxy added last to X-Forwarded-For; what stands before that, a
    client can write. Without the setting the header means nothing.
    """
    shown = str(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUST_PROXY:
        shown = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip() or shown
    try:
        found = ip_address(shown)
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ip_network(f"{found.compressed.partition('%')[0]}/64", strict=False))
    return str(found)
