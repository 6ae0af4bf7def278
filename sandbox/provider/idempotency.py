"""Idempotency keys as the API keeps them.

1. Parameters that fail validation are refused before a key is looked at, and leave no trace.
2. The first request with a key reserves it; a second one meanwhile gets 409.
3. Once execution began, status and body are kept, errors and 500s included, in the transaction of the work.
4. The same key with the same request replays that answer with `Idempotent-Replayed: true`; another gets 400.
5. A key is forgotten 24 hours after it was first seen, by the provider's own clock.
"""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.provider.errors import InvalidRequest, KeyInUse, KeyReused
from sandbox.provider.store import Store

KEY_LIFE_S = 86_400
MAX_KEY_CHARS = 255


@dataclass(frozen=True)
class Answer:
    """A kept answer: status and JSON body as they were sent."""

    status: int
    body: str


def fingerprint(method: str, path: str, params: Mapping[str, Any]) -> str:
    """Return a digest of everything that must be the same when a key comes again."""
    text = json.dumps([method, path, params], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Keys:
    """The keys seen in the last day, and those whose first request is still running."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._running: dict[tuple[str, str], str] = {}

    def reserve(self, account: str, key: str, print_: str, *, now: int) -> Answer | None:
        """Reserve a key for a request, or return the answer kept for it.

        Raises KeyReused for other parameters, KeyInUse while the first request runs, InvalidRequest for a key
        that is too long.
        """
        if not key or len(key) > MAX_KEY_CHARS:
            raise InvalidRequest(f"Idempotency keys must have 1 to {MAX_KEY_CHARS} characters.")
        with self._lock:
            running = self._running.get((account, key))
            if running is None:
                kept = self._kept(account, key, now)
                if kept is None:
                    self._running[account, key] = print_
                    return None
                running, answer = kept
                if running == print_:
                    return answer
        if running != print_:
            raise KeyReused(
                "Keys for idempotent requests can only be used with the same parameters they were first used "
                f"with. Try using a key other than '{key}' if you meant to "
                "execute a different request."
            )
        raise KeyInUse(
            "There is currently another in-progress request using this idempotent key (that probably means "
            "you submitted twice, and the other request is still going through): "
            f"{key}. Please try again later.",
            code="idempotency_key_in_use",
        )

    def _kept(self, account: str, key: str, now: int) -> tuple[str, Answer] | None:
        with self._store.transaction():
            self._store.execute("DELETE FROM answers WHERE created <= ?", (now - KEY_LIFE_S,))
            row = self._store.execute(
                "SELECT fingerprint, status, body FROM answers WHERE account = ? AND key = ?", (account, key)
            ).fetchone()
        return (row[0], Answer(status=row[1], body=row[2])) if row else None

    def keep(self, account: str, key: str, print_: str, answer: Answer, *, now: int) -> None:
        """Keep the answer; the caller is inside the transaction of the work itself."""
        self._store.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (account, key, print_, answer.status, answer.body, now),
        )

    def release(self, account: str, key: str) -> None:
        """End the reservation of a key."""
        with self._lock:
            self._running.pop((account, key), None)
