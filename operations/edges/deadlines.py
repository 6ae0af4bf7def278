"""An end for what the other side draws out.

A socket's own limit is for each read, and who sends a drop a second never meets it.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from operations.ticks import now_ms

# How often it is looked whether somebody's time is over.
_TICK_S = 1


class Watch:
    """One connection that is watched."""

    def __init__(self, *, line: socket.socket, end_ms: int) -> None:
        self.line = line
        self.end_ms = end_ms
        #: Whether it was cut.
        self.over = False


class Watchdog:
    """Cuts connections whose time is over. One thread of a process sees to all of them, while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: set[Watch] = set()
        self._watching = False

    @contextmanager
    def within(self, seconds: int, line: socket.socket) -> Iterator[Watch]:
        """Cut a connection if the block takes longer: whoever reads from it gets an error, or an end too early."""
        watch = Watch(line=line, end_ms=now_ms() + seconds * 1000)
        with self._lock:
            self._watches.add(watch)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        try:
            yield watch
        finally:
            with self._lock:
                self._watches.discard(watch)

    def _watch(self) -> None:
        idle = False
        while not idle:
            time.sleep(_TICK_S)
            with self._lock:
                for watch in [watch for watch in self._watches if watch.end_ms <= now_ms()]:
                    self._watches.discard(watch)
                    # Before it is cut, so that whoever hears of that finds it said.
                    watch.over = True
                    _cut(watch.line)
                idle = not self._watches
                self._watching = not idle


WATCHDOG = Watchdog()


def _cut(line: socket.socket) -> None:
    try:
        # The plain socket's own, also under TLS, whose politeness would wait for the other side.
        socket.socket.shutdown(line, socket.SHUT_RDWR)
    except OSError:
        # It has ended by itself meanwhile.
        return
