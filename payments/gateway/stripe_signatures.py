"""Whether a webhook was signed by Stripe, with a secret of ours, within five minutes of now."""

from collections.abc import Iterable
from datetime import datetime

import stripe

# Either way.
TOLERANCE_S = 300


def is_signed(payload: bytes, signature: str, *, secrets: Iterable[str], now: datetime) -> bool:
    """Tell whether one of our secrets signed a webhook lately. The SDK refuses old signatures, and none of tomorrow."""
    return not _is_from_the_future(signature, now) and any(_fits(payload, signature, secret) for secret in secrets)


def _fits(payload: bytes, signature: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(payload.decode(), signature, secret, TOLERANCE_S)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
    return True


def _is_from_the_future(signature: str, now: datetime) -> bool:
    stamped = dict(part.split("=", 1) for part in signature.split(",") if "=" in part).get("t", "")
    return not stamped.isdigit() or int(stamped) > int(now.timestamp()) + TOLERANCE_S
