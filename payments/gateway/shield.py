"""What keeps a provider that is down, or slow, from taking us with it.

A circuit breaker: after some calls in a row that nobody answered, no call is made for a while; then one is tried, and
its outcome decides for the others. And a bulkhead: only so many calls are under way at once, so that a provider that
answers slowly cannot hold every thread of a process; webhooks and the console go on.

State is of one process, as usual for breakers: each finds out for itself, within a few calls. (The library that offers
itself, pybreaker, holds its lock during the call, which makes a process's calls wait for one another.)
"""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from operations.ticks import now_ms
from payments.gateway.base import Outcome, Unknown

logger = logging.getLogger(__name__)
T = TypeVar("T")

# How long a call waits for a place before it is told to come back.
_PATIENCE_S = 1


class Shield:
    """One provider's breaker and bulkhead. `failures` 0 switches the breaker off. The clock tells milliseconds."""

    def __init__(
        self, *, name: str, failures: int, rest_s: int, at_once: int, clock: Callable[[], int] = now_ms
    ) -> None:
        self._name = name
        self._failures = failures
        self._rest_s = rest_s
        self._places = threading.BoundedSemaphore(at_once)
        self._clock = clock
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._rests_until: int | None = None
        self._trying = False

    def around(self, call: Callable[[], Outcome[T]]) -> Outcome[T]:
        """Make a call, or answer at once that it was not made: Unknown, with `sent` false."""
        if not self._places.acquire(timeout=_PATIENCE_S):
            return Unknown(reason=f"too many calls to {self._name} are under way", retry_after_s=1, sent=False)
        try:
            wait_s = self._wait_s()
            if wait_s:
                return Unknown(reason=f"{self._name} does not answer", retry_after_s=wait_s, sent=False)
            return self._watched(call)
        finally:
            self._places.release()

    def resting(self) -> bool:
        """Tell whether a call would not be made now."""
        with self._lock:
            return self._rests_until is not None and (self._trying or self._rests_until > self._clock())

    def _wait_s(self) -> int:
        """Return how long nobody may pass, in whole seconds; zero lets the caller pass, as the one who tries."""
        with self._lock:
            if self._rests_until is None:
                return 0
            left = self._rests_until - self._clock()
            if left > 0:
                return left // 1000 + 1
            if self._trying:
                return 1
            self._trying = True
            return 0

    def _watched(self, call: Callable[[], Outcome[T]]) -> Outcome[T]:
        silent = None
        try:
            outcome = call()
            silent = isinstance(outcome, Unknown) and not outcome.heard
            return outcome
        finally:
            with self._lock:
                self._trying = False
                if silent is not None:
                    self._note(silent)

    def _note(self, silent: bool) -> None:
        if not silent:
            if self._rests_until is not None:
                logger.warning("%s answers again", self._name)
            self._in_a_row, self._rests_until = 0, None
            return
        self._in_a_row += 1
        if self._failures and (self._rests_until is not None or self._in_a_row >= self._failures):
            logger.error("%s left %s calls unanswered: none for %s s", self._name, self._in_a_row, self._rest_s)
            self._rests_until = self._clock() + self._rest_s * 1000
