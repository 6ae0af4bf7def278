"""Statements in: read whole or not at all, known by their checksum, copied in one transaction."""

import hashlib
from datetime import UTC, datetime

from operations import database, switchboard
from operations.edges import money_tx
from operations.errors import DomainError
from operations.services import record_audit
from payments.gateway import Succeeded, provider
from reconciliation.models import Statement
from reconciliation.parsers.base import ParsedLine

# Before the first statement: long enough ago to cover everything that was ever booked.
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


class StatementKnown(DomainError):
    """This file was imported already, as statement {statement}."""

    code = "statement_known"


class StatementNotReady(DomainError):
    """The provider has no statement for us yet: {reason}"""

    code = "statement_not_ready"
    retryable = True


class ControlTotalMismatch(DomainError):
    """The {currency} lines sum to {found_minor} minor units, but the control total given is {given_minor}."""

    code = "control_total_mismatch"


class LineOutsideInterval(DomainError):
    """Line {line_no} is of {created_at}, outside the statement's interval."""

    code = "line_outside_interval"


def import_statement(
    *,
    content: bytes,
    format: str,
    interval_start: datetime,
    interval_end: datetime,
    actor: str,
    now: datetime,
    psp: str = "stripe",
    control_totals: dict[str, int] | None = None,
    dry_run: bool = False,
) -> Statement | None:
    """Take a statement in, with all its lines, or refuse it whole; a dry run checks and takes nothing.

    `control_totals` are net sums in minor units per currency that the sender states. Raises StatementUnreadable
    (every error, by line), StatementKnown, ControlTotalMismatch, LineOutsideInterval.
    """
    lines: list[ParsedLine] = switchboard.answerer("STATEMENT_FORMATS", format)(content)
    for line in lines:
        if not interval_start <= line.created_at < interval_end:
            raise LineOutsideInterval(line_no=line.line_no, created_at=line.created_at.isoformat())
    digest = hashlib.sha256(content).hexdigest()
    totals = _totals(lines)
    stated = totals if control_totals is None else control_totals
    if dry_run:
        _refuse_known(digest)
        _compare_totals(totals, stated)
        return None
    with money_tx("statements.import"):
        _refuse_known(digest)
        statement = Statement.objects.create(
            psp=psp,
            format=format,
            sha256=digest,
            interval_start=interval_start,
            interval_end=interval_end,
            line_count=len(lines),
            control_totals=totals,
            imported_by=actor,
            imported_at=now,
        )
        database.copy_rows(database.queries("reconciliation")["copy_lines"], (_row(statement.pk, li) for li in lines))
        _check_totals(statement, stated)
        record_audit(
            action="reconciliation.statement.imported",
            actor=actor,
            subject=f"statement:{statement.pk}",
            now=now,
            lines=len(lines),
            sha256=digest,
        )
    return statement


def fetch_statement(*, actor: str, now: datetime, psp: str = "stripe") -> Statement | None:
    """Fetch the provider's report on the time since the last statement, as far as it can tell, to the last full second.

    Returns None where nothing moved, or it can tell no more yet. Raises StatementNotReady, also while the report is
    being made: to ask again is to ask for the same one, for as long as the provider can tell no more.
    """
    last = Statement.objects.filter(psp=psp).order_by("-interval_end").first()
    if last and now.replace(microsecond=0) <= last.interval_end:
        return None
    earliest, latest = _span(psp)
    start = last.interval_end if last else max(BEGINNING, earliest)
    end = min(now.replace(microsecond=0), latest)
    if end <= start:
        return None
    outcome = provider(psp).fetch_statement(start=start, end=end)
    if not isinstance(outcome, Succeeded):
        raise StatementNotReady(reason=str(outcome))
    if len(outcome.value.strip().splitlines()) <= 1:
        return None
    return import_statement(
        content=outcome.value,
        format="stripe_activity_csv",
        interval_start=start,
        interval_end=end,
        actor=actor,
        now=now,
        psp=psp,
    )


def _span(psp: str) -> tuple[datetime, datetime]:
    outcome = provider(psp).statement_span()
    if not isinstance(outcome, Succeeded):
        raise StatementNotReady(reason=str(outcome))
    return outcome.value


def _refuse_known(digest: str) -> None:
    known = Statement.objects.filter(sha256=digest).first()
    if known is not None:
        raise StatementKnown(statement=known.pk)


def _totals(lines: list[ParsedLine]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for line in lines:
        totals[line.currency] = totals.get(line.currency, 0) + line.net_minor
    return totals


def _row(statement: int, line: ParsedLine) -> tuple[object, ...]:
    return (
        statement,
        line.line_no,
        line.transaction_ref,
        line.category,
        line.source_ref,
        line.currency,
        line.gross_minor,
        line.fee_minor,
        line.net_minor,
        line.created_at,
        line.available_on,
        line.description,
    )


def _check_totals(statement: Statement, stated: dict[str, int]) -> None:
    """Compare what arrived in the table with what was stated."""
    rows = database.fetch_all(database.queries("reconciliation")["control_totals"], {"statement": statement.pk})
    _compare_totals({row["currency"]: int(row["net_minor"]) for row in rows}, stated)


def _compare_totals(found: dict[str, int], stated: dict[str, int]) -> None:
    """Raise ControlTotalMismatch for a currency on either side in which they differ."""
    for currency in sorted(found.keys() | stated.keys()):
        if found.get(currency, 0) != stated.get(currency, 0):
            raise ControlTotalMismatch(
                currency=currency, found_minor=found.get(currency, 0), given_minor=stated.get(currency, 0)
            )
