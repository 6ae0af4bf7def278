"""Idempotency keys: a client's repeated request is the same request.

The rules are those of the IETF draft (draft-ietf-httpapi-idempotency-key-header-07): no key 400, the same key
with another request 422, the first one still running 409, otherwise the first answer again. A key belongs to
the client that sent it.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q

from operations import database
from operations.edges import require_transaction
from operations.errors import DomainError
from operations.models import IdempotencyKey
from operations.prepared import ask_prepared, prepared

# Longer than the slowest request we allow ourselves (10 s at the provider), shorter than a client's patience.
LEASE = timedelta(seconds=20)
# No HTTP status: the answer is not kept, because it follows from what the request made.
_ENDED = 0


class KeyReused(DomainError):
    """The idempotency key {key!r} was already used for another request."""

    code = "idempotency_key_reused"
    parameter = "Idempotency-Key"


class RequestInProgress(DomainError):
    """A request with the idempotency key {key!r} is still being processed."""

    code = "request_in_progress"
    retryable = True


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a key turned out to be: fresh, to be resumed after a crash, or already answered."""

    key_id: int
    fresh: bool
    subject: str
    response_status: int | None
    response_body: Any

    @property
    def answered(self) -> bool:
        """Tell whether the first request got its final answer."""
        return bool(self.response_status)


def fingerprint(*, method: str, path: str, body: Any) -> str:
    """Return a digest of a request that is the same for the same request however its JSON was spaced."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{method} {path}\n{canonical}".encode()).hexdigest()


def claim(*, scope: str, key: str, fingerprint: str, now: datetime, subject: str = "") -> Claim:
    """Take a key for this request, inside the transaction that writes the request's intent.

    `subject` is what the request will make, where that has its id before it is made; otherwise `bind` says it.
    Raises KeyReused for another request under the key, and RequestInProgress while the first holder's lease runs. A
    key whose holder crashed is handed over, to be resumed from what its subject says.
    """
    require_transaction("claim")
    forgotten = now - settings.IDEMPOTENCY_KEY_LIFE
    taken = ask_prepared(prepared("operations", "claim_key"), [scope, key, fingerprint, subject, LEASE, now, forgotten])
    for (key_id,) in taken:
        return Claim(key_id=int(key_id or 0), fresh=True, subject=subject, response_status=None, response_body=None)
    row = IdempotencyKey.objects.select_for_update().get(scope=scope, key=key)
    if row.fingerprint != fingerprint:
        raise KeyReused(key=key)
    take_over = database.queries("operations")["take_over_key"]
    if row.response_status is None and not database.fetch_all(take_over, {"id": row.pk, "lease": LEASE}):
        raise RequestInProgress(key=key)
    return Claim(
        key_id=row.pk,
        fresh=False,
        subject=row.subject,
        response_status=row.response_status,
        response_body=row.response_body,
    )


def remembered(*, scope: str, key: str, now: datetime) -> bool:
    """Tell whether a key was used lately enough that its next request is a repetition, or refused."""
    forgotten = Q(created_at__lt=now - settings.IDEMPOTENCY_KEY_LIFE, response_status__isnull=False)
    return IdempotencyKey.objects.filter(scope=scope, key=key).exclude(forgotten).exists()


def forget(*, now: datetime) -> int:
    """Delete the keys that are forgotten, with their answers, which may hold a secret; return how many they were.

    One that was never answered stays: what it began may be under way.
    """
    past = IdempotencyKey.objects.filter(created_at__lt=now - settings.IDEMPOTENCY_KEY_LIFE)
    deleted, _ = past.exclude(response_status=None).delete()
    return deleted


def bind(*, key_id: int, subject: str) -> None:
    """Remember what the key's request made, so that a later holder can resume it."""
    IdempotencyKey.objects.filter(pk=key_id).update(subject=subject)


def stored(*, key_id: int) -> tuple[int, Any] | None:
    """Return the answer that a key's first request got, if it has ended: its status and its body."""
    row = IdempotencyKey.objects.get(pk=key_id)
    return (row.response_status, row.response_body) if row.response_status else None


def answer(*, key_id: int, status: int, body: Any) -> None:
    """Store the final answer, to be replayed to every repetition."""
    ask_prepared(prepared("operations", "answer_key"), [key_id, status, json.dumps(body)])


def end(*, key_id: int) -> None:
    """Say that a request is over, whose refusal each repetition finds anew; its key is forgotten as others are."""
    IdempotencyKey.objects.filter(pk=key_id, response_status=None).update(response_status=_ENDED, lease_until=None)


def let_go(*, key_id: int) -> None:
    """End the lease without an answer: the next repetition resumes at once."""
    IdempotencyKey.objects.filter(pk=key_id, response_status=None).update(lease_until=None)
