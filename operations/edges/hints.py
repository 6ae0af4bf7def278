"""Wake-up hints over the broker. The table is the queue: a lost hint costs seconds, never work.

Under load hints travel together. To publish a message, and to take one and acknowledge it, costs more than it costs to
claim a job: a hint goes at once where none went of late, and those that come soon after wait for one another.

A broker that hangs must not hang those who only hint. Whoever finds it slow waits for it once; then it is left alone
for a while, without a hint, and after that one alone tries it.
"""

import logging
import threading
from functools import partial

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError, OperationalError

from operations.failpoints import hit
from operations.ticks import now_ms

logger = logging.getLogger(__name__)

# For how long hints are gathered after one went.
GATHERED_MS = 100
# From when on publishing one is slow, and for how long the broker is left alone then.
SLOW_MS = 1_000
LEFT_ALONE_MS = 15_000
# How many go in one message: its jobs are done one after another, so that many are shared out among threads.
TOGETHER = 5


def hint(task: str, *, row_id: int) -> None:
    """Tell a worker, after the open transaction commits, that a row is due. A broker that is down is only logged."""
    if settings.HINTS_ENABLED:
        transaction.on_commit(partial(_gatherer.take, task, row_id), robust=True)


class Gatherer:
    """The hints of one process: the first goes at once, the next ones together a little later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[int]] = {}
        self._quiet_from = 0
        self._slow = False
        self._alone_until = 0

    def take(self, task: str, row_id: int) -> None:
        """Publish a hint, or have it published with others within `GATHERED_MS`."""
        now = now_ms()
        with self._lock:
            at_once = now >= self._quiet_from and not self._waiting
            if at_once:
                self._quiet_from = now + GATHERED_MS
            else:
                if not self._waiting:
                    # No daemon: a process that ends in order waits for it, and takes no hint with it.
                    threading.Timer((self._quiet_from - now) / 1000, self._send).start()
                self._waiting.setdefault(task, []).append(row_id)
        if at_once:
            self._publish(task, [row_id])

    def _send(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._quiet_from = now_ms() + GATHERED_MS
        for task, row_ids in waiting.items():
            for first in range(0, len(row_ids), TOGETHER):
                self._publish(task, row_ids[first : first + TOGETHER])

    def _publish(self, task: str, row_ids: list[int]) -> None:
        began = now_ms()
        with self._lock:
            if began < self._alone_until:
                return
            if self._slow:
                self._alone_until = began + LEFT_ALONE_MS
        _publish(task, row_ids)
        ended = now_ms()
        with self._lock:
            self._slow = ended - began >= SLOW_MS
            self._alone_until = ended + LEFT_ALONE_MS if self._slow else 0
        if self._slow:
            logger.warning("the broker was slow; no hints for %s s, the sweeper finds the jobs", LEFT_ALONE_MS // 1000)


_gatherer = Gatherer()


def _publish(task: str, row_ids: list[int]) -> None:
    hit(f"hint:{task}:before")
    try:
        current_app.send_task(task, kwargs={"row_ids": row_ids}, ignore_result=True, retry=False)
    except (OSError, OperationalError, KombuError) as error:
        logger.warning("a hint for %s was not published (%s); the sweeper will find its jobs", task, error)
    hit(f"hint:{task}:after")
