"""Rate limits: a bucket of tokens for each client and kind of request, kept in PostgreSQL.

Each request takes one token; the bucket fills again at the kind's rate, up to what a burst may take. One statement
does both under the row's lock, on the database's clock, so that it is right across any number of processes. The table
is unlogged: it costs no flush, and after a crash of the database all buckets are full, which harms nobody.
"""

from dataclasses import dataclass
from decimal import Decimal

from operations.prepared import call_prepared, prepared


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
