"""Matching: each line of a statement ends in exactly one place, by named rules, in set-based SQL.

Re-running is harmless and posts nothing: only lines without a disposition are looked at, and those that wait.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from operations import database
from operations.edges import money_tx
from operations.lifecycle import move
from payments.selectors import subject_of_reference as subject_in_payments
from payouts.selectors import subject_of_reference as subject_in_payouts
from reconciliation.models import Discrepancy, Statement
from reconciliation.states import DiscrepancyClass, DiscrepancyKind, DiscrepancyState, StatementState

# Card movements must be in the books a day after the provider shows them, and the other way round.
DUE_AFTER = timedelta(days=1)
_RULES = (
    "dispose_superseded",
    "dispose_duplicates",
    "dispose_matched",
    "dispose_discrepant",
    "dispose_timing",
    "dispose_missing",
)
_CLASSES = {
    DiscrepancyKind.FEE: DiscrepancyClass.AUTOMATIC,
    DiscrepancyKind.MISSING_IN_LEDGER: DiscrepancyClass.INVESTIGATE,
    DiscrepancyKind.UNKNOWN_DEPOSIT: DiscrepancyClass.INVESTIGATE,
}
_MISSING_KINDS = {
    "refund": DiscrepancyKind.REFUND_WITHOUT_CHARGE,
    "dispute": DiscrepancyKind.CHARGEBACK_UNBOOKED,
    "topup": DiscrepancyKind.UNKNOWN_DEPOSIT,
    "other_adjustment": DiscrepancyKind.UNKNOWN_DEPOSIT,
}


@dataclass(frozen=True, kw_only=True)
class MatchResult:
    """How a statement's lines ended: lines per disposition, and the discrepancies that are open."""

    lines: dict[str, int]
    open_discrepancies: int


def match_statement(*, statement: int, now: datetime) -> MatchResult:
    """Give each line of a statement its disposition, and open a discrepancy for what disagrees."""
    sql = database.queries("reconciliation")
    with money_tx("statements.match"):
        found = Statement.objects.select_for_update().get(pk=statement)
        params = {"statement": statement, "psp": found.psp, "now": now, "due_before": now - DUE_AFTER}
        database.execute(sql["reopen_timing"], params)
        for rule in _RULES:
            database.execute(sql[rule], params)
        _open_for_lines(found, now=now)
        _open_for_books(found, now=now)
        if found.state == StatementState.PARSED:
            move(found, "match", actor="system:reconciliation", now=now)
        rows = database.fetch_all(sql["dispositions"], params)
    lines: dict[str, int] = {}
    for row in rows:
        lines[row["kind"]] = lines.get(row["kind"], 0) + int(row["lines"])
    still_open = Discrepancy.objects.filter(state__in=(DiscrepancyState.OPEN, DiscrepancyState.ASSIGNED)).count()
    return MatchResult(lines=lines, open_discrepancies=still_open)


def _open_for_lines(statement: Statement, *, now: datetime) -> None:
    """Open a discrepancy for each line that disagrees with the books."""
    rows = database.fetch_all(
        database.queries("reconciliation")["discrepant_lines"],
        {"statement": statement.pk, "psp": statement.psp},
    )
    for row in rows:
        if Discrepancy.objects.filter(line=row["id"]).exists():
            continue
        _open(
            kind=_kind(row),
            reference=row["source_ref"],
            line=row["id"],
            currency=row["currency"],
            expected_minor=int(row["booked_net_minor"] or 0),
            found_minor=int(row["net_minor"]),
            now=now,
        )


def _open_for_books(statement: Statement, *, now: datetime) -> None:
    """Open a discrepancy for what the books have, is old enough, and no statement has shown."""
    before = statement.interval_end - DUE_AFTER
    rows = database.fetch_all(
        database.queries("reconciliation")["not_on_statements"], {"psp": statement.psp, "before": before}
    )
    for row in rows:
        _open(
            kind=DiscrepancyKind.MISSING_AT_PSP,
            reference=row["item"],
            line=None,
            currency=row["currency"],
            expected_minor=int(row["net_minor"]),
            found_minor=0,
            now=now,
        )


def _open(
    *,
    kind: DiscrepancyKind,
    reference: str,
    line: int | None,
    currency: str,
    expected_minor: int,
    found_minor: int,
    now: datetime,
) -> None:
    still_open = (DiscrepancyState.OPEN, DiscrepancyState.ASSIGNED)
    if Discrepancy.objects.filter(kind=kind, reference=reference, state__in=still_open).exists():
        return
    subject = subject_in_payments(psp_ref=reference) or subject_in_payouts(psp_ref=reference) or ""
    Discrepancy.objects.create(
        kind=kind,
        klass=_CLASSES.get(kind, DiscrepancyClass.MANUAL),
        reference=reference,
        subject=subject,
        line_id=line,
        currency=currency,
        expected_minor=expected_minor,
        found_minor=found_minor,
        opened_at=now,
    )


def _kind(row: dict[str, Any]) -> DiscrepancyKind:
    if row["rule"] == "movement twice":
        return DiscrepancyKind.DUPLICATE_AT_PSP
    if row["booked_net_minor"] is None:
        return _MISSING_KINDS.get(row["category"], DiscrepancyKind.MISSING_IN_LEDGER)
    if row["booked_currency"] != row["currency"]:
        return DiscrepancyKind.CURRENCY
    gross_agrees = row["booked_net_minor"] + row["booked_fee_minor"] == row["net_minor"] + row["fee_minor"]
    return DiscrepancyKind.FEE if gross_agrees else DiscrepancyKind.AMOUNT
