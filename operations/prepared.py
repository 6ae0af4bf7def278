"""Statements that run with every payment: parsed and planned once a connection, and sent by libpq's own call.

A driver's cursor looks at each parameter, builds each result and keeps state for the next fetch: more work than
posting does in Python otherwise. Here parameters are text, PostgreSQL reads them as the types of the statement, and
what comes back is text. Django's own statements are not prepared (its `prepare_threshold` is None, for poolers), so
nothing else names statements on its connections, and none of ours is deallocated behind our back.
"""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

from operations.database import queries

# The names that a connection knows; gone with it.
_known: "WeakKeyDictionary[psycopg.Connection[Any], set[bytes]]" = WeakKeyDictionary()


Row = tuple[str | None, ...]


def call_prepared(statement: str, params: Sequence[Any]) -> list[str]:
    """Run a statement that returns one row; return its fields as text, NULL as none. Otherwise like `ask_prepared`."""
    [row] = ask_prepared(statement, params)
    return [field or "" for field in row]


def ask_prepared(statement: str, params: Sequence[Any]) -> list[Row]:
    """Run a statement with placeholders `$1`, `$2`… and return its rows, each field as PostgreSQL writes it.

    Parameters are None, text, bytes, booleans, integers, decimals, dates, durations, instants with their zone, and
    lists and dictionaries, which are sent as JSON. Errors are Django's, as from a cursor. Inside `atomic` it belongs
    to that transaction, and outside of one it is its own.
    """
    # The proxy that Django imports everywhere looks the connection up at each access.
    database = connections[DEFAULT_DB_ALIAS]
    database.close_if_health_check_failed()
    database.ensure_connection()
    with database.wrap_database_errors:
        return _run(database.connection, statement, [_text(value) for value in params])


def prepared(app: str, name: str) -> str:
    """Return a statement of an app's `sql/prepared.sql`."""
    return queries(app, "prepared.sql")[name]


def _run(driver: "psycopg.Connection[Any]", statement: str, params: list[bytes | None]) -> list[Row]:
    libpq = driver.pgconn
    if not driver.autocommit and libpq.transaction_status == TransactionStatus.IDLE:
        # The first statement of a transaction begins it; the driver looks whether one has begun.
        _checked(libpq.exec_(b"BEGIN"), ExecStatus.COMMAND_OK)
    name = _name(statement)
    known = _known.get(driver)
    if known is None:
        known = _known[driver] = set()
    if name not in known:
        _checked(libpq.prepare(name, statement.encode()), ExecStatus.COMMAND_OK)
        known.add(name)
    # The driver says that a parameter is never NULL; libpq, and its own call of it, say otherwise.
    result = _checked(libpq.exec_prepared(name, params), ExecStatus.TUPLES_OK)  # type: ignore[arg-type]
    columns = range(result.nfields)
    return [tuple(_read(result.get_value(row, column)) for column in columns) for row in range(result.ntuples)]


def _read(field: bytes | None) -> str | None:
    return None if field is None else field.decode()


def _checked(result: Any, wanted: ExecStatus) -> Any:
    if result.status != wanted:
        raise error_from_result(result)
    return result


@cache
def _name(statement: str) -> bytes:
    return b"counterfoil_" + sha256(statement.encode()).hexdigest()[:16].encode()


def _text(value: Any) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        if "\0" in value:
            # To libpq a text ends there: what follows would be lost without a word.
            raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
        return value.encode()
    if type(value) is int:
        return b"%d" % value
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    if isinstance(value, Decimal):
        return str(value).encode()
    if isinstance(value, date):
        return value.isoformat().encode()
    if isinstance(value, timedelta):
        return b"%d microseconds" % (value // timedelta(microseconds=1))
    if isinstance(value, dict | list):
        return json.dumps(value).encode()
    raise TypeError(f"{type(value).__name__} cannot be sent as text")
