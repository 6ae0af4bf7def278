"""Retry policies as data."""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When a failed attempt is tried again.

    immediate: 0; fixed: base; incremental: base × n; exponential: base × 2^(n-1); each at most `cap_s`, and
    `jitter_pct` of it taken off at random so that failed work does not come back in step. After `attempts`
    the job is parked as a dead letter; with the shape cancel, at its first failure. A provider's Retry-After goes
    before all of them; with `later_only` what was told can only make it later, as with shops, whose tries are counted:
    one that says "in a second" would have used them all up in half a minute. Work that only has to wait (`TryLater`)
    has `patience` from when it was put on the table, however many attempts that takes: a provider that is away for an
    hour makes no dead letters. Of work that has fewer places than there are threads (`NotBegun`), `in_line` says that
    whoever has done some of it goes on with what found no place: otherwise that waits for the sweeper.
    """

    shape: Literal["immediate", "fixed", "incremental", "exponential", "cancel"] = "exponential"
    base_s: int = 1
    cap_s: int = 60
    attempts: int = 10
    jitter_pct: int = 20
    later_only: bool = False
    patience: timedelta = timedelta(0)
    in_line: bool = False

    def delay(self, attempt: int) -> timedelta:
        """Return how long to wait after the n-th attempt (n from 1) failed."""
        factor = {
            "immediate": 0,
            "fixed": 1,
            "cancel": 0,
            "incremental": attempt,
            "exponential": 2 ** min(attempt - 1, 30),
        }
        milliseconds = min(self.base_s * factor[self.shape], self.cap_s) * 1000
        jitter = random.randrange(0, milliseconds * self.jitter_pct // 100 + 1)  # noqa: S311 - not a secret
        return timedelta(milliseconds=milliseconds - jitter)

    def delay_told(self, attempt: int, after_s: int | None) -> timedelta:
        """Return how long to wait where the other side said how long, if it did."""
        own = self.delay(attempt)  # tidy: not Celery's delay
        if after_s is None:
            return own
        told = timedelta(seconds=after_s)
        return max(told, own) if self.later_only else told

    @property
    def most_waited(self) -> int:
        """Return how many attempts count of work that only waits: the rest is for workers that die with it."""
        return self.attempts - 1 - self.attempts // 20


DEFAULT = RetryPolicy()
# An outcome that only the provider knows is asked for again and again, but it is never dropped for impatience.
# When its key is too old to be sent again, the work itself asks a person, or gives up.
ASK_THE_PROVIDER = RetryPolicy(base_s=1, cap_s=60, attempts=60, patience=timedelta(days=3))
