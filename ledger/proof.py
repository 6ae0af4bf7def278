"""The one proof that the books are right: used by tests, the hourly job, the console and health."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ledger.models import ClosedDay, Proof, Seal
from ledger.seals import Head
from operations import database
from operations.edges import money_tx
from operations.services import pull_switch

# Each must be installed and enabled, as `table trigger`; a proof without its witnesses proves nothing.
GUARDS = (
    "ledger_posting ledger_post",
    "ledger_journalentry guard_one_writer",
    "ledger_journalline guard_one_writer",
    "ledger_journalline guard_lines",
    "ledger_balance guard_one_writer",
    "ledger_balance guard_balance_stays",
    "ledger_balance guard_balance_table",
    "ledger_hold guard_one_writer",
    "ledger_hold guard_hold_stays",
    "ledger_hold guard_hold_table",
    "ledger_account store_balance",
    "ledger_account guard_account_stays",
    "ledger_account guard_account_table",
    *(
        f"{table} {trigger}"
        for table in ("ledger_journalentry", "ledger_journalline", "ledger_closedday", "ledger_seal", "ledger_proof")
        for trigger in ("append_only_rows", "append_only_table")
    ),
)
CONSTRAINTS = (
    "entry_unique_recipe_reference",
    "entry_has_two_lines",
    "entry_not_before_recorded",
    "line_of_account",
    "line_unique_entry_position",
    "line_currency_is_accounts",
    "line_amount_and_balance",
    "balance_not_negative",
    "hold_not_negative",
    "account_unique_code_currency",
    "account_guarded_by_code",
    "account_held_by_code",
)
_EVERYTHING = {
    "prove_entries": "an entry does not balance, or has not the lines it says",
    "prove_digests": "an entry's lines are not those that were posted",
    "prove_balances": "a balance is not the sum of its lines",
    "prove_chain": "a line does not continue the balance of its account",
    "prove_holds": "what is held is not the sum of its lines",
    "prove_currencies": "a line is not in its account's currency",
    "prove_references_unique": "an event is in the books twice",
    "prove_seals": "the chain of seals is broken",
    "prove_closed_days": "a closed day has changed",
    "prove_guards": "a guard of the database is missing or switched off",
    "prove_constraints": "a constraint of the database is missing",
}
# What is new is proved alike; only sums are taken of what new lines touch.
_WHAT_IS_NEW = {
    {"prove_balances": "prove_balances_touched", "prove_holds": "prove_holds_touched"}.get(name, name): problem
    for name, problem in _EVERYTHING.items()
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, with the rows that show it."""

    proof: str
    problem: str
    row: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a proof found. Green means: nothing. `entries` is how many it looked at."""

    findings: tuple[Finding, ...]
    entries: int
    duration_ms: int
    full: bool

    @property
    def green(self) -> bool:
        """Tell whether the books are proved."""
        return not self.findings


def verify_books(*, actor: str, now: datetime, full: bool = True, heads: Iterable[Head] = ()) -> Verdict:
    """Prove the books, keep the verdict, and stop payouts when it is red.

    Proves from the first entry; or, not `full`, only what was not sealed when the last green proof ran.
    `heads` are exported heads of the chain, each of which must still be a link of it.
    """
    started = time.monotonic_ns()
    since = None if full else _last_proved()
    until = Seal.objects.order_by("-pk").first()
    facts = _scope(since)
    with database.patience():
        findings = [*_findings(_EVERYTHING if since is None else _WHAT_IS_NEW, facts), *_lost_heads(heads)]
    verdict = Verdict(
        findings=tuple(findings),
        entries=database.fetch_one(_queries()["count_entries"], facts)["entries"],
        duration_ms=(time.monotonic_ns() - started) // 1_000_000,
        full=since is None,
    )
    with money_tx("ledger.verify_books"):
        Proof.objects.create(
            green=verdict.green,
            findings=[vars(finding) for finding in findings],
            entries=verdict.entries,
            seal=until,
            full=verdict.full,
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


def _last_proved() -> Seal | None:
    """Return the seal up to which the journal was proved, as long as no red verdict came after."""
    latest = Proof.objects.order_by("-pk").select_related("seal").first()
    return latest.seal if latest and latest.green else None


def _scope(since: Seal | None) -> dict[str, Any]:
    last_closed = ClosedDay.objects.order_by("-business_date").first() if since else None
    return {
        "entry_floor": since.entry_floor if since else 0,
        "txid": since.txid if since else 0,
        "date_floor": since.date_floor if since else date.min,
        "seal_id": since.pk if since else 0,
        "since": last_closed.business_date if last_closed else date.min,
        "guards": list(GUARDS),
        "constraints": list(CONSTRAINTS),
    }


def _findings(proofs: dict[str, str], facts: dict[str, Any]) -> list[Finding]:
    sql = _queries()
    lines = sql["lines_all"] if facts["seal_id"] == 0 else sql["lines_new"]
    return [
        Finding(proof=name, problem=problem, row={key: str(value) for key, value in row.items()})
        for name, problem in proofs.items()
        for row in database.fetch_all(sql[name].replace("{lines}", lines), facts)
    ]


def _lost_heads(heads: Iterable[Head]) -> list[Finding]:
    problem = "an exported head is no link of the chain any more"
    return [
        Finding(proof="prove_head", problem=problem, row={"seal_id": str(head.seal_id), "exported": head.hash})
        for head in heads
        for _ in database.fetch_all(_queries()["prove_head"], {"seal_id": head.seal_id, "hash": head.hash})
    ]


def _queries() -> dict[str, str]:
    return database.queries("ledger", "proofs.sql")
