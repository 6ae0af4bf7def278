"""Doing the work.

1. Claim: one conditional update takes a due or abandoned row, counts the attempt and commits, so that a job
   that kills its worker is counted too and cannot loop for ever.
2. Run: the function that `config/wiring.py` names, with no transaction open; it opens its own.
3. Settle: done, or due again by the kind's policy, or parked as a dead letter.
A second worker that gets the same hint claims nothing and leaves.
"""

import json
import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from operations import audit, database, switchboard
from operations.edges import hint, money_tx
from operations.errors import DomainError
from operations.jobs.policy import DEFAULT, RetryPolicy
from operations.jobs.queue import RUN_TASK
from operations.models import Job
from operations.models.jobs import JobState
from operations.prepared import ask_prepared, prepared
from operations.switches import Stopped
from operations.texts import require_fit

logger = logging.getLogger(__name__)

# A worker that has not settled a job by then is taken for dead. Longer than any call to the provider.
LEASE = timedelta(seconds=60)
# How often a job that a stop switch holds back looks whether it was released.
WHILE_STOPPED = timedelta(seconds=60)
# Work of a kind that is not known here is a newer release's: for so long its own workers may take it.
ROLLED_OUT_WITHIN = timedelta(hours=1)
WHILE_ROLLED_OUT = timedelta(seconds=15)
# How soon what found no place would look again by itself, to be called up as soon as one is free; and how many one
# thread does in a row.
LINE = timedelta(seconds=5)
IN_A_ROW = 20


class TryLater(DomainError):
    """Not yet: {reason}"""

    code = "try_later"
    retryable = True

    def __init__(self, *, reason: str, after_s: int | None = None) -> None:
        super().__init__(reason=reason, after_s=after_s)
        self.after_s = after_s


class NotBegun(DomainError):
    """Not begun: {reason}"""

    code = "not_begun"
    retryable = True

    def __init__(self, *, reason: str, after_s: int) -> None:
        super().__init__(reason=reason, after_s=after_s)
        self.after_s = after_s


class JobMissing(DomainError):
    """There is no dead job {job_id}."""

    code = "job_missing"


def run_job(*, job_id: int, now: datetime) -> bool:
    """Claim and run one job. Returns False where it was not due, or another worker has it.

    Where its kind waits in line, so are those of the kind that found no place; after some in a row it is another
    thread's turn, and its hint comes behind what is due besides.
    """
    kind, began = _run_claimed(job_id, now=now)
    if began and _policy(kind).in_line:
        for _ in range(IN_A_ROW):
            next_id = _next_in_line(kind, now=_moment(now))
            if next_id is None:
                return True
            _run_claimed(next_id, now=_moment(now))
        _next_in_line(kind, now=_moment(now), hinted=True)
    return bool(kind)


def _moment(now: datetime) -> datetime:
    """Return what time it is by now; where nothing is hinted, a test says what time it is."""
    return timezone.now() if settings.HINTS_ENABLED else now


def _next_in_line(kind: str, *, now: datetime, hinted: bool = False) -> int | None:
    """Call the job of a kind up that has waited longest for a place; return it, or nothing where none waits."""
    with money_tx("jobs.line"):
        for found, _ in ask_prepared(prepared("operations", "next_in_line"), [kind, now, LINE]):
            if hinted:
                hint(RUN_TASK, row_id=int(found or 0))
            return int(found or 0)
    return None


def _run_claimed(job_id: int, *, now: datetime) -> tuple[str, bool]:
    """Run a job if it can be claimed; return its kind, empty where it cannot, and whether it found a place."""
    job = _claim(job_id, now=now)
    if job is None:
        return "", False
    policy = _policy(job["kind"])
    began = True
    if job["attempts"] > policy.attempts:
        _park(job, error=f"gave up: attempt {job['attempts']} never ended", now=now)
        return job["kind"], began
    try:
        _run(job, now=now)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is recorded on its row, never lost
        began = not isinstance(error, NotBegun)
        _failed(job, policy=policy, error=error, now=now)
    else:
        with money_tx("jobs.settle"):
            ask_prepared(prepared("operations", "finish_job"), [job["id"], job["attempts"], now])
    return job["kind"], began


def run_due(*, limit: int, now: datetime) -> int:
    """Run what is due, abandoned rows included, up to a limit. Returns how many jobs were run."""
    due = database.fetch_all(database.queries("operations")["due_jobs"], {"now": now, "limit": limit})
    return sum(run_job(job_id=row["id"], now=_moment(now)) for row in due)


