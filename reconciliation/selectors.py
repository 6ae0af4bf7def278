"""The front door for questions about reconciliation."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Sum
from django.db.models.functions import Abs

from ledger.money import Money
from operations import database
from reconciliation.models import Discrepancy, Statement
from reconciliation.services.matching import DUE_AFTER
from reconciliation.states import DiscrepancyState, StatementState


def unexplained_minor(*, now: datetime, psp: str = "stripe") -> int:
    """Return the money in which books and statements differ without a named reason, in minor units.

    The remainder of each currency is added up as if they were one: it is zero or it is a problem.
    """
    rows = database.fetch_all(
        database.queries("reconciliation")["unexplained"], {"psp": psp, "due_before": now - DUE_AFTER}
    )
    return sum(int(row["minor"]) for row in rows)


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
