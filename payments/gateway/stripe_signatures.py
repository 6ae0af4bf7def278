"""Whether a webhook was signed by Stripe, with a secret of ours, within five minutes of now."""

import re
from collections.abc import Iterable
from datetime import datetime

import stripe

# Either way.
TOLERANCE_S = 300
# Whoever sends this need not be Stripe: digits of other scripts, or thousands of them, are no instant.
_STAMP = re.compile(r"t=([0-9]{1,15})\Z", re.ASCII)


def is_signed(payload: bytes, signature: str, *, secrets: Iterable[str], now: datetime) -> bool:
    """Tell whether one of our secrets signed a webhook lately. The SDK refuses old signatures, and none of tomorrow."""
    # Of anything but ASCII the SDK makes an error of its own.
    if not signature.isascii() or _is_from_the_future(signature, now):
        return False
    return any(_fits(payload, signature, secret) for secret in secrets)


def _fits(payload: bytes, signature: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(payload.decode(), signature, secret, TOLERANCE_S)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
    return True


def _is_from_the_future(signature: str, now: datetime) -> bool:
    """Tell whether any of the header's stamps is, or is none at all: which one the SDK takes is its own business."""
    stamps = [_STAMP.match(part) for part in signature.split(",") if part.startswith("t=")]
    latest = int(now.timestamp()) + TOLERANCE_S
    return not stamps or any(stamp is None or int(stamp[1]) > latest for stamp in stamps)
