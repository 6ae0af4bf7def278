"""Deliver queued events: signed, by a few threads, never inside the request that caused them, and again."""

import hashlib
import hmac
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3

from sandbox.provider.clock import Clock
from sandbox.provider.store import Store

log = logging.getLogger("sandbox.provider")
Json = dict[str, Any]

THREADS = 4
#: How many deliveries are taken from the store before they are sent. Taking needs the one lock that every request needs
#: too, so they are taken many at a time, and again when half of them are done.
_AHEAD = 25 * THREADS
TIMEOUT_S = 10
#: Three days of tries: 1, 2, 4 … seconds apart, at most six hours.
MAX_ATTEMPTS = 24
_MAX_WAIT_S = 21_600
_POLL_S = 0.5


def signature(secret: str, body: str, *, at: int) -> str:
    """Return the `Stripe-Signature` header; `at` is real time, which receivers compare with theirs."""
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def headers_for(secret: str, body: str) -> dict[str, str]:
    """Return the headers of a delivery sent now."""
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": signature(secret, body, at=int(time.time())),
    }


def retry_delay_s(attempts: int) -> int:
    """Return the wait after so many failed attempts, in seconds of the provider's clock."""
    return int(min(2 ** (attempts - 1), _MAX_WAIT_S))


class Courier:
    """The threads that deliver; retries are due by the provider's clock, so moving it brings them forward."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._wake = threading.Event()
        self._stopping = False
        self._busy: set[int] = set()
        #: Whether some that are due were left for when others are done.
        self._more = False
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook")
        self._http = urllib3.PoolManager(num_pools=8, maxsize=THREADS)
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """Start no more deliveries; what is not done stays due in the store."""
        self._stopping = True
        self._wake.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def wake(self) -> None:
        """Look for due deliveries now."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(_POLL_S)
            self._wake.clear()
            for delivery in self._take_due():
                self._pool.submit(self._deliver, delivery)

    def _take_due(self) -> list[Json]:
        if self._stopping:
            return []
        with self._store.transaction():
            room = _AHEAD - len(self._busy)
            if 2 * room < _AHEAD:
                self._more = True
                return []
            rows = self._store.execute(
                "SELECT id FROM deliveries WHERE state = 'due' AND next_at_ms <= ? ORDER BY next_at_ms, id LIMIT ?",
                (self._clock.now_ms(), _AHEAD + 1),
            ).fetchall()
            waiting = [id_ for (id_,) in rows if id_ not in self._busy]
            self._more = len(waiting) > room
            return [self._taken(id_) for id_ in waiting[: max(0, room)]]

    def _taken(self, id_: int) -> Json:
        """Mark a delivery as under way, and return it."""
        self._busy.add(id_)
        endpoint, body, attempts = self._store.execute(
            "SELECT endpoint, body, attempts FROM deliveries WHERE id = ?", (id_,)
        ).fetchone()
        return {"id": id_, "endpoint": self._store.need(endpoint), "body": body, "attempts": attempts}

    def _deliver(self, delivery: Json) -> None:
        endpoint, body = delivery["endpoint"], delivery["body"]
        problem: str | None = None
        try:
            reply = self._http.request(
                "POST",
                endpoint["url"],
                body=body.encode(),
                headers=headers_for(endpoint["_secret"], body),
                timeout=TIMEOUT_S,
                retries=False,
                redirect=False,
            )
            if not 200 <= reply.status < 300:
                problem = f"HTTP {reply.status}"
        except urllib3.exceptions.HTTPError as error:
            problem = type(error).__name__
        log.debug("webhook %s to %s: %s", delivery["id"], endpoint["url"], problem or "delivered")
        self._record(delivery, problem)

    def _record(self, delivery: Json, problem: str | None) -> None:
        if self._stopping:
            return
        attempts = delivery["attempts"] + 1
        with self._store.transaction():
            if problem is None:
                state, next_at_ms = "done", 0
            else:
                state = "due" if attempts < MAX_ATTEMPTS else "failed"
                next_at_ms = self._clock.now_ms() + retry_delay_s(attempts) * 1000
            self._store.execute(
                "UPDATE deliveries SET state = ?, attempts = ?, next_at_ms = ?, last_error = ? WHERE id = ?",
                (state, attempts, next_at_ms, problem, delivery["id"]),
            )
            freed = 0
            if problem is None:
                # whatever was to be overtaken by this delivery may go now
                freed = self._store.execute(
                    "UPDATE deliveries SET next_at_ms = 0, behind = 0 WHERE state = 'due' AND behind = 1 AND id < ?",
                    (delivery["id"],),
                ).rowcount
            self._busy.discard(delivery["id"])
            half_done = 2 * len(self._busy) <= _AHEAD
        if freed or (self._more and half_done):
            self.wake()


def describe(store: Store, *, states: tuple[str, ...]) -> list[Json]:
    """Return deliveries in some states, in the order in which they go out, with fresh signatures.

    The caller is inside a transaction.
    """
    marks = ", ".join("?" * len(states))
    columns = "id, event, type, endpoint, body, state, attempts, last_error, behind"
    # only question marks and constants are put into the text
    sql = f"SELECT {columns} FROM deliveries WHERE state IN ({marks}) ORDER BY id"  # noqa: S608
    rows = store.execute(sql, states).fetchall()
    found = []
    for id_, event, type_, endpoint_id, body, state, attempts, last_error, behind in rows:
        endpoint = store.get(endpoint_id)
        if endpoint is not None:
            found.append(
                {
                    "id": id_,
                    "event": event,
                    "type": type_,
                    "url": endpoint["url"],
                    "headers": headers_for(endpoint["_secret"], body),
                    "body": body,
                    "state": state,
                    "attempts": attempts,
                    "last_error": last_error,
                    "behind": behind,
                }
            )
    return _overtaken(found)


def _overtaken(deliveries: list[Json]) -> list[Json]:
    """Move each delivery marked as `behind` after its successor."""
    ordered: list[Json] = []
    waiting: list[Json] = []
    for delivery in deliveries:
        if delivery.pop("behind"):
            waiting.append(delivery)
            continue
        ordered += [delivery, *waiting]
        waiting = []
    return ordered + waiting


def take(store: Store) -> list[Json]:
    """Remove and return the held deliveries; the caller is inside a transaction."""
    held = describe(store, states=("held",))
    store.execute("UPDATE deliveries SET state = 'taken' WHERE state = 'held'")
    return held


def redeliver(store: Store, *, event: str | None, now_ms: int) -> int:
    """Queue again the deliveries of one event, or all that are dropped, failed or held; return how many."""
    if event is not None:
        return store.execute(
            "UPDATE deliveries SET state = 'due', next_at_ms = ? WHERE event = ?", (now_ms, event)
        ).rowcount
    return store.execute(
        "UPDATE deliveries SET state = 'due', next_at_ms = ? WHERE state IN ('dropped', 'failed', 'held', 'taken')",
        (now_ms,),
    ).rowcount


def hold_again(store: Store) -> int:
    """Hold once more whatever was taken, dropped or never got through, to be taken again; return how many."""
    return store.execute(
        "UPDATE deliveries SET state = 'held' WHERE state IN ('taken', 'dropped', 'failed', 'due')"
    ).rowcount
