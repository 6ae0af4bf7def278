"""What finance does after a day of trade, as two people and a clock would do it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

import ledger.selectors
import operations.selectors
import payments.selectors
import payouts.selectors
import reconciliation.selectors
from ledger.services import DayAlreadyClosed, verify_books
from operations.services import grant_approval
from payouts.services import NothingToPayOut, propose_batch, release_due
from reconciliation.services import ChecklistNotGreen, close_day, fetch_statement, match_statement

OPERATOR = "user:oscar"
APPROVER = "user:anna"
PATIENCE_S = 120
RELEASE_LIMIT = 100_000


class DayNotFinished(Exception):
    """Something that should end by itself did not end in time."""


@dataclass(frozen=True, kw_only=True)
class DayEnd:
    """How the day ended."""

    released: int
    batches: list[str]
    matched: dict[str, int]
    open_discrepancies: int
    unexplained_minor: int
    books_proved: bool
    closed: date | None
    not_closed_because: str


def wait_for(what: str, condition: Callable[[], bool]) -> None:
    """Return when the condition holds. Raises DayNotFinished."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise DayNotFinished(f"{what} did not end within {PATIENCE_S} seconds; `manage.py jobs_dead` may say why.")
        time.sleep(0.1)


def wait_for_seller_accounts(storefront: str) -> None:
    """Return when every seller's account at the provider is open."""
    wait_for(
        "Opening the sellers' accounts",
        lambda: payments.selectors.sellers_without_account(storefront=storefront) == 0,
    )


def wait_for_refunds(storefront: str) -> None:
    """Return when every refund has its outcome."""
    wait_for("Refunding", lambda: payments.selectors.open_refunds(storefront=storefront) == 0)


def pay_out(*, currency: str, storefront: str) -> list[str]:
    """Release what is due, propose a batch as one person, approve it as another, and wait until it is paid."""
    try:
        batch = propose_batch(
            currency=currency, storefront=storefront, reason="end of day", actor=OPERATOR, now=timezone.now()
        )
    except NothingToPayOut:
        return []
    approval = operations.selectors.open_approval(kind="payouts.batch", subject=f"batch:{batch.pk}")
    if approval is None:
        raise DayNotFinished(f"The batch {batch.pk} waits for no approval.")
    grant_approval(approval_id=approval.pk, checker=APPROVER, now=timezone.now(), note="reviewed")
    wait_for("Paying out", lambda: payouts.selectors.unsettled_payouts() == 0)
    return [str(batch.pk)]


def end_of_day(*, currency: str, storefront: str) -> DayEnd:
    """Release, pay out, fetch and match the provider's statement, prove the books, close the day."""
    released = release_due(limit=RELEASE_LIMIT, actor="system:schedule", now=timezone.now())
    batches = pay_out(currency=currency, storefront=storefront)
    _wait_for_a_new_second()
    statement = fetch_statement(actor="system:schedule", now=timezone.now())
    matched: dict[str, int] = {}
    if statement is not None:
        matched = match_statement(statement=statement.pk, now=timezone.now()).lines
    closed, reason = _close()
    now = timezone.now()
    return DayEnd(
        released=released,
        batches=batches,
        matched=matched,
        open_discrepancies=reconciliation.selectors.open_discrepancies(),
        unexplained_minor=reconciliation.selectors.unexplained_minor(now=now),
        books_proved=verify_books(actor="system:schedule", now=now).green,
        closed=closed,
        not_closed_because=reason,
    )


def _close() -> tuple[date | None, str]:
    today = timezone.now().date()
    last = ledger.selectors.last_closed_day()
    if last is not None and last >= today:
        return last, ""
    try:
        close_day(business_date=today, actor=OPERATOR, now=timezone.now())
    except (ChecklistNotGreen, DayAlreadyClosed) as error:
        return None, str(error)
    return today, ""


def _wait_for_a_new_second() -> None:
    """A statement covers full seconds: what happened in this one is covered from the next one on."""
    second = int(time.time())
    while int(time.time()) == second:
        time.sleep(0.02)
