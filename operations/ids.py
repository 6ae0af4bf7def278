"""Our own identifiers: a prefix that names the thing, then 26 time-ordered base-32 characters.

Never 13 to 19 digits in a row, so that no id of ours can be mistaken for a card number by a scanner.
"""

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """Return a new identifier such as `chk_06f4w8…`: 48 bits of milliseconds, then 80 random bits.

    Greater than every one that this process made before, also within a millisecond: what was made in an order can
    be read back in it.
    """
    value = _next(time.time_ns() // 1_000_000)
    digits = [_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(digits)}"


def _next(milliseconds: int) -> int:
    global _last
    with _lock:
        value = milliseconds << 80 | secrets.randbits(80)
        # A random step, so that the next one cannot be guessed from this one.
        _last = value if value > _last else _last + 1 + secrets.randbits(64)
        return _last
