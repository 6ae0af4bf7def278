"""Business days: open until they are closed, and then locked by the database."""

from datetime import date, datetime

from django.db import IntegrityError
from psycopg.errors import CheckViolation

from operations import audit, database
from operations.edges import require_transaction
from operations.errors import DomainError


class DayAlreadyClosed(DomainError):
    """The day {business_date} is closed already."""

    code = "day_already_closed"


class DayToCome(DomainError):
    """The day {business_date} has not begun: it cannot be closed."""

    code = "day_to_come"


def lock_day(*, business_date: date, actor: str, now: datetime) -> str:
    """Close a business day, and every earlier one, for good. Must run in the caller's transaction.

    Waits for postings under way and lets none begin until the caller commits: what a caller checks after this
    call, in the same transaction, is what was sealed. Returns a digest of the journal up to that day, which
    continues the one before. Raises DayAlreadyClosed; DayToCome by the clock of the database.
    """
    require_transaction("lock a day")
    facts = {"business_date": business_date, "actor": actor, "now": now}
    try:
        sealed = database.fetch_one(database.queries("ledger")["close_day"], facts)
    except IntegrityError as error:
        if isinstance(error.__cause__, CheckViolation):
            raise DayToCome(business_date=business_date) from error
        raise DayAlreadyClosed(business_date=business_date) from error
    audit.record(
        action="ledger.day.closed",
        actor=actor,
        subject=f"day:{business_date}",
        now=now,
        entries=sealed["entries"],
        digest=sealed["digest"],
    )
    return str(sealed["digest"])
