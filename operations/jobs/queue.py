"""Putting work on the table."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from operations import database, switchboard
from operations.edges import hint, require_transaction
from operations.models import Job
from operations.models.jobs import JobState

RUN_TASK = "operations.run_job"


def enqueue(*, kind: str, key: str, args: dict[str, Any], run_at: datetime) -> int | None:
    """Add a job in the caller's transaction, and wake a worker once that commits.

    Returns the job's id, or None where the same (kind, key) is already known: a repetition is the same work.
    """
    require_transaction("enqueue")
    switchboard.answerer("JOBS", kind)
    rows = database.fetch_all(
        database.queries("operations")["enqueue_job"],
        {"kind": kind, "key": key, "args": json.dumps(args), "next_at": run_at},
    )
    if not rows:
        return None
    job_id = int(rows[0]["id"])
    # A hint now for work that is due later would only make a worker look at it in vain; the sweeper will not.
    if run_at <= timezone.now():
        hint(RUN_TASK, row_id=job_id)
    return job_id


def withdraw(*, kind: str, key: str, now: datetime) -> None:
    """Mark a waiting job as done: what it was to make sure of has happened without it."""
    require_transaction("withdraw")
    Job.objects.filter(kind=kind, key=key, state=JobState.TODO).update(
        state=JobState.DONE, finished_at=now, last_error="withdrawn: done without it"
    )


def requeue(*, kind: str, key: str, args: dict[str, Any], run_at: datetime) -> None:
    """Have work done once more that was done, or given up.

    A dead letter goes back on the table, with its attempts counted afresh. What ended otherwise stays as it ended: its
    repetition is a job of its own, numbered. Work that still waits, or is under way, is not doubled.
    """
    require_transaction("requeue")
    known = list(Job.objects.filter(kind=kind).filter(Q(key=key) | Q(key__startswith=f"{key}#")).order_by("id"))
    if any(job.state in (JobState.TODO, JobState.DOING) for job in known):
        return
    for dead in [job for job in known if job.state == JobState.DEAD][-1:]:
        Job.objects.filter(pk=dead.pk, state=JobState.DEAD).update(
            state=JobState.TODO, attempts=0, next_at=run_at, lease_until=None, finished_at=None
        )
        hint(RUN_TASK, row_id=dead.pk)
        return
    enqueue(kind=kind, key=f"{key}#{len(known) + 1}" if known else key, args=args, run_at=run_at)


def wake(*, kind: str, key: str, now: datetime, unless_within: timedelta = timedelta(0)) -> None:
    """Make a waiting job due at once (somebody learnt that its moment has come), unless it is due soon anyway."""
    require_transaction("wake")
    for job in Job.objects.filter(kind=kind, key=key, state=JobState.TODO, next_at__gt=now + unless_within):
        Job.objects.filter(pk=job.pk, state=JobState.TODO).update(next_at=now)
        hint(RUN_TASK, row_id=job.pk)
