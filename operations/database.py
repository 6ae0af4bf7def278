"""The only place that opens a database cursor, and the SQL that migrations share.

Each app keeps its SQL in `sql/*.sql`; a query is headed by `-- name: …`.
"""

import re
import select
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from django.db import connection, connections

T = TypeVar("T")
Params = Sequence[Any] | Mapping[str, Any] | None
# Rows that are fetched at a time from a result that stays on the server.
_CHUNK = 2_000
_HEADING = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def close_ended_connections(**_: Any) -> None:
    """Give up connections that the server has ended since they were last used; for the begin of a request or a task.

    A server that ends a connection, by a restart or a timeout, says so, and then the socket has something to read,
    which it never has between two transactions otherwise. That look costs nothing; the question that Django would ask
    instead, before the first use in each request, is a round trip. What is said need not be an end: then it is asked.
    """
    for database in connections.all(initialized_only=True):
        driver = database.connection
        if driver is None or database.in_atomic_block or driver.closed:
            continue
        line = select.poll()
        line.register(driver.pgconn.socket, select.POLLIN)
        if line.poll(0) and not database.is_usable():
            database.close()


def fetch_all(query: str, params: Params = None) -> list[dict[str, Any]]:
    """Run a query and return its rows as dictionaries."""
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def fetch_tuples(query: str, params: Params = None) -> list[tuple[Any, ...]]:
    """Run a query and return its rows as tuples: for the few that have ten thousand of them."""
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def fetch_one(query: str, params: Params = None) -> dict[str, Any]:
    """Run a query that has exactly one row and return it."""
    [row] = fetch_all(query, params)
    return row


def stream(query: str, params: Params = None) -> Iterator[dict[str, Any]]:
    """Run a query and yield its rows one by one; the result stays on the server, memory does not grow with it."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, params)
        while rows := cursor.fetchmany(_CHUNK):
            # A server-side cursor knows its columns from the first fetch on.
            names = [column[0] for column in cursor.description or ()]
            for row in rows:
                yield dict(zip(names, row, strict=True))


def execute(query: str, params: Params = None) -> int:
    """Run a statement and return how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return int(cursor.rowcount)


def text_array(values: Iterable[str]) -> str:
    """Return texts as the literal of a PostgreSQL array."""
    texts = list(values)
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') > 2 * len(texts) - 2:
        joined = '","'.join(text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return '{"' + joined + '"}' if texts else "{}"


def integer_array(values: Iterable[int]) -> str:
    """Return integers as the literal of a PostgreSQL array."""
    return "{" + ",".join(map(str, values)) + "}"


def copy_rows(statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Stream rows into the database by COPY, within the open transaction."""
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def patience() -> Iterator[None]:
    """Give the statements of the block the time and the memory that they need: they read years of books."""
    execute("SET statement_timeout = 0; SET work_mem = '192MB'")
    try:
        yield
    finally:
        if not connection.needs_rollback:
            execute("RESET statement_timeout; RESET work_mem")


def concurrently(questions: Sequence[Callable[[], T]]) -> list[T]:
    """Ask long questions two at a time, on two connections of their own; return the answers in their order.

    PostgreSQL does most of such work on one core. Inside a transaction they are asked one after the other, because
    nobody else sees what that transaction wrote.
    """
    if connection.in_atomic_block:
        return [question() for question in questions]

    left = iter(enumerate(questions))

    def ask() -> dict[int, T]:
        try:
            return {number: question() for number, question in left}
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=2) as pool:
        asked = [pool.submit(ask) for _ in range(2)]
    answers = asked[0].result() | asked[1].result()
    return [answers[number] for number in range(len(questions))]


def terminate_own_backend() -> None:
    """Ask PostgreSQL to end our own connection (a failpoint's action)."""
    execute("SELECT pg_terminate_backend(pg_backend_pid())")


@cache
def queries(app: str, file: str = "queries.sql") -> dict[str, str]:
    """Return an app's named queries."""
    parts = _HEADING.split(script(app, file))
    return dict(zip(parts[1::2], (text.strip() for text in parts[2::2]), strict=True))


def script(app: str, file: str) -> str:
    """Return one of an app's SQL files as text."""
    return (Path(__file__).resolve().parent.parent / app / "sql" / file).read_text(encoding="utf-8")


def functions(app: str, file: str, *names: str) -> str:
    """Return functions of one of an app's SQL files as statements that replace what a database has of them."""
    text = script(app, file)
    found = []
    for name in names:
        [function] = re.findall(rf"^CREATE FUNCTION ({name}\(.*?\$\$.*?\$\$;)", text, re.DOTALL | re.MULTILINE)
        found.append(f"CREATE OR REPLACE FUNCTION {function}")
    return "\n".join(found)


def view(app: str, file: str, name: str) -> str:
    """Return a view of one of an app's SQL files as a statement that replaces what a database has of it."""
    [found] = re.findall(rf"^CREATE VIEW ({name} AS.*?;)", script(app, file), re.DOTALL | re.MULTILINE)
    return f"CREATE OR REPLACE VIEW {found}"


def append_only(table: str) -> tuple[str, str]:
    """Return the SQL that makes a table append-only, for its owner too, and the SQL that undoes it."""
    forward = f"""
    CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    """
    return forward, f"DROP TRIGGER append_only_rows ON {table}; DROP TRIGGER append_only_table ON {table};"


def transition_guard(
    table: str, *, column: str = "state", initial: Sequence[str], allowed: Iterable[tuple[str, str]]
) -> tuple[str, str]:
    """Return the SQL of a trigger that refuses any state but `initial` on insert and any move not in `allowed`."""
    pairs = ", ".join(f"('{old}', '{new}')" for old, new in sorted(allowed))
    starts = ", ".join(f"'{state}'" for state in initial)
    function = f"guard_{table}_{column}"
    forward = f"""
    CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF NEW.{column} NOT IN ({starts}) THEN
                RAISE EXCEPTION '{table} cannot begin in {column} %', NEW.{column} USING ERRCODE = 'check_violation';
            END IF;
        ELSIF OLD.{column} IS DISTINCT FROM NEW.{column}
              AND (OLD.{column}, NEW.{column}) NOT IN (VALUES {pairs}) THEN
            RAISE EXCEPTION '{table} cannot move from % to %', OLD.{column}, NEW.{column}
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER {function} BEFORE INSERT OR UPDATE ON {table}
        FOR EACH ROW EXECUTE FUNCTION {function}();
    """
    return forward, f"DROP TRIGGER {function} ON {table}; DROP FUNCTION {function}();"
