"""Webhooks of kinds on which nothing depends are kept for a while, and no longer; all others are kept."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from config.celery import app
from payments.models import WebhookEvent
from payments.models.webhooks import WebhookState
from payments.services import forget_ignored_events, inbox
from payments.tasks import forget_ignored_events as task

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def came(name: str, *, state: str = "ignored", ago: timedelta) -> WebhookEvent:
    """Keep an event that came so long ago."""
    return WebhookEvent.objects.create(
        psp="stripe", event_id=name, type="x", payload="{}", state=state, received_at=NOW - ago
    )


def kept() -> set[str]:
    """Return what is in the inbox."""
    return set(WebhookEvent.objects.values_list("event_id", flat=True))


class TestForgettingIgnoredEvents:
    def test_deletes_those_whose_life_is_over(self) -> None:
        came("old", ago=timedelta(days=90, seconds=1))
        came("young", ago=timedelta(days=90))

        assert forget_ignored_events(now=NOW) == 1

        assert kept() == {"young"}

    @pytest.mark.parametrize("state", sorted(set(WebhookState.values) - {"ignored"}))
    def test_leaves_whatever_is_not_ignored(self, state: str) -> None:
        came("told", state=state, ago=timedelta(days=4000))

        assert (forget_ignored_events(now=NOW), kept()) == (0, {"told"})

    def test_goes_by_the_setting(self, settings: Any) -> None:
        settings.IGNORED_EVENT_LIFE = timedelta(days=7)
        came("old", ago=timedelta(days=8))

        assert forget_ignored_events(now=NOW) == 1

    def test_takes_some_at_a_time_until_all_are_gone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inbox, "FORGOTTEN_AT_ONCE", 2)
        for number in range(5):
            came(f"old-{number}", ago=timedelta(days=91))
        came("handled", state="handled", ago=timedelta(days=91))

        assert forget_ignored_events(now=NOW) == 5

        assert kept() == {"handled"}

    def test_happens_every_night_beside_the_keys(self) -> None:
        [entry] = [each for each in app.conf.beat_schedule.values() if each["task"] == task.name]
        came("old", ago=timedelta(days=91))

        task()

        assert (entry["schedule"].hour, entry["schedule"].minute, kept()) == ({3}, {25}, set())
