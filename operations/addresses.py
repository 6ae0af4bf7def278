"""Where messages may go: addresses that clients chose, and that must not lead into our own network.

A name is resolved once, all of its answers are looked at, and whoever connects does so to an address that was looked
at: a name that answers differently the next time leads nowhere.
"""

import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from operations.errors import DomainError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Resolving has no time limit of its own.
RESOLVE_S = 5
# What of IPv6 is given out to anybody: the rest leads to nobody, or into a network of one's own (site-local addresses,
# IPv4 in the forms of old), which Python calls global all the same.
_GIVEN_OUT = ipaddress.ip_network("2000::/3")
# Addresses that carry another one inside: to check only the outer one would be to check nothing. The last is the
# relay of 2002::/16.
_CARRIERS = tuple(map(ipaddress.ip_network, ("2002::/16", "2001::/32", "192.88.99.0/24")))
_resolver = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolve")


class AddressRefused(DomainError):
    """{url!r} cannot be an address for messages: {problem}"""

    code = "address_refused"
    parameter = "url"


@dataclass(frozen=True, kw_only=True)
class Target:
    """An address that was looked at: where to connect, and what to ask for there."""

    secure: bool
    host: str
    port: int
    ip: str
    path: str


def target_of(url: str) -> Target:
    """Return where a URL leads, resolved and looked at. Raises AddressRefused."""
    open_to_all = not settings.WEBHOOK_PRIVATE_ADDRESSES
    secure, host, port, path = _parts(url, strict=open_to_all)
    found = _resolve(url, host, port)
    if open_to_all and not all(is_public(address) for address in found):
        raise AddressRefused(url=url, problem="it leads into a network that is not public")
    return Target(secure=secure, host=host, port=port, ip=str(found[0]), path=path)


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet, and carries none that is not."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in _GIVEN_OUT:
            return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _CARRIERS)


def _parts(url: str, *, strict: bool) -> tuple[bool, str, int, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise AddressRefused(url=url, problem="it is not a URL") from error
    plain = url.isascii() and url.isprintable() and not set(url) & set(' \\"<>^`{|}')
    if not plain or not host or "@" in parts.netloc or parts.fragment:
        raise AddressRefused(url=url, problem="write it as https://host/path, without a log-in and without a fragment")
    if parts.scheme not in (("https",) if strict else ("https", "http")):
        raise AddressRefused(url=url, problem="it must begin with https://")
    if port == 0:
        raise AddressRefused(url=url, problem="there is no port 0")
    port = port or (443 if parts.scheme == "https" else 80)
    if strict and port != 443:
        raise AddressRefused(url=url, problem="only port 443 is reached")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme == "https", host, port, path


def _resolve(url: str, host: str, port: int) -> list[Address]:
    try:
        answers = _resolver.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(timeout=RESOLVE_S)
        found = [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]
    except (OSError, UnicodeError, TooSlow, ValueError) as error:
        raise AddressRefused(url=url, problem="its host has no address") from error
    if not found:
        raise AddressRefused(url=url, problem="its host has no address")
    return found
