"""Our own identifiers: a prefix that names the thing, then 26 time-ordered base-32 characters.

Never 13 to 19 digits in a row, so that no id of ours can be mistaken for a card number by a scanner.
"""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


def new_id(prefix: str) -> str:
    """Return a new identifier such as `chk_06f4w8…`: 48 bits of milliseconds, then 80 random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    digits = [_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(digits)}"
