"""The one proof that the books are right: used by tests, the hourly job, the console and health."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.models import ClosedDay, Proof
from operations import database
from operations.edges import money_tx
from operations.services import pull_switch

# Each must be installed and enabled; a proof without its witnesses proves nothing.
GUARDS = (
    "guard_entry_balances",
    "guard_entry_complete",
    "guard_day_is_open",
    "guard_balance_chain",
    "guard_balance_is_sum",
    "append_only_rows",
    "append_only_table",
)
_PROOFS = {
    "prove_entries_balance": "an entry does not balance",
    "prove_line_counts": "an entry has not the lines it says",
    "prove_balances_are_sums": "a stored balance is not the sum of its lines",
    "prove_not_negative": "a guarded balance is below zero",
    "prove_currencies": "a line is not in its account's currency",
    "prove_references_unique": "an event is in the books twice",
    "prove_in_transit_not_overdrawn": "more left for a payout than was reserved",
    "prove_guards_enabled": "a guard of the database is missing or switched off",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, with the rows that show it."""

    proof: str
    problem: str
    row: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a proof found. Green means: nothing."""

    findings: tuple[Finding, ...]
    entries: int
    duration_ms: int

    @property
    def green(self) -> bool:
        """Tell whether the books are proved."""
        return not self.findings


def verify_books(*, actor: str, now: datetime) -> Verdict:
    """Prove the books, keep the verdict, and stop payouts when it is red."""
    started = time.monotonic_ns()
    sql = database.queries("ledger")
    findings = [
        Finding(proof=name, problem=problem, row={key: str(value) for key, value in row.items()})
        for name, problem in _PROOFS.items()
        for row in database.fetch_all(sql[name], {"names": list(GUARDS)})
    ]
    findings += _closed_days_changed(sql)
    verdict = Verdict(
        findings=tuple(findings),
        entries=database.fetch_one(sql["count_entries"])["entries"],
        duration_ms=(time.monotonic_ns() - started) // 1_000_000,
    )
    with money_tx("ledger.verify_books"):
        Proof.objects.create(
            green=verdict.green,
            findings=[vars(finding) for finding in findings],
            entries=verdict.entries,
            ran_at=now,
            duration_ms=verdict.duration_ms,
        )
        if not verdict.green:
            pull_switch(
                name="payouts",
                reason=f"the books are not proved: {findings[0].problem}",
                actor=actor,
                now=now,
            )
    return verdict


def _closed_days_changed(sql: dict[str, str]) -> list[Finding]:
    """Compare the latest sealed digest with the journal as it stands."""
    day = ClosedDay.objects.order_by("-business_date").first()
    if day is None:
        return []
    found = database.fetch_one(sql["journal_digest"], {"business_date": day.business_date})
    if (found["entries"], found["digest"]) == (day.entries, day.digest):
        return []
    row = {"business_date": str(day.business_date), "sealed": day.digest, "found": str(found["digest"])}
    return [Finding(proof="prove_closed_days", problem="a closed day has changed", row=row)]
