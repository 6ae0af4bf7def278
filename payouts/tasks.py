"""The schedule of money out."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from payouts import services

# Enough for a busy minute; what is left waits for the next one.
RELEASE_LIMIT = 1000


@shared_task(name="payouts.release_due", ignore_result=True)
def release_due(**_: Any) -> None:
    """Release what was delivered and whose hold is over."""
    services.release_due(limit=RELEASE_LIMIT, actor="system:schedule", now=timezone.now())
