"""The janitor: closes what ran out, warns before a reservation lapses, and leaves nothing without somebody to act.

Every unfinished row has a job that is still to run, or a question that waits for a person. What has neither, because a
process died in a way that nobody thought of, gets its job back; what is parked as a dead letter gets a question.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet

from operations.edges import money_tx
from operations.selectors import job_error, job_states, open_tasks
from operations.services import TryLater, ask_person, enqueue_again
from payments.models import Attempt, Checkout, DisputeEvidence, EvidenceFile, Instruction, Refund, Surplus
from payments.models.instructions import InstructionKind
from payments.services.captures import WATCH, poll_interval_s, sync_attempt
from payments.services.events import tell
from payments.services.evidence import UNDER_WAY as EVIDENCE_UNDER_WAY
from payments.services.evidence_files import JOB as SEND_FILE
from payments.services.evidence_files import UNDER_WAY as FILES_UNDER_WAY
from payments.services.instructed import ALIVE
from payments.services.instructed import JOB as CARRY_OUT
from payments.services.instructions import expire_checkout
from payments.services.refunds import UNSENT
from payments.services.refunds_elsewhere import review_asked
from payments.services.surplus import JOB as SEND_BACK
from payments.states import AttemptState, SurplusState

M = TypeVar("M", bound=Model)

STUCK = "payments.stuck"
# How long after its end a page is given to be closed by the provider itself.
GRACE = timedelta(minutes=10)
# Younger rows are still in the hands of whoever made them.
LEAST_AGE = timedelta(minutes=2)
_BATCH = 500
_LOOK_AGAIN_S = 6 * 3600
# How long the provider is left alone with a page that it would not close.
_CLOSE_AGAIN = timedelta(hours=6)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one round of the janitor found to do."""

    closed: int
    revived: int
    asked: int


@dataclass(frozen=True, kw_only=True)
class _Row:
    """An unfinished row: the job that should be working on it, and the checkout that it is about."""

    job: str
    key: str
    args: dict[str, str]
    checkout: str


def watch_authorization(*, attempt: str, now: datetime) -> None:
    """Look after a reservation until it is captured, released or lapsed (a job). Raises TryLater until then.

    The storefront is told once when little time is left (`AUTHORIZATION_WARNING`).
    """
    found = Attempt.objects.get(pk=attempt)
    if found.state != AttemptState.AUTHORIZED:
        return
    until = found.authorized_until
    assert until is not None  # noqa: S101 - set with the state
    sync_attempt(attempt=attempt, now=now, poll=False)
    warn_at = until - settings.AUTHORIZATION_WARNING
    with money_tx("payments.watch_authorization"):
        found = Attempt.objects.select_for_update().get(pk=attempt)
        if found.state != AttemptState.AUTHORIZED:
            return
        if now >= warn_at and found.warned_at is None:
            Attempt.objects.filter(pk=attempt).update(warned_at=now)
            tell(checkout=found.checkout_id, type="payment.authorization_expiring", now=now)
    next_mark = warn_at if now < warn_at else until
    # A provider that names only the day lets go of it as much as a day later.
    wait_s = _wait_s(next_mark - now) if now < next_mark else poll_interval_s(now - next_mark)
    raise TryLater(reason="reserved, not captured", after_s=wait_s)


def tidy_up(*, now: datetime) -> Found:
    """Go over everything unfinished once (a scheduled task); returns what there was to do."""
    closed = sum(expire_checkout(checkout=checkout, actor="system:janitor", now=now) for checkout in _run_out(now=now))
    revived = asked = 0
    rows = _unfinished(now=now)
    while page := list(islice(rows, _BATCH)):
        for kind in sorted({row.job for row in page}):
            mine = [row for row in page if row.job == kind]
            states = job_states(kind=kind, keys=[row.key for row in mine])
            # What was discarded is with the person who did that, and may be done by hand by now.
            idle = [row for row in mine if states.get(row.key) not in ("todo", "doing", "discarded")]
            for row in idle:
                if states.get(row.key) == "dead":
                    asked += _ask(row, now=now)
                else:
                    revived += _revive(row, now=now)
    review_asked(now=now)
    return Found(closed=closed, revived=revived, asked=asked)


def _wait_s(left: timedelta) -> int:
    return max(60, min(_LOOK_AGAIN_S, int(left.total_seconds())))


