"""Business days: open until they are closed, and then locked by the database."""

from datetime import date, datetime

from ledger.models import ClosedDay
from operations import audit, database
from operations.edges import require_transaction
from operations.errors import DomainError


class DayAlreadyClosed(DomainError):
    """The day {business_date} is closed already."""

    code = "day_already_closed"


def lock_day(*, business_date: date, actor: str, now: datetime) -> str:
    """Close a business day, and every earlier one, for good. Must run in the caller's transaction.

    Waits for postings under way and lets none begin until the caller commits, so that what is sealed is what
    was checked. Returns the digest of the journal up to that day. Raises DayAlreadyClosed.
    """
    require_transaction("lock a day")
    sql = database.queries("ledger")
    database.execute(sql["lock_journal"])
    if ClosedDay.objects.filter(business_date__gte=business_date).exists():
        raise DayAlreadyClosed(business_date=business_date)
    sealed = database.fetch_one(sql["journal_digest"], {"business_date": business_date})
    ClosedDay.objects.create(
        business_date=business_date,
        closed_by=actor,
        closed_at=now,
        entries=sealed["entries"],
        digest=sealed["digest"],
    )
    audit.record(
        action="ledger.day.closed",
        actor=actor,
        subject=f"day:{business_date}",
        now=now,
        entries=sealed["entries"],
        digest=sealed["digest"],
    )
    return str(sealed["digest"])
