"""A clock for waits and limits: it only goes forward, whatever is done to the machine's time of day."""

import time


def now_ms() -> int:
    """Return the milliseconds since some moment in the past."""
    return time.monotonic_ns() // 1_000_000
