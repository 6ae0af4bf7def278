"""How a story that broke anywhere goes on: by the means that reality has, and never by hand.

Those are: the client repeats its request under the same key, the provider delivers its webhooks again, leases run out,
workers run what is due, and what the provider never told is found in its list of events.
"""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

import time_machine
from django.db.models.functions import Now
from django.utils import timezone

from ledger.selectors import count_entries
from operations.models import IdempotencyKey, Job
from operations.services import run_due
from payments.models import WebhookEvent
from payments.services import ListingFailed, sync_events
from sandbox.provider.webhooks import signature
from tests.faults.processes import run
from tests.faults.story import Story
from tests.world import World

ROUNDS = 8
# How late a message is that comes when everything has long been found and booked without it.
LATE = timedelta(days=3)
# What a story may leave to be done at a time of its own, long after it.
LATER = ("payments.warn_of_deadline", "payments.sync_dispute")


class Webhooks(StrEnum):
    """How the provider's messages arrive."""

    OK = "ok"
    NONE = "none"
    TWICE = "twice"
    REORDERED = "reordered"
    NEW_ID = "new-id"
    LATE = "late"


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
    #: What is brought when it is of no use any more, and how often it was looked for without it.
    kept: list[dict[str, Any]] = field(default_factory=list)
    looked: int = 0

    def deliver(self) -> None:
        """Deliver what the provider has to say, or lose it, or keep it."""
        told = self.world.provider.take_webhooks()
        if self.webhooks is Webhooks.NONE:
            return
        if self.webhooks is Webhooks.LATE:
            self.kept += told
            return
        messages, self.owed = [*self.owed, *told], []
        for message in messages:
            status = self.world.deliver(message).status_code
            assert status in (200, 502)
            if status == 502:
                self.owed.append(message)

    def list_events(self) -> None:
        """Compare what arrived with the provider's own list, where nothing arrives.

        What is only late is asked for first, so that it is found in another way than by the event that comes then.
        """
        self.looked += 1
        if self.webhooks is Webhooks.NONE or (self.webhooks is Webhooks.LATE and self.looked > 2):
            run(_listing)

    def come_at_last(self) -> None:
        """Bring what was kept, signed afresh as it is each time that it is sent."""
        told, self.kept = [*self.kept, *self.world.provider.take_webhooks()], []
        assert told, "the provider had nothing to say"
        self.webhooks = Webhooks.OK
        for message in told:
            signed = signature(self.world.webhook_secret, message["body"], at=int(time.time()))
            self.owed.append({**message, "headers": {**message["headers"], "Stripe-Signature": signed}})


def _listing() -> None:
    try:
        # By the provider's clock, which stands still. Events of this second count too: the list leaves out what
        # may still be on its way.
        sync_events(psp="stripe", actor="system:test", now=timezone.now() + timedelta(minutes=2))
    except ListingFailed:
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


def hear_late(story: Story, courier: Courier) -> None:
    """Let the provider's messages come days after all they tell was found: they change nothing, there or here."""
    before = _records(courier.world)
    with time_machine.travel(timezone.now() + LATE):
        courier.come_at_last()
        for number in range(ROUNDS):
            courier.deliver()
            work(later=story.pace * number)
            if not courier.owed and not _left().exists():
                break
            _leases_run_out()
    assert _records(courier.world) == before


def _records(world: World) -> tuple[int, dict[str, Any]]:
    """Return how many entries are in the books, and what the provider's own record says, but for the time."""
    return count_entries(), {name: kept for name, kept in world.provider.ledger().items() if name != "now"}


def work(*, later: timedelta = timedelta(0)) -> None:
    """Run what is due, as workers that a crash takes down and a supervisor starts again."""
    for _ in range(4):
        if run(lambda: run_due(limit=100, now=timezone.now() + later)) == 0:
            return


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
    # By the database's clock, as leases are.
    past = Now() - timedelta(seconds=1)
    IdempotencyKey.objects.filter(response_status=None).update(lease_until=past)
    Job.objects.filter(state="doing").update(lease_until=past)
