"""The books rebuilt in Python from the journal alone: balances, holds, checkpoints and the chain of seals."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any

from ledger.chart import template_of
from operations import database
from tests.conformance.adapter import Row

# How many entries are hashed together within a seal.
_RUN = 4096
_ENTRIES = """
SELECT e.id, e.recipe, e.reference, e.subject, e.description, e.actor, e.business_date::text, e.value_date::text,
       e.line_count, extract(epoch FROM e.recorded_at)::text AS recorded, e.txid,
       (SELECT array_agg(l.position || '|' || a.code || '|' || l.currency || '|' || l.amount_minor || '|'
                         || length(l.item) || '|' || l.item ORDER BY a.code, l.currency, l.item, l.position)
        FROM ledger_journalline AS l JOIN ledger_account AS a ON a.id = l.account_id
        WHERE l.entry_id = e.id) AS lines
FROM ledger_journalentry AS e ORDER BY e.id
"""


def balances(rows: Sequence[Row]) -> dict[tuple[str, str], int]:
    """Return each account's debits less credits, where that is not zero."""
    sums: Counter[tuple[str, str]] = Counter()
    for row in rows:
        sums[row.account, row.currency] += row.minor
    return {key: minor for key, minor in sums.items() if minor}


def stored(rows: Sequence[Row]) -> dict[tuple[str, str], int]:
    """Return what each guarded account's stored balance must be, on its normal side."""
    sums: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if template_of(row.account).guarded:
            sums[row.account, row.currency] += _normal(row)
    return dict(sums)


def holds(rows: Sequence[Row]) -> dict[tuple[str, str, str], int]:
    """Return what must be held under each item that ever was."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        if template_of(row.account).held:
            sums[row.account, row.currency, row.item] += _normal(row)
    return dict(sums)


def checkpoints(sealed: Sequence[Row]) -> dict[tuple[str, str, date], tuple[int, int]]:
    """Return what the checkpoints over these lines must be: the sums by business date and by value date, on each day
    on which a line of the account was booked or had its value."""
    booked: dict[tuple[str, str], Counter[date]] = defaultdict(Counter)
    valued: dict[tuple[str, str], Counter[date]] = defaultdict(Counter)
    for row in sealed:
        booked[row.account, row.currency][row.business_date] += row.minor
        valued[row.account, row.currency][row.value_date] += row.minor
    found = {}
    for account, days in booked.items():
        sums = (0, 0)
        for day in sorted({*days, *valued[account]}):
            sums = (sums[0] + days[day], sums[1] + valued[account][day])
            found[(*account, day)] = sums
    return found


def chain() -> list[dict[str, Any]]:
    """Return the seals as the entries and lines alone make them: entries, previous_hash, hash."""
    entries = database.fetch_all(_ENTRIES)
    found, before, from_txid = [], bytes(32), 0
    for seal in database.fetch_all("SELECT txid FROM ledger_seal ORDER BY id"):
        covered = [entry for entry in entries if from_txid <= entry["txid"] < seal["txid"]]
        runs = groupby(covered, key=lambda entry: entry["id"] // _RUN)
        total = b"".join(_sha(b"".join(_hash_of(entry) for entry in run)) for _, run in runs)
        found.append({"entries": len(covered), "previous_hash": before, "hash": _sha(before + total)})
        before, from_txid = _sha(before + total), seal["txid"]
    return found


def _hash_of(entry: dict[str, Any]) -> bytes:
    facts = [
        *(entry[name] for name in ("id", "recipe", "reference", "subject", "description", "actor")),
        *(entry[name] for name in ("business_date", "value_date", "line_count", "recorded", "txid")),
    ]
    return _sha(_sha("\n".join(entry["lines"]).encode()) + "\x1f".join(map(str, facts)).encode())


def _sha(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _normal(row: Row) -> int:
    return row.minor if template_of(row.account).type.debit_normal else -row.minor
