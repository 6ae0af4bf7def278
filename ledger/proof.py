"""The one proof that the books are right: used by tests, the hourly job, the console and health."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from django.db import DatabaseError, OperationalError

from ledger.models import Proof, Seal
from ledger.seals import Head
from operations import database
from operations.edges import money_tx
from operations.services import pull_switch

# Each must be installed and enabled, as `table trigger`; a proof without its witnesses proves nothing.
GUARDS = (
    "ledger_posting ledger_post",
    "ledger_posting_batch ledger_post_batch",
    "ledger_journalentry guard_one_writer",
    "ledger_journalline guard_one_writer",
    "ledger_journalline guard_lines",
    "ledger_balance guard_one_writer",
    "ledger_balance guard_balance_stays",
    "ledger_balance guard_balance_owner",
    "ledger_balance guard_balance_table",
    "ledger_hold guard_one_writer",
    "ledger_hold guard_hold_stays",
    "ledger_hold guard_hold_table",
    "ledger_account store_balance",
    "ledger_account guard_account_stays",
    "ledger_account guard_account_table",
    "ledger_closedday guard_closed_day",
    "ledger_exchange guard_one_writer",
    "ledger_exchange guard_exchange",
    "ledger_manualjournal guard_manual_journal",
    "ledger_manualjournal guard_manual_journal_stays",
    "ledger_manualjournal guard_manual_journal_table",
    "ledger_manualjournal guard_ledger_manualjournal_state",
    "ledger_manualjournalline guard_manual_journal_lines",
    "ledger_manualjournalline guard_manual_journal_lines_table",
    "ledger_manualjournalattachment guard_manual_journal_attachments",
    *(
        f"{table} {trigger}"
        for table in (
            *("ledger_journalentry", "ledger_journalline", "ledger_exchange"),
            *("ledger_closedday", "ledger_seal", "ledger_proof", "ledger_manualjournalattachment"),
        )
        for trigger in ("append_only_rows", "append_only_table")
    ),
)
CONSTRAINTS = (
    "entry_unique_recipe_reference",
    "entry_has_two_lines",
    "entry_texts_are_apart",
    "entry_not_before_recorded",
    "line_of_account",
    "line_unique_entry_position",
    "line_amount_and_balance",
    "balance_not_negative",
    "balance_unique_currency_code",
    "balance_currency_is_accounts",
    "hold_not_negative",
    "hold_has_an_item",
    "account_unique_code_currency",
    "account_guarded_by_code",
    "account_held_by_code",
    "account_type_by_code",
    "account_type_known",
    "exchange_currencies",
    "exchange_amounts",
    "exchange_rate_said",
    "exchange_works_out",
    "exchange_rounding",
    "manual_journal_reversal_names_entry",
    "manual_journal_posted_has_entry",
    "manual_journal_has_reason",
    "manual_journal_form_once",
    "manual_journal_line_not_zero",
    "attachment_is_whole",
    "attachment_type_is_allowed",
)
# Every function on which a guard or a proof rests.
FUNCTIONS = (
    "guard_lines",
    "ledger_post",
    "ledger_post_batch",
    "ledger_entry_hash",
    "ledger_hash_of",
    "ledger_digest_of_days",
    "ledger_debits",
    "ledger_is_itemised",
    "ledger_type_of",
    "ledger_move_hold",
    "ledger_converts",
    "ledger_exchange_text",
    "ledger_original_recipe",
    "ledger_require_exchange",
    "ledger_require_paid",
    "guard_exchange",
    "guard_manual_journal",
    "guard_manual_journal_part",
    "refuse_change",
    "refuse_other_writers",
)
PROBLEMS = {
    "prove_entries": "an entry does not balance, or has not the lines it says",
    "prove_digests": "an entry's lines are not those that were posted",
    "prove_currencies": "a line is not in its account's currency",
    "prove_open_items": "a line belongs to no item of its account, so nothing will ever settle it",
    "prove_balances": "a balance is not the sum of its lines",
    "prove_checkpoints": "a checkpoint does not add what the lines of its day move",
    "prove_value_dates": "a balance by value date is not the one by business date",
    "prove_trial_balance": "the balances of a currency do not sum to zero",
    "prove_chain": "a line does not continue the balance of its account",
    "prove_holds": "what is held is not the sum of its lines",
    "prove_references_unique": "an event is in the books twice",
    "prove_seals": "the chain of seals is broken",
    "prove_closed_days": "a closed day has changed",
    "prove_guards": "a guard of the database is missing or switched off",
    "prove_constraints": "a constraint of the database is missing",
    "prove_functions": "a function of the database is missing",
    "prove_head": "an exported head is no link of the chain any more",
}
_NOT_CARRIED_OUT = "a proof could not be carried out"
# Of the entries that one pass over their lines does not tell right.
_CLOSELY = ("prove_entries", "prove_digests", "prove_currencies", "prove_open_items")
# The longest first, so that two at a time end together.
_EVERYTHING = (
    "prove_hashes",
    "prove_chain",
    "prove_checkpoints",
    "prove_balances",
    "prove_references_unique",
    "prove_reads",
    "prove_holds",
    "prove_guards",
    "prove_constraints",
    "prove_functions",
)
# What is new is proved alike; only sums are taken of what new lines touch, and of checkpoints only the latest are read,
# of what new lines touch and of the platform's few accounts.
_WHAT_IS_NEW = (
    "prove_chain_new",
    "prove_balances_touched",
    "prove_reads_touched",
    "prove_references_unique",
    "prove_holds_touched",
    "prove_seals",
    "prove_closed_days",
    "prove_guards",
    "prove_constraints",
    "prove_functions",
)


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
    findings = [*_findings(facts, full=since is None), *_lost_heads(heads)]
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


def _last_proved() -> Proof | None:
    """Return the proof after which the journal is to be proved, as long as no red verdict came after."""
    latest = Proof.objects.order_by("-pk").select_related("seal").first()
    return latest if latest and latest.green and latest.seal else None


def _scope(since: Proof | None) -> dict[str, Any]:
    seal = since.seal if since else None
    return {
        "entry_floor": seal.entry_floor if seal else 0,
        "txid": seal.txid if seal else 0,
        "date_floor": seal.date_floor if seal else date.min,
        "seal_id": seal.pk if seal else 0,
        "proved_at": since.ran_at if since else datetime.min.replace(tzinfo=UTC),
        "guards": list(GUARDS),
        "constraints": list(CONSTRAINTS),
        "functions": list(FUNCTIONS),
    }


def _findings(facts: dict[str, Any], *, full: bool) -> list[Finding]:
    lines = "lines_all" if full else "lines_new"
    names = _EVERYTHING if full else _WHAT_IS_NEW
    proofs = [partial(_closely, facts, lines), *(partial(_carried_out, name, facts, lines) for name in names)]
    # Of what is new each takes milliseconds, less than a connection of its own.
    found = database.concurrently(proofs) if full else [proof() for proof in proofs]
    return [finding for findings in found for finding in findings]


def _closely(facts: dict[str, Any], lines: str) -> list[Finding]:
    """Look at the entries that one pass over their lines does not tell right."""
    suspects = _asked("suspects", facts, lines)
    if isinstance(suspects, Finding):
        return [suspects]
    facts = facts | {"suspects": [row["entry_id"] for row in suspects]}
    return [finding for name in _CLOSELY for finding in _carried_out(name, facts, lines)] if suspects else []


def _carried_out(name: str, facts: dict[str, Any], lines: str) -> list[Finding]:
    """Run one proof. One that fails proves nothing, so that is a finding; the others still run."""
    rows = _asked(name, facts, lines)
    if isinstance(rows, Finding):
        return [rows]
    findings = []
    for row in rows:
        proof = row.pop("proof", name.removesuffix("_touched").removesuffix("_new"))
        said = {key: str(value) for key, value in row.items()}
        findings.append(Finding(proof=proof, problem=PROBLEMS[proof], row=said))
    return findings


def _asked(name: str, facts: dict[str, Any], lines: str) -> list[dict[str, Any]] | Finding:
    """Return the rows that a proof finds, or the finding that it could not be carried out.

    Only where the database did not answer is nothing known of the books: then OperationalError is raised.
    """
    sql = _queries()
    try:
        with database.patience(), money_tx("ledger.prove"):
            return database.fetch_all(_over(sql[name], lines), facts)
    except DatabaseError as error:
        if _unanswered(error):
            raise
        return Finding(proof=name, problem=_NOT_CARRIED_OUT, row={"error": str(error).strip()})


def _over(query: str, lines: str) -> str:
    """Return a proof's query over some of the lines."""
    sql = _queries()
    parts = {
        "{lines}": sql[lines],
        "{in_order}": "" if lines == "lines_all" else " ORDER BY l.id",
        "{suspected}": sql["lines_suspected"],
    }
    for name, part in parts.items():
        query = query.replace(name, part)
    return query


def _unanswered(error: DatabaseError) -> bool:
    """Tell whether an error is of the connection, of time, or of what another transaction does; not of the books."""
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state == "55P03" or state[:2] in ("08", "40", "53", "57")


def _lost_heads(heads: Iterable[Head]) -> list[Finding]:
    return [
        Finding(
            proof="prove_head",
            problem=PROBLEMS["prove_head"],
            row={"seal_id": str(head.seal_id), "exported": head.hash},
        )
        for head in heads
        for _ in database.fetch_all(_queries()["prove_head"], {"seal_id": head.seal_id, "hash": head.hash})
    ]


def _queries() -> dict[str, str]:
    return database.queries("ledger", "proofs.sql")