def _run_out(*, now: datetime) -> list[str]:
    over = Attempt.objects.filter(state=AttemptState.PENDING, checkout__expires_at__lt=now - GRACE)
    # What the provider would not close is under way there, or under review: it is asked again, but not at once.
    refused = Instruction.objects.filter(kind=InstructionKind.CLOSE, created_at__gt=now - _CLOSE_AGAIN)
    without = over.exclude(instructions__state__in=ALIVE).exclude(pk__in=refused.values("attempt"))
    return list(without.order_by("pk").values_list("checkout_id", flat=True)[:_BATCH])


def _paged(rows: "QuerySet[M]") -> Iterator[M]:
    """Yield all of a query's rows, a page at a time."""
    page = list(rows.order_by("pk")[:_BATCH])
    while page:
        yield from page
        page = list(rows.filter(pk__gt=page[-1].pk).order_by("pk")[:_BATCH])


def _unfinished(*, now: datetime) -> Iterator[_Row]:
    old = {"state_since__lt": now - LEAST_AGE}
    jobs = {
        AttemptState.CREATED: "payments.register_attempt",
        AttemptState.UNKNOWN: "payments.register_attempt",
        AttemptState.PENDING: "payments.sync_attempt",
        AttemptState.AUTHORIZED: WATCH,
    }
    # A cart that a person reviews has its approval: that is whom it waits for.
    attempts = Attempt.objects.filter(state__in=list(jobs), **old).exclude(
        state=AttemptState.CREATED, checkout__orders__state="IN_REVIEW"
    )
    for attempt in _paged(attempts):
        job = jobs[AttemptState(attempt.state)]
        yield _Row(job=job, key=attempt.pk, args={"attempt": attempt.pk}, checkout=attempt.checkout_id)
    for told in _paged(Instruction.objects.select_related("attempt").filter(state__in=ALIVE, **old)):
        yield _Row(job=CARRY_OUT, key=told.pk, args={"instruction": told.pk}, checkout=told.attempt.checkout_id)
    to_send = (SurplusState.BOOKED, SurplusState.SENDING, SurplusState.UNKNOWN)
    for surplus in _paged(Surplus.objects.select_related("attempt").filter(state__in=to_send, **old)):
        yield _Row(job=SEND_BACK, key=surplus.pk, args={"surplus": surplus.pk}, checkout=surplus.attempt.checkout_id)
    refunds = Refund.objects.select_related("order").filter(state__in=UNSENT, created_at__lt=now - LEAST_AGE)
    # One that a second person has yet to agree to waits for that person.
    for refund in _paged(refunds.exclude(needs_approval=True, approved_by=None)):
        job = "payments.send_refund"
        yield _Row(job=job, key=refund.pk, args={"refund": refund.pk}, checkout=refund.order.checkout_id)
    yield from _not_handed_in(now - LEAST_AGE)


def _not_handed_in(before: datetime) -> Iterator[_Row]:
    """Return the evidence, and the files for it, that the provider has not taken or refused yet."""
    evidence = DisputeEvidence.objects.select_related("dispute").filter(created_at__lt=before)
    for each in _paged(evidence.filter(state__in=EVIDENCE_UNDER_WAY)):
        args, checkout = {"evidence": each.pk}, each.dispute.checkout_id
        yield _Row(job="payments.send_evidence", key=each.pk, args=args, checkout=checkout)
    files = EvidenceFile.objects.defer("content").select_related("dispute").filter(created_at__lt=before)
    for file in _paged(files.filter(state__in=FILES_UNDER_WAY)):
        yield _Row(job=SEND_FILE, key=file.pk, args={"file": file.pk}, checkout=file.dispute.checkout_id)


def _revive(row: _Row, *, now: datetime) -> int:
    with money_tx("janitor.revive"):
        return int(enqueue_again(kind=row.job, key=row.key, args=row.args, run_at=now) is not None)


def _ask(row: _Row, *, now: datetime) -> int:
    subject = f"checkout:{row.checkout}"
    if subject in open_tasks(subjects=[subject]):
        return 0
    reason = f"{row.job} {row.key} is a dead letter: {job_error(kind=row.job, key=row.key)}"[:1000]
    with money_tx("janitor.ask_person"):
        Checkout.objects.select_for_update().get(pk=row.checkout)
        ask_person(kind=STUCK, subject=subject, reason=reason, waits_for="operator", now=now)
    return 1
