"""Notes of what happened outside of every transaction, written with the next one that commits in this thread.

A call to a provider is made with no transaction open. Its record shall cost no transaction of its own, and shall not
be lost where the one that should have had it is rolled back: it stays noted until one commits. A process that dies
before that loses its notes; the rows say by their states what was being done.
"""

import threading
from typing import Any

from operations import switchboard

# Where a thread never commits anything, the oldest notes are dropped: they must not fill the memory.
MOST = 500
_thread = threading.local()


def note(kind: str, fact: Any) -> None:
    """Keep a fact for whoever `WRITTEN_ALONG` names for its kind."""
    waiting = noted()
    waiting.append((kind, fact))
    del waiting[:-MOST]


def write_noted() -> list[tuple[str, Any]]:
    """Write what is noted in the open transaction; return it, to be forgotten once that has committed."""
    waiting = list(noted())
    for kind in sorted({kind for kind, _ in waiting}):
        write = switchboard.answerer("WRITTEN_ALONG", kind)
        write(facts=[fact for its_kind, fact in waiting if its_kind == kind])
    return waiting


def forget(written: list[tuple[str, Any]]) -> None:
    """Forget notes that are in the database by now."""
    if written:
        _thread.noted = [each for each in noted() if not any(each is one for one in written)]


def noted() -> list[tuple[str, Any]]:
    """Return what this thread has noted and not written yet."""
    waiting: list[tuple[str, Any]] | None = getattr(_thread, "noted", None)
    if waiting is None:
        waiting = _thread.noted = []
    return waiting
