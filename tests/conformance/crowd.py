"""Many callers at the same moment, on fewer connections than the server allows."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection, connections

from operations import database

# How many connections a crowd shares; the server of the tests allows 200, for up to four crowds.
CONNECTIONS = 25
T = TypeVar("T")


def crowd(calls: Sequence[Callable[[], T]], *, size: int = CONNECTIONS) -> list[T]:
    """Make all calls, `size` of them at a time, and return what each returned.

    Everybody is connected before the first call begins. A call that raises is a finding, and ends it: AssertionError.
    """
    size = min(size, len(calls))
    start = threading.Barrier(size, timeout=60)
    results: dict[int, T] = {}
    broken: list[Exception] = []

    def work(number: int) -> None:
        try:
            connection.ensure_connection()
            start.wait()
            for position in range(number, len(calls), size):
                if broken:
                    return
                try:
                    results[position] = calls[position]()
                except Exception as error:  # noqa: BLE001 - counted, and shown below
                    broken.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=100)
    assert not any(thread.is_alive() for thread in threads), "a call never came back"
    assert not broken, f"{len(broken)} calls broke: {broken[0]!r}"
    return [results[position] for position in range(len(calls))]


@contextmanager
def beside(call: Callable[[], T]) -> Iterator[list[T]]:
    """Make a call again and again in a thread of its own while the block runs; yields what it returned so far."""
    done = threading.Event()
    found: list[T] = []
    broken: list[Exception] = []

    def work() -> None:
        try:
            while not done.is_set():
                found.append(call())
        except Exception as error:  # noqa: BLE001 - shown below
            broken.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join(timeout=60)
    assert not thread.is_alive(), "a call never came back"
    assert not broken, repr(broken[0])


def deadlocks() -> int:
    """Return how many deadlocks this database has seen, once every other connection has told its own."""
    others = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    until = time.monotonic() + 10
    while database.fetch_one(others)["n"] and time.monotonic() < until:
        time.sleep(0.01)
    database.execute("SELECT pg_stat_clear_snapshot()")
    return int(
        database.fetch_one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")["deadlocks"]
    )
