"""Committed data: for what a test's one big transaction cannot show, such as threads, other processes and kill -9.

pytest-django's own way (`transaction=True`, `live_server`) empties the tables by TRUNCATE afterwards, which our
append-only tables rightly refuse, to their owner too. So this fixture leaves the connection in autocommit, and at
the end switches the guards off, empties every table of ours and switches the guards on again, in one transaction:
should that fail halfway, the guards were never off.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, connections, transaction
from psycopg import sql
from pytest_django.live_server_helper import LiveServer
from pytest_django.plugin import DjangoDbBlocker

from operations import database
from sandbox.control import SandboxControl
from tests.conftest import WEBHOOK_SECRET
from tests.snapshot import ROOMS
from tests.world import World, make_shop


@pytest.fixture
def committed_db(test_database: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Commit for real, and leave nothing behind."""
    with django_db_blocker.unblock():
        wipe()
        yield
        connections.close_all()
        wipe()
        connections.close_all()


@pytest.fixture
def committed_world(committed_db: None, provider: SandboxControl) -> World:
    """The cast's world on committed data."""
    return World(shop=make_shop("acme"), other_shop=make_shop("bolt"), provider=provider, webhook_secret=WEBHOOK_SECRET)


@pytest.fixture
def web(committed_world: World) -> Iterator[str]:
    """Serve the world over HTTP, one thread a request, and return the address."""
    server = LiveServer("127.0.0.1")
    yield server.url
    server.stop()


def tables() -> list[str]:
    """Return every table of our rooms, and every partition of them."""
    names = {model._meta.db_table for room in ROOMS for model in apps.get_app_config(room).get_models()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE relkind = 'r'"
        )
        return sorted(names | {name for (name,) in cursor.fetchall()})


def wipe() -> None:
    """Empty every table of ours that has rows, guards or no guards. For few rows that is quicker than TRUNCATE is."""
    with transaction.atomic(), connection.cursor() as cursor:
        any_row = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
        cursor.execute(sql.SQL(" UNION ALL ").join(any_row.format(name, sql.Identifier(name)) for name in tables()))
        names = [sql.Identifier(name) for (name,) in cursor.fetchall()]
        if not names:
            return
        # In one statement: some references between tables are looked at as soon as a statement ends.
        emptied = [
            sql.SQL("{} AS (DELETE FROM {})").format(sql.Identifier(f"no_{number}"), name)
            for number, name in enumerate(names)
        ]
        steps = [
            *(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name) for name in names),
            sql.SQL("WITH {} SELECT").format(sql.SQL(", ").join(emptied)),
            sql.SQL("SET CONSTRAINTS ALL IMMEDIATE"),
            *(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name) for name in names),
        ]
        cursor.execute(sql.SQL("; ").join(steps))


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make all calls at the same moment, each in a thread with its own connection; return what came of each."""
    start = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(position: int, call: Callable[[], Any]) -> None:
        start.wait()
        try:
            results[position] = call()
        except Exception as error:  # noqa: BLE001 - a loser's error is a result here
            results[position] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads), "a call never came back"
    return results


def environment(**extra: str) -> dict[str, str]:
    """Return the environment in which a child process sees this test's database and provider."""
    found = connection.settings_dict
    url = f"postgresql://{found['USER']}@/{found['NAME']}?host={found['HOST']}&port={found['PORT']}"
    password = {"PGPASSWORD": str(found["PASSWORD"])} if found["PASSWORD"] else {}
    return {**os.environ, **password, "COUNTERFOIL_ENV": "test", "DATABASE_URL": url, **extra}


def somebody_waits_for_a_lock() -> bool:
    """Tell whether another connection to this database waits for a lock."""
    waiting = (
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    # Inside a transaction the view shows what it showed first.
    database.execute("SELECT pg_stat_clear_snapshot()")
    return bool(database.fetch_one(waiting)["n"])
