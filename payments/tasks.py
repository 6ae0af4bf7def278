"""The schedule of money in."""

from datetime import timedelta
from typing import Any

from celery import shared_task
from django.utils import timezone

from payments import services

# Two nights: one that failed is made good by the next.
NIGHTLY_BACK = timedelta(hours=48)


@shared_task(name="payments.sync_events", ignore_result=True)
def sync_events(*, psp: str = "stripe", nightly: bool = False, **_: Any) -> None:
    """Find webhooks that were lost in the provider's own list of events."""
    back = NIGHTLY_BACK if nightly else None
    services.sync_events(psp=psp, actor="system:schedule", now=timezone.now(), back=back)


@shared_task(name="payments.tidy_up", ignore_result=True)
def tidy_up(**_: Any) -> None:
    """Close what ran out, and give everything unfinished somebody to act."""
    services.tidy_up(now=timezone.now())


@shared_task(name="payments.look_after_accounts", ignore_result=True)
def look_after_accounts(**_: Any) -> None:
    """Ask where the accounts of all sellers stand."""
    services.look_after_accounts(now=timezone.now())


@shared_task(name="payments.forget_ignored_events", ignore_result=True)
def forget_ignored_events(**_: Any) -> None:
    """Delete the events on which nothing depended and whose life is over."""
    services.forget_ignored_events(now=timezone.now())
