"""Celery only turns the crank: ids in, one service call."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from operations import services

# Enough to drain a burst, few enough that a sweep ends before the next one.
SWEEP_LIMIT = 200


@shared_task(name="operations.run_job", ignore_result=True)
def run_job(*, row_ids: list[int], **_: Any) -> None:
    """Run the jobs that a hint named, one after another."""
    for row_id in row_ids:
        services.run_job(job_id=row_id, now=timezone.now())


@shared_task(name="operations.review_alerts", ignore_result=True)
def review_alerts(**_: Any) -> None:
    """Hold what is watched against its thresholds."""
    services.review_alerts(now=timezone.now())


@shared_task(name="operations.sweep", ignore_result=True)
def sweep(**_: Any) -> None:
    """Run whatever is due, hint or no hint."""
    services.run_due(limit=SWEEP_LIMIT, now=timezone.now())


@shared_task(name="operations.forget_keys", ignore_result=True)
def forget_keys(**_: Any) -> None:
    """Delete the idempotency keys whose life is over."""
    services.forget_keys(now=timezone.now())


@shared_task(name="operations.forget_buckets", ignore_result=True)
def forget_buckets(**_: Any) -> None:
    """Delete the buckets of rate limits that are full again."""
    services.forget_buckets()
