"""The front door for questions about reconciliation."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import F, Sum
from django.db.models.functions import Abs

from ledger.money import Money
from ledger.selectors import last_closed_day
from operations import database
from operations.selectors import history
from reconciliation.models import Discrepancy, Statement
from reconciliation.services.matching import DUE_AFTER
from reconciliation.states import STATEMENT, DiscrepancyState, StatementState


def unexplained_minor(*, now: datetime, psp: str = "stripe") -> int:
    """Return the money in which books and statements differ without a named reason, in minor units.

    The remainder of each currency is added up as if they were one: it is zero or it is a problem. Once a day was
    closed, reads what may differ since, not all that there ever was: it is asked while nobody can post.
    """
    sql, since = database.queries("reconciliation"), _looked_at_until(psp)
    facts = {"psp": psp, "due_before": now - DUE_AFTER, "since": since}
    rows = database.fetch_all(sql["unexplained" if since is None else "unexplained_since"], facts)
    return sum(int(row["minor"]) for row in rows)


def _looked_at_until(psp: str) -> date | None:
    """Return the business day from which on objects may differ that did not at a close of day; None before the first.

    A statement is closed in the transaction that found nothing unexplained. What was booked since is booked after the
    day that was closed; what was too young to be missed then was recorded shortly before.
    """
    closed = Statement.objects.filter(psp=psp, state=StatementState.CLOSED).order_by("-interval_end").first()
    if closed is None:
        return None
    moves = history(machine=STATEMENT.name, subject_id=str(closed.pk)).filter(to_state=StatementState.CLOSED)
    at = moves.latest("id").at
    day = last_closed_day(by=at)
    young = (at - DUE_AFTER).date()
    return min(young, day + timedelta(days=1)) if day else young


def open_discrepancies(*, references: list[str] | None = None) -> int:
    """Return how many discrepancies nobody has settled, of some provider objects or of all."""
    found = Discrepancy.objects.filter(state__in=(DiscrepancyState.OPEN, DiscrepancyState.ASSIGNED))
    return (found.filter(reference__in=references) if references is not None else found).count()


def covered_until(*, psp: str) -> datetime | None:
    """Return the moment up to which matched statements reach."""
    last = (
        Statement.objects.filter(psp=psp, state__in=(StatementState.MATCHED, StatementState.CLOSED))
        .order_by("-interval_end")
        .first()
    )
    return last.interval_end if last else None


def lines_reconciled(*, sources: list[str] | None = None) -> int:
    """Return how many statement lines match the books, of some provider objects or of all."""
    row = database.fetch_one(database.queries("reconciliation")["lines_reconciled"], {"sources": sources})
    return int(row["lines"])


@dataclass(frozen=True, kw_only=True)
class DispositionTotal:
    """How many lines of a statement ended in one place, and their net sum in one currency."""

    kind: str
    lines: int
    net: Money


def dispositions_of(*, statement: int) -> list[DispositionTotal]:
    """Return how a statement's lines ended. The nets of a currency sum to its control total."""
    rows = database.fetch_all(database.queries("reconciliation")["dispositions"], {"statement": statement})
    return [
        DispositionTotal(kind=row["kind"], lines=int(row["lines"]), net=Money(int(row["net_minor"]), row["currency"]))
        for row in rows
    ]


def money_at_risk() -> list[Money]:
    """Return the money in which unsettled discrepancies differ, one sum per currency."""
    rows = (
        Discrepancy.objects.filter(state__in=(DiscrepancyState.OPEN, DiscrepancyState.ASSIGNED))
        .values_list("currency")
        .annotate(total=Sum(Abs(F("expected_minor") - F("found_minor"))))
        .order_by("currency")
    )
    return [Money(int(total), currency) for currency, total in rows]


def open_statements() -> list[int]:
    """Return the statements that may still change: not yet closed with their day."""
    states = (StatementState.PARSED, StatementState.MATCHED)
    return list(Statement.objects.filter(state__in=states).order_by("pk").values_list("pk", flat=True))
