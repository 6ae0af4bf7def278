"""The front door for questions about reconciliation."""

from datetime import datetime

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