def replay(*, job_id: int, actor: str, reason: str, now: datetime) -> None:
    """Put a dead letter back on the table, with a reason. Raises JobMissing, TextRefused."""
    require_fit(reason=reason)
    with money_tx("jobs.replay"):
        rows = Job.objects.filter(pk=job_id, state=JobState.DEAD).update(
            state=JobState.TODO, attempts=0, next_at=now, lease_until=None, finished_at=None
        )
        if rows != 1:
            raise JobMissing(job_id=job_id)
        audit.record(action="operations.job.replayed", actor=actor, subject=f"job:{job_id}", now=now, reason=reason)
        hint(RUN_TASK, row_id=job_id)


def discard(*, job_id: int, actor: str, reason: str, now: datetime) -> None:
    """Give a dead letter up for good, with a reason; the row stays. Raises JobMissing, TextRefused."""
    require_fit(reason=reason)
    with money_tx("jobs.discard"):
        rows = Job.objects.filter(pk=job_id, state=JobState.DEAD).update(state=JobState.DISCARDED, finished_at=now)
        if rows != 1:
            raise JobMissing(job_id=job_id)
        audit.record(action="operations.job.discarded", actor=actor, subject=f"job:{job_id}", now=now, reason=reason)


def _claim(job_id: int, *, now: datetime) -> dict[str, Any] | None:
    with money_tx("jobs.claim"):
        rows = ask_prepared(prepared("operations", "claim_job"), [job_id, now, LEASE])
    for number, kind, key, args, attempts, created_at, _ in rows:
        facts = {"id": int(number or 0), "attempts": int(attempts or 0), "args": json.loads(args or "{}")}
        return {"kind": kind, "key": key, "created_at": datetime.fromisoformat(created_at or ""), **facts}
    return None


def _policy(kind: str) -> RetryPolicy:
    policies: Any = switchboard.table("RETRY_POLICIES")
    policy: RetryPolicy = policies.get(kind, DEFAULT)
    return policy


def _run(job: dict[str, Any], *, now: datetime) -> None:
    switchboard.answerer("JOBS", job["kind"])(**job["args"], now=now)


def _failed(job: dict[str, Any], *, policy: RetryPolicy, error: Exception, now: datetime) -> None:
    message = f"{type(error).__name__}: {error}"[:2000]
    uncounted = _uncounted(error, job, now=now)
    if uncounted is not None:
        attempts = job["attempts"] - 1
        _settle(job, state=JobState.TODO, next_at=now + uncounted, attempts=attempts, last_error=message)
        return
    final = policy.shape == "cancel" or (isinstance(error, DomainError) and not error.retryable)
    told = getattr(error, "after_s", None)
    waiting = isinstance(error, TryLater) and now < job["created_at"] + policy.patience
    if final or (job["attempts"] >= policy.attempts and not waiting):
        _park(job, error=message, now=now)
        return
    if not isinstance(error, TryLater):
        logger.warning("job %s %s failed, attempt %s: %s", job["kind"], job["key"], job["attempts"], message)
    delay = policy.delay_told(job["attempts"], told)
    # One that waits keeps its last attempts: it is not waiting that says that it kills its worker, nor is one kill.
    attempts = min(job["attempts"], policy.most_waited) if waiting else job["attempts"]
    _settle(job, state=JobState.TODO, next_at=now + delay, last_error=message, attempts=attempts)


def _uncounted(error: Exception, job: dict[str, Any], *, now: datetime) -> timedelta | None:
    """Return how long a job waits that has not failed: a person holds it back, others are first, or it is another's."""
    if isinstance(error, Stopped):
        # A brake may stay pulled for days: waiting for the person who pulled it is no failed attempt.
        return WHILE_STOPPED
    if isinstance(error, NotBegun):
        # So may a place be taken.
        return timedelta(seconds=error.after_s)
    if isinstance(error, switchboard.UnknownKind) and now < job["created_at"] + ROLLED_OUT_WITHIN:
        return WHILE_ROLLED_OUT
    return None


def _park(job: dict[str, Any], *, error: str, now: datetime) -> None:
    logger.error("job %s %s is a dead letter: %s", job["kind"], job["key"], error)
    _settle(job, state=JobState.DEAD, last_error=error, finished_at=now)


def _settle(job: dict[str, Any], **changes: Any) -> None:
    """Write the outcome, unless the lease ran out and another worker has taken the job since."""
    with money_tx("jobs.settle"):
        Job.objects.filter(pk=job["id"], state=JobState.DOING, attempts=job["attempts"]).update(
            lease_until=None, **changes
        )
