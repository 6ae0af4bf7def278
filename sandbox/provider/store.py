"""Keep everything in one SQLite file behind one lock: one writer, whole transactions, safe against kill -9.

Objects are stored as the JSON that goes over the wire, with references as plain ids. Keys that begin with `_`
are the provider's private notes on an object and never leave it.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    created INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, account, seq);
CREATE TABLE IF NOT EXISTS timers (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    due INTEGER NOT NULL,
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    args TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS timers_by_due ON timers (due, seq);
CREATE INDEX IF NOT EXISTS timers_by_ref ON timers (kind, ref);
CREATE TABLE IF NOT EXISTS funds (
    txn TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    net INTEGER NOT NULL,
    available_on INTEGER NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS funds_waiting ON funds (available_on) WHERE settled = 0;
CREATE TABLE IF NOT EXISTS balances (
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    available INTEGER NOT NULL,
    PRIMARY KEY (account, currency)
);
CREATE TABLE IF NOT EXISTS answers (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (account, key)
);
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (created);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    type TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at_ms INTEGER NOT NULL,
    behind INTEGER NOT NULL DEFAULT 0,
    last_error TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_at_ms) WHERE state = 'due';
CREATE INDEX IF NOT EXISTS deliveries_behind ON deliveries (id) WHERE state = 'due' AND behind = 1;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_TABLES = ("objects", "timers", "funds", "balances", "answers", "deliveries")

#: Fields by which lists are filtered; each has an index over the objects of its kind only.
INDEXED = {
    "payment_intent": ("customer",),
    "charge": ("payment_intent", "customer", "transfer_group"),
    "refund": ("charge", "payment_intent"),
    "transfer": ("destination", "transfer_group", "source_transaction"),
    "transfer_reversal": ("transfer",),
    "payout": ("status",),
    "balance_transaction": ("source", "type", "_payout"),
    "dispute": ("charge", "payment_intent"),
    "checkout.session": ("payment_intent", "status"),
    "event": ("type",),
    "payment_method": ("customer",),
    "item": ("_session",),
}


class MissingObject(Exception):
    """An object refers to another one that is not in the store."""

    def __init__(self, object_id: str) -> None:
        super().__init__(f"Reset the provider: its store lacks {object_id}.")
        self.object_id = object_id


class Store:
    """Hold the provider's objects; every use happens inside `transaction()`."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it when it is missing.

        Raises sqlite3.Error when the file is not a database, another provider holds it, or its folder cannot be
        written.
        """
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=0.5)
        # EXCLUSIVE keeps a second provider off the file. NORMAL loses nothing to a killed process, only to a
        # power cut: right for a stand-in.
        self._db.executescript(
            "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA
        )
        for kind, names in INDEXED.items():
            for name in names:
                index = f"{kind}_{name}".replace(".", "_")
                self._db.execute(
                    f"CREATE INDEX IF NOT EXISTS by_{index} ON objects (json_extract(body, '$.{name}'), seq) "
                    f"WHERE kind = '{kind}'"
                )

    def close(self) -> None:
        """Close the file after the running transaction."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock and one database transaction; an inner use joins the outer one."""
        with self._lock:
            if self._depth:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            else:
                self._db.execute("COMMIT")
            finally:
                self._depth = 0

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only what happened inside when the block raises."""
        self._db.execute("SAVEPOINT work")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO work")
            self._db.execute("RELEASE work")
            raise
        self._db.execute("RELEASE work")

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run one statement; the caller is inside `transaction()`."""
        return self._db.execute(sql, values)

    def reset(self) -> None:
        """Forget every object, timer, answer and delivery."""
        for table in _TABLES:
            self.execute(f"DELETE FROM {table}")  # noqa: S608 a constant of this module

    def insert(self, body: Json, *, account: str) -> Json:
        """Add a new object and return it."""
        self.execute(
            "INSERT INTO objects (id, kind, account, created, body) VALUES (?, ?, ?, ?, ?)",
            (body["id"], body["object"], account, body.get("created", 0), json.dumps(body)),
        )
        return body

    def save(self, body: Json) -> Json:
        """Write back a changed object and return it."""
        self.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(body), body["id"]))
        return body

    def delete(self, object_id: str) -> None:
        """Remove an object."""
        self.execute("DELETE FROM objects WHERE id = ?", (object_id,))

    def get(self, object_id: str) -> Json | None:
        """Return an object of any kind and account, or None."""
        row = self.execute("SELECT body FROM objects WHERE id = ?", (object_id,)).fetchone()
        return json.loads(row[0]) if row else None

    def need(self, object_id: str) -> Json:
        """Return an object that another object refers to.

        Raises MissingObject when the store is damaged.
        """
        found = self.get(object_id)
        if found is None:
            raise MissingObject(object_id)
        return found

    def account_of(self, object_id: str) -> str | None:
        """Return the account that owns an object: an empty string for the platform."""
        row = self.execute("SELECT account FROM objects WHERE id = ?", (object_id,)).fetchone()
        return row[0] if row else None

    def seq_of(self, object_id: str) -> int | None:
        """Return the position of an object in the order of creation."""
        row = self.execute("SELECT seq FROM objects WHERE id = ?", (object_id,)).fetchone()
        return row[0] if row else None

    def select(
        self,
        kind: str,
        *,
        account: str | None = "",
        filters: Mapping[str, Any] | None = None,
        created: Mapping[str, int] | None = None,
        before: int | None = None,
        after: int | None = None,
        ascending: bool = False,
        limit: int = -1,
    ) -> list[Json]:
        """Return objects of one kind, newest first unless `ascending`.

        `account=None` looks into every account; `before` and `after` bound the position of creation. A filter
        is a value, a list of which one must fit, or a text in which `*` stands for anything.
        """
        # the kind stands in the text, so that the partial indexes apply
        where = [f"kind = '{kind}'"]
        values: list[Any] = []
        # An index over a field finds the few with one value; one of several values would sort all that have any.
        found_by_field = False
        for name, value in (filters or {}).items():
            wanted = value if isinstance(value, list) else [int(value) if isinstance(value, bool) else value]
            if len(wanted) == 1:
                sign = "GLOB" if "*" in str(wanted[0]) else "="
                where.append(f"json_extract(body, '$.{name}') {sign} ?")
                found_by_field |= sign == "=" and name in INDEXED.get(kind, ())
            else:
                where.append(f"json_extract(body, '$.{name}') IN ({', '.join('?' * len(wanted))})")
            values.extend(wanted)
        if account is not None:
            # SQLite takes the account's index for the better one, and it finds all there are of the kind. The sign
            # keeps it off that index (https://sqlite.org/optoverview.html).
            where.append("+account = ?" if found_by_field else "account = ?")
            values.append(account)
        for word, sign in (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")):
            if created and word in created:
                where.append(f"created {sign} ?")
                values.append(created[word])
        for bound, sign in ((before, "<"), (after, ">")):
            if bound is not None:
                where.append(f"seq {sign} ?")
                values.append(bound)
        order = "ASC" if ascending else "DESC"
        rows = self.execute(
            # every part is a constant of the callers; the values are bound
            f"SELECT body FROM objects WHERE {' AND '.join(where)} ORDER BY seq {order} LIMIT ?",  # noqa: S608
            (*values, limit),
        )
        return [json.loads(row[0]) for row in rows]

    def meta(self, key: str) -> str | None:
        """Return a stored setting, or None."""
        row = self.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set_meta(self, key: str, value: str) -> None:
        """Store a setting."""
        self.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )
