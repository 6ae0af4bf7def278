"""How the books are attacked: raw SQL, as the owner of the tables or as the application's role."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, transaction

from config import database_roles
from operations import database

APP_ROLE = "counterfoil_app"

ENTRY = """
INSERT INTO ledger_journalentry (recipe, reference, subject, description, actor, business_date, value_date,
                                 line_count, digest, recorded_at, txid)
VALUES ('payment_captured', '{reference}', '', '', 'attacker', '{day}', '2026-01-01', {lines}, ''::bytea,
        '2026-01-01', ledger_txid())
"""
LINES = """
INSERT INTO ledger_journalline (entry_id, position, account_id, currency, amount_minor, item, balance_after_minor,
                                business_date, value_date, recorded_at, txid)
SELECT e.id, l.*, e.business_date, e.value_date, e.recorded_at, e.txid
FROM ledger_journalentry AS e, (VALUES {rows}) AS l
WHERE e.reference = '{reference}'
"""


def attack(statement: str, *, match: str) -> None:
    """Assert that PostgreSQL refuses a statement, at once or when the transaction would commit."""

    def attempt() -> None:
        with transaction.atomic():
            database.execute(statement)
            database.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError, match=match):
        attempt()


@contextmanager
def past_the_first_guard() -> Iterator[None]:
    """Let the owner write to the tables, so that what stands behind the one-writer guard shows itself."""
    tables = ("ledger_journalentry", "ledger_journalline", "ledger_balance", "ledger_hold", "ledger_exchange")
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in tables:
        database.execute(f"ALTER TABLE {table} DISABLE TRIGGER guard_one_writer")
    yield
    for table in tables:
        database.execute(f"ALTER TABLE {table} ENABLE TRIGGER guard_one_writer")


@contextmanager
def as_the_application() -> Iterator[None]:
    """Run as the role of web, worker and scheduler, with the rights that the owner gives it."""
    if not database.fetch_all("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]):
        # A server that is not ours: the role belongs to this test's transaction alone.
        database.execute(f"CREATE ROLE {APP_ROLE}")
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    database_roles.grant(role=APP_ROLE)
    database.execute(f"SET LOCAL ROLE {APP_ROLE}")
    yield
    database.execute("RESET ROLE")


def account(code: str) -> int:
    """Return an account's id."""
    return int(database.fetch_one("SELECT id FROM ledger_account WHERE code = %s", [code])["id"])


def entry(reference: str, *, lines: int, day: str = "2026-01-01") -> str:
    """Return the statement that writes an entry, behind posting's back."""
    return ENTRY.format(reference=reference, lines=lines, day=day)


def forged(reference: str, *rows: str, day: str = "2026-01-01", lines: int | None = None) -> str:
    """Return the statements that write an entry with lines, each `position, account, currency, amount, item, after`."""
    count = len(rows) if lines is None else lines
    return entry(reference, lines=count, day=day) + ";" + added(reference, *rows)


def added(reference: str, *rows: str) -> str:
    """Return the statement that adds lines to an entry that stands."""
    return LINES.format(reference=reference, rows=", ".join(f"({row})" for row in rows))


def row(position: int, code: str, minor: int, *, currency: str = "EUR", after: int | None = None) -> str:
    """Return one line for `forged` and `added`."""
    stored = "NULL::bigint" if after is None else f"{after}::bigint"
    return f"{position}, {account(code)}, '{currency}', {minor}, '', {stored}"
