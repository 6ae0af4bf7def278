"""How a story that broke anywhere goes on: by the means that reality has, and never by hand.

Those are: the client repeats its request under the same key, the provider delivers its webhooks again, leases run out,
workers run what is due, and what the provider never told is found in its list of events.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.utils import timezone

from operations.failpoints import FailpointRaised
from operations.models import IdempotencyKey, Job
from operations.services import run_due
from payments.models import WebhookEvent
from payments.services import ListingFailed, sync_events
from tests.faults.story import Story
from tests.world import World

ROUNDS = 8
# What a story may leave to be done at a time of its own, long after it.
LATER = ("payments.warn_of_deadline", "payments.sync_dispute")


class Webhooks(StrEnum):
    """How the provider's messages arrive."""

    OK = "ok"
    NONE = "none"
    TWICE = "twice"
    REORDERED = "reordered"
    NEW_ID = "new-id"


#: The rules of the provider's fault plan by which messages arrive so; what is not here needs none.
RULES: dict[Webhooks, dict[str, Any]] = {
    Webhooks.TWICE: {"op": "webhook", "action": "webhook_duplicate", "times": 0},
    Webhooks.REORDERED: {"op": "webhook", "action": "webhook_reorder", "times": 0},
    Webhooks.NEW_ID: {"op": "webhook", "action": "webhook_new_event_id", "times": 0},
}


@dataclass(kw_only=True)
class Courier:
    """Who brings the provider's messages; what was not taken is brought again."""

    world: World
    webhooks: Webhooks = Webhooks.OK
    owed: list[dict[str, Any]] = field(default_factory=list)

    def deliver(self) -> None:
        """Deliver what the provider has to say, or lose it."""
        messages = [*self.owed, *self.world.provider.take_webhooks()]
        self.owed = []
        if self.webhooks is Webhooks.NONE:
            return
        for message in messages:
            status = self.world.deliver(message).status_code
            assert status in (200, 500)
            if status == 500:
                self.owed.append(message)

    def list_events(self) -> None:
        """Compare what arrived with the provider's own list, where nothing arrives."""
        if self.webhooks is not Webhooks.NONE:
            return
        try:
            # By the provider's clock, which stands still. Events of this second count too: the list leaves out what
            # may still be on its way.
            sync_events(psp="stripe", actor="system:test", now=timezone.now() + timedelta(minutes=2))
        except (FailpointRaised, ListingFailed):
            return


def play(story: Story, courier: Courier) -> None:
    """Play a story as on a good day; whatever fails, fails."""
    story.go(courier.world)
    for _ in range(2):
        courier.deliver()
        work()


def recover(story: Story, courier: Courier) -> None:
    """Let time pass and everybody try again, until the story has come to its end."""
    for number in range(ROUNDS):
        if number and not courier.owed and _settled(courier.world, story):
            return
        later = story.pace * number
        _leases_run_out()
        work(later=later)
        story.go(courier.world)
        courier.list_events()
        courier.deliver()
        work(later=later)


def work(*, later: timedelta = timedelta(0)) -> None:
    """Run what is due, as workers that a crash takes down and a supervisor starts again."""
    for _ in range(4):
        try:
            if not run_due(limit=100, now=timezone.now() + later):
                return
        except FailpointRaised:
            continue


def nothing_waits(*, alarm: str = "") -> None:
    """Assert that no job is left to do, none was given up, and no message of the provider's is unread.

    But for those that were given up with an error which is to alarm a person.
    """
    alarmed = [job for job in _left() if alarm and job.state == "dead" and job.last_error.startswith(f"{alarm}:")]
    assert [(job.kind, job.state, job.last_error) for job in _left() if job not in alarmed] == []
    unread = WebhookEvent.objects.filter(state__in=("received", "parked"))
    assert unread.count() <= len([job for job in alarmed if job.kind == "payments.handle_event"])


def _settled(world: World, story: Story) -> bool:
    return not _left().exists() and story.ended(world)


def _left() -> Any:
    return Job.objects.exclude(state="done").exclude(state="todo", kind__in=LATER)


def _leases_run_out() -> None:
    past = timezone.now() - timedelta(seconds=1)
    IdempotencyKey.objects.filter(response_status=None).update(lease_until=past)
    Job.objects.filter(state="doing").update(lease_until=past)
