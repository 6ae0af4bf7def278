"""Figures held against thresholds: a question for people while one is wrong, and none once it is right again."""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from operations import switchboard
from operations.counts import format_count
from operations.edges import money_tx
from operations.models import HumanTask
from operations.models.tasks import TaskState
from operations.questions import ask, settle
from operations.selectors import queue_health

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One figure of one subject (kind:id), whether it is wrong, and what to tell people of it."""

    subject: str
    wrong: bool
    figure: str
    threshold: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A reading under its stable code, and since when people have been asked about it; None where nobody is."""

    code: str
    reading: Reading
    since: datetime | None

    def facts(self) -> dict[str, Any]:
        """Return the alert as JSON values."""
        return {"code": self.code, "since": self.since.isoformat() if self.since else None, **asdict(self.reading)}


def read_alerts(*, now: datetime) -> list[Alert]:
    """Read every figure that is watched; changes nothing. What cannot be read is wrong, and says why."""
    codes = sorted(switchboard.table("ALERTS"))
    readings = [(code, reading) for code in codes for reading in _read(code, now=now)]
    asked = HumanTask.objects.filter(kind__in=codes, state=TaskState.OPEN).values_list("kind", "subject", "since")
    since = {(kind, subject): at for kind, subject, at in asked}
    return [Alert(code=code, reading=one, since=since.get((code, one.subject))) for code, one in readings]


def review_alerts(*, now: datetime) -> tuple[int, int]:
    """Open a question for each figure that is wrong, and close those that are right again (a scheduled task).

    Returns how many were opened and closed. What was closed by a person opens again while its figure is wrong.
    """
    alerts = read_alerts(now=now)
    wrong = {(alert.code, alert.reading.subject): alert for alert in alerts if alert.reading.wrong}
    opened = closed = 0
    with money_tx("alerts.review"):
        for (code, subject), alert in wrong.items():
            told = alert.reading
            if ask(kind=code, subject=subject, reason=_reason(told), waits_for="operator", now=now):
                opened += 1
                logger.error("alert %s opened on %s: %s", code, subject, _reason(told))
        stale = HumanTask.objects.filter(kind__in=list(switchboard.table("ALERTS")), state=TaskState.OPEN)
        for code, subject in stale.values_list("kind", "subject"):
            if (code, subject) not in wrong:
                closed += 1
                settle(kind=code, subject=subject, now=now, note="the figure is right again")
                logger.warning("alert %s closed on %s: the figure is right again", code, subject)
    return opened, closed


def jobs_late(*, now: datetime) -> list[Reading]:
    """How long the oldest due job has waited."""
    minutes = int(queue_health(now=now).oldest_due_age.total_seconds()) // 60
    most = timedelta(minutes=settings.ALERT_JOB_MINUTES)
    return [
        Reading(
            subject="jobs:due",
            wrong=timedelta(minutes=minutes) >= most,
            figure=f"{minutes} min",
            threshold=f"{settings.ALERT_JOB_MINUTES} min",
            text=f"the oldest due job has waited for {minutes} min: nobody works, or too few",
        )
    ]


def dead_letters(*, now: datetime) -> list[Reading]:
    """How many jobs were given up and wait for a person."""
    count, most = queue_health(now=now).dead, settings.ALERT_DEAD_LETTERS
    return [
        Reading(
            subject="jobs:dead",
            wrong=count >= most,
            figure=str(count),
            threshold=str(most),
            text=format_count(count, "job is a dead letter", "jobs are dead letters"),
        )
    ]


def _read(code: str, *, now: datetime) -> Iterator[Reading]:
    try:
        yield from switchboard.answerer("ALERTS", code)(now=now)
    except Exception as error:
        logger.exception("the alert %s cannot be read", code)
        problem = f"it cannot be read: {type(error).__name__}: {error}"[:200]
        yield Reading(subject=f"alert:{code}", wrong=True, figure="unknown", threshold="readable", text=problem)


def _reason(reading: Reading) -> str:
    return f"{reading.text} (alert from {reading.threshold})"
