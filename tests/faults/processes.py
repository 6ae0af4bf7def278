"""The processes of ours, as the matrix runs and kills them.

A process that is killed does nothing more: no handler runs, its connection is cut, and PostgreSQL rolls back what was
open. Here that is so in the test's own process, which is fast; or in a process that is forked for it and gets a real
SIGKILL, which shows that the fast way ends alike. Whoever comes after it knows only what had been committed.
"""

import json
import os
import pickle
import signal
import socket
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Never, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.http import HttpResponse
from django.test import Client

from operations import failpoints, ids
from operations.api import guessing, throttling
from operations.edges import along
from payments.gateway import mollie_adapter, stripe_adapter
from tests.snapshot import ROOMS

T = TypeVar("T")
# A failpoint's name, and which pass of it: 1 is the first.
Crash = tuple[str, int]


class Killed(BaseException):
    """The process is dead. Not an `Exception`: nothing that handles errors may take it for one."""


@dataclass(kw_only=True)
class Processes:
    """What is run while crashes are armed, and what came of them."""

    crashes: frozenset[Crash] = frozenset()
    forked: bool = False
    passed: Counter[str] = field(default_factory=Counter)
    deaths: list[Crash] = field(default_factory=list)
    #: What a process did after its death: a handler of ours took the kill for an error.
    went_on: list[str] = field(default_factory=list)
    _dead: bool = False
    _line: int = 0

    def run(self, work: Callable[[], T]) -> T | None:
        """Run what one process does; return its answer, or None where it was killed."""
        if self.forked:
            return self._in_a_child(work)
        try:
            answer = work()
        except Killed:
            self._start_again()
            return None
        except Exception as error:
            if not self._dead:
                raise
            self.went_on.append(f"{type(error).__name__} instead of the kill")
        else:
            if not self._dead:
                return answer
            self.went_on.append("ended as if nothing had happened")
        self._start_again()
        return None

    def watch(self, point: str) -> None:
        """Let a process pass a failpoint, or kill it there."""
        if self._dead:
            self._goes_on(point)
        self.passed[point] += 1
        crash = (point, self.passed[point])
        if self._line:
            os.write(self._line, f"{point}\n".encode())
        if crash not in self.crashes:
            return
        if self._line:
            os.kill(os.getpid(), signal.SIGKILL)
        self.deaths.append(crash)
        self._dead = True
        self._cut_connection()
        raise Killed(point)

    def _cut_connection(self) -> None:
        """Let the database find that nobody is there any more, and let nobody connect in the dead one's name."""
        database: Any = connections[DEFAULT_DB_ALIAS]
        if database.connection is not None:
            with socket.socket(fileno=os.dup(database.connection.pgconn.socket)) as line:
                line.shutdown(socket.SHUT_RDWR)
            # In a transaction Django notes that there is nothing to commit or roll back, and leaves it so.
            database.close()
        database.connect = lambda: self._goes_on("a new connection")

    def _goes_on(self, where: str) -> Never:
        self.went_on.append(where)
        raise Killed(where)

    def _start_again(self) -> None:
        self._dead = False
        database: Any = connections[DEFAULT_DB_ALIAS]
        del database.connect
        database.close()
        await_end()
        forget_everything()

    def _in_a_child(self, work: Callable[[], T]) -> T | None:
        connections.close_all()
        line, childs_line = os.pipe()
        with warnings.catch_warnings():
            # Newer Pythons warn of threads, such as xdist's: they hold nothing that the child needs.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            self._as_a_child(work, childs_line)
        os.close(childs_line)
        with os.fdopen(line, "rb") as told:
            points, _, answer = told.read().partition(b"=")
        _, status = os.waitpid(child, 0)
        self.passed.update(points.decode().split())
        if os.WIFSIGNALED(status):
            last = points.decode().split()[-1]
            self.deaths.append((last, self.passed[last]))
            await_end()
            return None
        found: T = pickle.loads(answer)
        return found

    def _as_a_child(self, work: Callable[[], T], line: int) -> Never:
        """Do the work, and end without anything that the test's own process would do at its end."""
        try:
            self._line = line
            forget_everything()
            os.write(line, b"=" + pickle.dumps(work()))
            os._exit(0)
        finally:
            os._exit(1)


_running = Processes()


def run(work: Callable[[], T]) -> T | None:
    """Run what one process of ours does; return its answer, or None where it was killed."""
    return _running.run(work)


@contextmanager
def armed(crashes: Collection[Crash], *, forked: bool = False) -> Iterator[Processes]:
    """Kill the processes of the block where they are to crash; yield what comes of it."""
    global _running
    before, _running = _running, Processes(crashes=frozenset(crashes), forked=forked)
    failpoints.watcher = _running.watch
    try:
        yield _running
    finally:
        failpoints.watcher = None
        _running = before


class MortalClient(Client):
    """A client of a web process that may die: then a proxy answers in its place, as to any client whose line is cut."""

    def request(self, **request: Any) -> Any:
        """Make one request, each in a process of its own as far as deaths go."""
        answered = run(lambda: _parts(super(MortalClient, self).request(**request)))
        return _response(*(answered or (502, {}, b"{}")))


def await_end() -> None:
    """Wait until PostgreSQL has rolled back what the dead had open: it does by itself, a moment later."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )


def forget_everything() -> None:
    """Know no more than a process that has just begun."""
    along.forget(list(along.noted()))
    guessing.memory.clear()
    throttling.spells.clear()
    ids._last = 0
    for adapter in (stripe_adapter, mollie_adapter):
        # With them their connections, and what their breakers know.
        adapter._made.clear()
    for remembered in _caches():
        remembered.cache_clear()


@cache
def _caches() -> list[Any]:
    ours = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in ROOMS]
    return [value for module in ours for value in vars(module).values() if hasattr(value, "cache_clear")]


def _parts(response: Any) -> tuple[int, dict[str, str], bytes]:
    return response.status_code, dict(response.headers), response.content


def _response(status: int, headers: dict[str, str], content: bytes) -> Any:
    response: Any = HttpResponse(content, status=status, headers=headers)
    response.json = lambda: json.loads(content)
    return response
