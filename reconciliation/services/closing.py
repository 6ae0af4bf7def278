"""The close of day: a checklist that must be green, then a lock that the database enforces."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ledger.selectors import providers_in_the_books
from ledger.services import lock_day, verify_books
from operations.counts import format_count
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from payments.selectors import configured_providers, unresolved_orders
from payouts.selectors import unsettled_payouts
from reconciliation import selectors
from reconciliation.models import Statement
from reconciliation.states import StatementState


class ChecklistNotGreen(DomainError):
    """The day {business_date} cannot be closed: {reasons}"""

    code = "checklist_not_green"


class DayNotOver(DomainError):
    """The day {business_date} has not begun yet and cannot be closed."""

    code = "day_not_over"


@dataclass(frozen=True, kw_only=True)
class CheckItem:
    """One line of the checklist."""

    name: str
    green: bool
    detail: str


def checklist(*, business_date: date, actor: str, now: datetime) -> list[CheckItem]:
    """Return what must be true before a day may be closed. Proves the books, and keeps the verdict."""
    verdict = verify_books(actor=actor, now=now)
    proved = CheckItem(name="books proved", green=verdict.green, detail=format_count(len(verdict.findings), "finding"))
    return [proved, *_outside_world(business_date, now)]


def close_day(*, business_date: date, actor: str, now: datetime) -> str:
    """Lock a business day for good and return the digest of the journal up to it.

    The checklist is asked first, so that nobody waits for the proof of the books. What postings under way may have
    changed since is asked again behind the lock, while nothing can be posted: all of the list but the proof, which
    is of the books as they were before. A day may be cut off before midnight: what comes later is booked into the
    next one. Raises ChecklistNotGreen (with every reason), DayNotOver, DayAlreadyClosed.
    """
    if business_date > now.date():
        raise DayNotOver(business_date=business_date)
    _require_green(checklist(business_date=business_date, actor=actor, now=now), business_date)
    with money_tx("days.close"):
        digest = lock_day(business_date=business_date, actor=actor, now=now)
        _require_green(_outside_world(business_date, now), business_date)
        for statement in Statement.objects.select_for_update().filter(state=StatementState.MATCHED):
            move(statement, "close", actor=actor, now=now, reason=f"day {business_date} closed")
    return digest


def _outside_world(business_date: date, now: datetime) -> list[CheckItem]:
    """Return what must be true of the books against the outside world. Only reads, and may be asked twice."""
    psps = sorted({*providers_in_the_books(), *configured_providers()})
    discrepancies = selectors.open_discrepancies()
    unknown, unsettled = unresolved_orders(), unsettled_payouts()
    return [
        *(_statement_in(psp, business_date, now) for psp in psps),
        *(_nothing_unexplained(psp, now) for psp in psps),
        CheckItem(name="no open discrepancy", green=discrepancies == 0, detail=f"{discrepancies} open"),
        CheckItem(name="no unknown order", green=unknown == 0, detail=f"{unknown} unknown"),
        CheckItem(name="no payout under way", green=unsettled == 0, detail=f"{unsettled} under way"),
    ]


def _statement_in(psp: str, business_date: date, now: datetime) -> CheckItem:
    covered = selectors.covered_until(psp=psp)
    return CheckItem(
        name=f"statement of {psp} in",
        green=covered is not None and _reaches(covered, business_date, now),
        detail=f"statements reach {covered:%Y-%m-%d %H:%M:%S}" if covered else "no statement yet",
    )


def _nothing_unexplained(psp: str, now: datetime) -> CheckItem:
    unexplained = selectors.unexplained_minor(psp=psp, now=now)
    return CheckItem(name=f"nothing unexplained at {psp}", green=unexplained == 0, detail=f"{unexplained} minor units")


def _require_green(items: list[CheckItem], business_date: date) -> None:
    red = [f"{item.name} ({item.detail})" for item in items if not item.green]
    if red:
        raise ChecklistNotGreen(business_date=business_date, reasons="; ".join(red))


def _reaches(covered: datetime, business_date: date, now: datetime) -> bool:
    """Tell whether statements up to a moment, which they do not include, cover a day: all of it, once it is over."""
    begins = datetime.combine(business_date, time.min, UTC)
    return covered >= begins + timedelta(days=1) if business_date < now.date() else covered > begins
