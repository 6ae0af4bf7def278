"""The limits that posting is measured against: what PostgreSQL does here with no checks at all.

R: one statement that writes 1 transaction row and 2 entry rows, and moves 2 of 10,000 balances.
H: the same with one account that takes part in every transaction, as a platform's own account does.
"""

import tempfile
from pathlib import Path

from benchmarks.server import Server

_TABLES = (
    "CREATE TABLE limit_txn (id bigserial PRIMARY KEY, reference text NOT NULL, at timestamptz NOT NULL)",
    "CREATE TABLE limit_entry (id bigserial PRIMARY KEY, txn_id bigint NOT NULL, account_id int NOT NULL,"
    " amount bigint NOT NULL)",
    "CREATE TABLE limit_account (id int PRIMARY KEY, balance bigint NOT NULL)",
    "INSERT INTO limit_account SELECT n, 0 FROM generate_series(1, 10000) AS n",
    "VACUUM ANALYZE limit_account",
)
_STATEMENT = """
WITH t AS (INSERT INTO limit_txn (reference, at) VALUES (:reference::text, now()) RETURNING id),
     e AS (INSERT INTO limit_entry (txn_id, account_id, amount)
           SELECT t.id, leg.account, leg.amount FROM t,
               (VALUES (:low::int, -(:amount::bigint)), (:high::int, :amount::bigint))
               AS leg (account, amount)),
     a AS (UPDATE limit_account SET balance = balance - :amount::bigint WHERE id = :low),
     b AS (UPDATE limit_account SET balance = balance + :amount::bigint WHERE id = :high)
SELECT id FROM t;
"""
_RANDOM = """
\\set low random(1, 5000)
\\set high random(5001, 10000)
\\set amount random(1, 1000)
\\set reference random(1, 1000000000000)
"""
_HOT = _RANDOM.replace("\\set high random(5001, 10000)", "\\set high 10000")


class Limits:
    """The two limits, ready to be measured again and again on one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._folder = tempfile.TemporaryDirectory()
        server.execute(*_TABLES)
        self._scripts = {}
        for name, head in (("R", _RANDOM), ("H", _HOT)):
            self._scripts[name] = Path(self._folder.name) / f"{name}.sql"
            self._scripts[name].write_text(head + " ".join(_STATEMENT.split()) + "\n")

    def measure(self, name: str, *, clients: int, seconds: int) -> float:
        """Return limit "R" or "H" in transactions a second."""
        return self._server.pgbench(self._scripts[name], clients=clients, seconds=seconds)
