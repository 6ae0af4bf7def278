"""The Idempotency-Key header."""

import re
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from operations import idempotency
from operations.api.parsers import body_of
from operations.cards import looks_like_card_number
from operations.edges import money_tx
from operations.errors import DomainError

_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")


class IdempotencyKeyMissing(DomainError):
    """This request must carry an Idempotency-Key header."""

    code = "idempotency_key_missing"
    parameter = "Idempotency-Key"


class IdempotencyKeyMalformed(DomainError):
    """The Idempotency-Key header must be 1 to 255 visible ASCII characters, and no card number."""

    code = "idempotency_key_malformed"
    parameter = "Idempotency-Key"


def replay_of(*, key_id: int) -> Response | None:
    """Return the stored answer of a key's first request, and say that it is one; None where there is none yet."""
    found = idempotency.stored(key_id=key_id)
    if found is None:
        return None
    status, body = found
    return Response(body, status=status, headers={"Idempotent-Replayed": "true"})


def answered(name: str, *, key_id: int, status: int, body: Any) -> Response:
    """Store a request's final answer under its key, and return it."""
    with money_tx(f"{name}.answer"):
        idempotency.answer(key_id=key_id, status=status, body=body)
    return Response(body, status=status)


def fingerprint_of(request: Request) -> str:
    """Return what makes another request with the same key another one."""
    return idempotency.fingerprint(method=request.method or "", path=request.path, body=body_of(request))


def key_of(request: Request) -> str:
    """Return the request's idempotency key. Raises IdempotencyKeyMissing or IdempotencyKeyMalformed."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        raise IdempotencyKeyMissing()
    # A key is kept, and logged: a card number would be too.
    if not _KEY.match(key) or looks_like_card_number(key):
        raise IdempotencyKeyMalformed()
    return key
