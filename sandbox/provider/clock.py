"""Tell the provider's own time, which tests may move, and fire what falls due on it."""

import json
import time
from typing import Any

from sandbox.provider.store import Store

DAY_S = 86_400


def day_start(moment: int) -> int:
    """Return midnight UTC of the day of a moment."""
    return moment - moment % DAY_S


class Clock:
    """A virtual clock: real time plus an offset, or standing still when frozen. Kept in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.transaction():
            kept = json.loads(store.meta("clock") or '{"offset_s": 0, "frozen_at": null}')
        self._offset_s: int = kept["offset_s"]
        self._frozen_at: int | None = kept["frozen_at"]

    @property
    def frozen(self) -> bool:
        """Tell whether time moves only when it is told to."""
        return self._frozen_at is not None

    def now_ms(self) -> int:
        """Return the present moment in milliseconds since 1970."""
        if self._frozen_at is not None:
            return self._frozen_at * 1000
        return time.time_ns() // 1_000_000 + self._offset_s * 1000

    def now(self) -> int:
        """Return the present moment in whole seconds since 1970."""
        return self.now_ms() // 1000

    def jump(self, moment: int) -> None:
        """Continue from another moment; the caller is inside a transaction."""
        self._offset_s = moment - time.time_ns() // 1_000_000_000
        if self._frozen_at is not None:
            self._frozen_at = moment
        self._keep()

    def freeze(self, frozen: bool) -> None:
        """Stop or resume the flow of time; the caller is inside a transaction."""
        moment = self.now()
        self._frozen_at = moment if frozen else None
        self._offset_s = moment - time.time_ns() // 1_000_000_000
        self._keep()

    def reset(self) -> None:
        """Return to real time; the caller is inside a transaction."""
        self._offset_s, self._frozen_at = 0, None
        self._keep()

    def _keep(self) -> None:
        self._store.set_meta("clock", json.dumps({"offset_s": self._offset_s, "frozen_at": self._frozen_at}))


class Timers:
    """Things that will happen at a virtual moment, stored so that a restart forgets none."""

    def __init__(self, store: Store) -> None:
        self._store = store
        #: The earliest moment at which anything falls due; None when it must be looked up.
        self._next_due: int | None = None

    def add(self, kind: str, ref: str, *, due: int, **args: Any) -> None:
        """Plan `kind` for the object `ref`."""
        self._store.execute(
            "INSERT INTO timers (due, kind, ref, args) VALUES (?, ?, ?, ?)",
            (due, kind, ref, json.dumps(args)),
        )
        if self._next_due is None or due < self._next_due:
            self._next_due = due

    def planned(self, kind: str, ref: str, due: int) -> bool:
        """Tell whether this is already planned for that moment."""
        row = self._store.execute("SELECT 1 FROM timers WHERE kind = ? AND ref = ? AND due = ?", (kind, ref, due))
        return row.fetchone() is not None

    def cancel(self, kind: str, ref: str) -> None:
        """Take back what was planned under this kind for this object."""
        self._store.execute("DELETE FROM timers WHERE kind = ? AND ref = ?", (kind, ref))

    def forget(self) -> None:
        """Look the next moment up again, after a rollback or a reset."""
        self._next_due = 0

    def anything_due(self, now: int) -> bool:
        """Tell cheaply whether `take` may find something."""
        return self._next_due is None or self._next_due <= now

    def take(self, now: int) -> tuple[int, str, str, dict[str, Any]] | None:
        """Remove and return the earliest timer due by `now` as (due, kind, ref, args), or None."""
        row = self._store.execute("SELECT seq, due, kind, ref, args FROM timers ORDER BY due, seq LIMIT 1").fetchone()
        if row is None or row[1] > now:
            # far in the future instead of None: an empty table need not be asked again
            self._next_due = row[1] if row else 2**62
            return None
        self._store.execute("DELETE FROM timers WHERE seq = ?", (row[0],))
        return row[1], row[2], row[3], json.loads(row[4])
