"""The Idempotency-Key header."""

import re

from rest_framework.request import Request

from operations.errors import DomainError

_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")


class IdempotencyKeyMissing(DomainError):
    """This request must carry an Idempotency-Key header."""

    code = "idempotency_key_missing"


class IdempotencyKeyMalformed(DomainError):
    """The Idempotency-Key header must be 1 to 255 visible ASCII characters."""

    code = "idempotency_key_malformed"


def key_of(request: Request) -> str:
    """Return the request's idempotency key. Raises IdempotencyKeyMissing or IdempotencyKeyMalformed."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        raise IdempotencyKeyMissing()
    if not _KEY.match(key):
        raise IdempotencyKeyMalformed()
    return key
