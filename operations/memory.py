"""What one process remembers for a short while, so that it need not ask again: bounded, and right without it."""

import threading
import time
from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
# How many keys a process remembers; beyond them the oldest is forgotten.
_MOST = 10_000


class ShortMemory(Generic[Key]):
    """Keys, each for so many milliseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: OrderedDict[Key, int] = OrderedDict()

    def put(self, key: Key, *, for_ms: int) -> None:
        """Remember a key from now on for so long."""
        with self._lock:
            self._until[key] = _now_ms() + for_ms
            self._until.move_to_end(key)
            while len(self._until) > _MOST:
                self._until.popitem(last=False)

    def left_ms(self, key: Key) -> int:
        """Return for how long a key is remembered still; zero for one that is not."""
        with self._lock:
            return max(0, self._until.get(key, 0) - _now_ms())

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._until.clear()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
