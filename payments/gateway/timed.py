"""How long a provider is waited for: connections whose answers come whole within the time, or not at all; and for how
long an answer asks us to leave it alone.

A socket's own limit is for each read: an answer that comes a drop at a time never meets it, and would hold its thread,
and its place among the calls under way, for as long as the other side likes.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from operations.edges.deadlines import WATCHDOG

# How many connections are kept for the next call; more are made where more is asked at once.
_CONNECTIONS = 16
# However long a provider asks us to wait, it is asked again after this.
_LONGEST_WAIT_S = 3600


class _Timed(urllib3.connection.HTTPConnection):
    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        """Read an answer. Raises urllib3's errors."""
        if self.sock is None:
            return super().getresponse()
        with WATCHDOG.within(int(self.timeout or 0), self.sock) as watch:
            answer = super().getresponse()
        if watch.over:
            # Cut within its head it reads like an answer without a body.
            raise TimeoutError("the answer did not come whole in time")
        return answer


class _TimedTls(_Timed, urllib3.connection.HTTPSConnection):
    pass


class _Plain(urllib3.HTTPConnectionPool):
    ConnectionCls = _Timed


class _Secure(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TimedTls


def timed_pool(*, timeout: tuple[int, int], ca_certs: str, proxy: str = "") -> urllib3.PoolManager:
    """Return connections with limits in seconds, to connect and for the whole answer, without retries of their own."""
    connect_s, read_s = timeout
    limits = urllib3.Timeout(connect=connect_s, read=read_s)
    pool = (
        urllib3.ProxyManager(proxy, maxsize=_CONNECTIONS, timeout=limits, retries=False, ca_certs=ca_certs)
        if proxy
        else urllib3.PoolManager(maxsize=_CONNECTIONS, timeout=limits, retries=False, ca_certs=ca_certs)
    )
    pool.pool_classes_by_scheme = {"http": _Plain, "https": _Secure}
    return pool


def proxy_for(url: str) -> str:
    """Return the proxy that the environment names for an address; nothing where it names none."""
    to, proxies = urlsplit(url), getproxies()
    if proxy_bypass(to.hostname or ""):
        return ""
    return proxies.get(to.scheme) or proxies.get("all", "")


def told_to_wait(headers: Mapping[str, str]) -> int | None:
    """Return the seconds that an answer's Retry-After asks for, an hour at most; None where it says nothing.

    RFC 9110 (10.2.3): a number of seconds, or the moment after which to come back, which is held against the
    answer's own date.
    """
    told = headers.get("Retry-After", "")
    if told.isascii() and told.isdigit():
        return min(int(told[:9]), _LONGEST_WAIT_S)
    try:
        wait = parsedate_to_datetime(told) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        # Neither, or one of them without its zone.
        return None
    return min(max(0, round(wait.total_seconds())), _LONGEST_WAIT_S)
