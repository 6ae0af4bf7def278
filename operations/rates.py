"""Rate limits: a bucket of tokens for each client and kind of request, kept in PostgreSQL.

Each request takes one token; the bucket fills again at the kind's rate, up to what a burst may take. One statement
does both under the row's lock, on the database's clock, so that it is right across any number of processes. The table
is unlogged: it costs no flush, and after a crash of the database all buckets are full, which harms nobody.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.conf import settings

from operations import database
from operations.prepared import call_prepared, prepared

# No bucket is forgotten that was used within so many seconds.
_UNUSED_S = 3600


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How many requests a second go on for ever, and how many may come at once."""

    per_second: int | Decimal
    burst: int


def take(*, client: str, kind: str, rate: Rate) -> int:
    """Take one token. Returns 0, or how many seconds to wait where there is none."""
    statement = prepared("operations", "take_token")
    [wait_s] = call_prepared(statement, [client, kind, rate.per_second, rate.burst])
    return int(wait_s)


def forget() -> int:
    """Delete the buckets that are full again, which say nothing; return how many they were.

    Each address from which somebody ever came without a key has one, and there is no end of addresses.
    """
    slowest_s = settings.API_UNAUTHORIZED_BURST * 60 // (settings.API_UNAUTHORIZED_PER_MINUTE or 1)
    full_after = timedelta(seconds=max(_UNUSED_S, settings.API_BURST_S, slowest_s))
    return database.execute(database.queries("operations")["forget_buckets"], {"full_after": full_after})
