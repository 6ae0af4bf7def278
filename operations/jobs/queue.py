"""Putting work on the table."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from operations import switchboard
from operations.edges import hint, require_transaction
from operations.models import Job
from operations.models.jobs import JobState
from operations.prepared import ask_prepared, prepared

# What stands in a key between the work and the number of a repetition of it.
AGAIN = "~"
RUN_TASK = "operations.run_job"


def enqueue(*, kind: str, key: str, args: dict[str, Any], run_at: datetime) -> int | None:
    """Add a job in the caller's transaction, and wake a worker once that commits.

    Returns the job's id, or None where the same (kind, key) is already known: a repetition is the same work.
    """
    require_transaction("enqueue")
    switchboard.answerer("JOBS", kind)
    rows = ask_prepared(prepared("operations", "enqueue_job"), [kind, key, args, run_at])
    if not rows:
        return None
    job_id = int(rows[0][0] or 0)
    # A hint now for work that is due later would only make a worker look at it in vain; the sweeper will not.
    if run_at <= timezone.now():
        hint(RUN_TASK, row_id=job_id)
    return job_id


def line_of(*, kind: str, key: str) -> QuerySet[Job]:
    """Return a job and its repetitions."""
    return Job.objects.filter(Q(key=key) | Q(key__startswith=f"{key}{AGAIN}"), kind=kind)


def enqueue_again(*, kind: str, key: str, args: dict[str, Any], run_at: datetime) -> int | None:
    """Add a job, or the next one of its line (`key~2`, `key~3`) where the last was done although its work is not.

    Returns the job's id, or None where one waits, runs, or is a dead letter: that stays with its person.
    """
    added = enqueue(kind=kind, key=key, args=args, run_at=run_at)
    if added is not None:
        return added
    line = line_of(kind=kind, key=key)
    if line.exclude(state__in=(JobState.DONE, JobState.DISCARDED)).exists():
        return None
    return enqueue(kind=kind, key=f"{key}{AGAIN}{line.count() + 1}", args=args, run_at=run_at)


def withdraw(*, kind: str, key: str, now: datetime) -> None:
    """Mark a waiting job as done: what it was to make sure of has happened without it."""
    require_transaction("withdraw")
    ask_prepared(prepared("operations", "withdraw_job"), [kind, key, now])


def requeue(*, kind: str, key: str, args: dict[str, Any], run_at: datetime) -> None:
    """Have work done once more that was done, or given up.

    A dead letter goes back on the table, with its attempts counted afresh. What ended otherwise stays as it ended, and
    its repetition is the next job of its line. Work that still waits, or is under way, is not doubled.
    """
    require_transaction("requeue")
    dead = line_of(kind=kind, key=key).filter(state=JobState.DEAD).order_by("-id").first()
    if dead is None:
        enqueue_again(kind=kind, key=key, args=args, run_at=run_at)
        return
    Job.objects.filter(pk=dead.pk, state=JobState.DEAD).update(
        state=JobState.TODO, attempts=0, next_at=run_at, lease_until=None, finished_at=None
    )
    hint(RUN_TASK, row_id=dead.pk)


def wake(*, kind: str, key: str, now: datetime, unless_within: timedelta = timedelta(0)) -> None:
    """Make a waiting job due at once (somebody learnt that its moment has come), unless it is due soon anyway."""
    require_transaction("wake")
    for job in Job.objects.filter(kind=kind, key=key, state=JobState.TODO, next_at__gt=now + unless_within):
        Job.objects.filter(pk=job.pk, state=JobState.TODO).update(next_at=now)
        hint(RUN_TASK, row_id=job.pk)
