"""Webhooks that come too early, are lost, or were acted on wrongly: nothing of what the provider told is lost."""

import json
from collections.abc import Sequence
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from config import wiring
from ledger.selectors import count_entries, wallet
from operations import database
from operations.models import Job
from operations.selectors import audit_trail
from payments.gateway import Succeeded
from payments.gateway.stripe_adapter import StripeGateway
from payments.models import EventListing, Seller, WebhookEvent
from payments.services import ListingFailed, NotReplayable, compare_events, replay_event, sync_events
from tests.payments.test_webhooks import signed_event
from tests.snapshot import nothing_changes
from tests.world import World

OSCAR = "user:oscar"


def run(*args: str) -> str:
    """Run a command and return what it printed."""
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


@pytest.fixture
def paid(world: World, ann: Seller) -> World:
    """The world in which bea has paid ann on the provider's page, and nothing was told yet."""
    world.pay(world.order("cart-1", {"ann": "100.00"}))
    return world


def lose_webhooks(world: World) -> int:
    """Have everything that the provider wants to tell get lost on the way; return how much that was."""
    return len(world.provider.take_webhooks())


def compare(**changes: Any) -> Any:
    """Compare the last day as oscar."""
    now = timezone.now()
    since, until = now - timedelta(days=1), now + timedelta(minutes=1)
    return compare_events(psp="stripe", since=since, until=until, actor=OSCAR, now=now, **changes)


def pending(seller: Seller) -> str:
    return wallet(seller=seller.id, currency="EUR").pending.text


class TestAnEventThatComesTooEarly:
    def test_is_parked_with_what_it_waits_for_and_acted_on_when_that_is_here(self, world: World, ann: Seller) -> None:
        world.provider.plan([{"op": "checkout.session.create", "action": "timeout_after_commit"}])
        world.order("cart-1", {"ann": "100.00"})
        [session] = world.provider.ledger()["sessions"]
        world.buyer.pay(url=f"{world.provider.base_url}/c/pay/{session['id']}")
        world.deliver_webhooks()
        world.work()
        event = WebhookEvent.objects.get(type="checkout.session.completed")
        assert (event.state, event.object_id) == ("parked", session["id"])
        assert event.waiting_for == f"Not yet: the checkout {session['id']} is not known here yet"
        assert pending(ann) == "0.00"

        world.work(later=timedelta(seconds=30))
        world.work(later=timedelta(minutes=3))

        event.refresh_from_db()
        assert (event.state, event.waiting_for) == ("handled", "")
        assert pending(ann) == "90.00"

    @pytest.mark.parametrize("kind", ["account.updated", "refund.updated"])
    def test_is_parked_whatever_its_object_is(self, world: World, kind: str) -> None:
        signed_event(world, type=kind)
        world.work()

        event = WebhookEvent.objects.get(type=kind)

        assert (event.state, Job.objects.get(kind="payments.handle_event").state) == ("parked", "todo")
        assert "is not known here yet" in event.waiting_for


class TestReplayEvent:
    def test_acts_on_it_once_more_and_books_nothing_twice(self, paid: World, ann: Seller) -> None:
        paid.settle()
        event = WebhookEvent.objects.get(type="checkout.session.completed")
        before = count_entries()

        replay_event(webhook=event.pk, actor=OSCAR, reason="the handler was mended", now=timezone.now())

        event.refresh_from_db()
        assert (event.state, event.handled_at) == ("received", None)
        assert paid.work() == 1
        event.refresh_from_db()
        assert event.state == "handled"
        assert (count_entries(), pending(ann)) == (before, "90.00")
        [entry] = audit_trail(subject=f"event:{event.event_id}")
        assert (entry.action, entry.actor) == ("payments.event.replayed", OSCAR)
        assert entry.facts == {"reason": "the handler was mended"}

    def test_puts_a_dead_letter_of_it_back_on_the_table(self, paid: World) -> None:
        paid.deliver_webhooks()
        event = WebhookEvent.objects.get(type="checkout.session.completed")
        for state in ("doing", "dead"):
            Job.objects.filter(kind="payments.handle_event").update(state=state, attempts=80)

        replay_event(webhook=event.pk, actor=OSCAR, reason="it was parked for too long", now=timezone.now())

        job = Job.objects.get(key=f"stripe:{event.event_id}")
        assert (job.state, job.attempts) == ("todo", 0)

    def test_is_refused_for_a_kind_on_which_nothing_depends(self, paid: World) -> None:
        signed_event(paid, type="customer.tax_id.created")
        event = WebhookEvent.objects.get(event_id="evt_1")

        with nothing_changes(), pytest.raises(NotReplayable, match="nothing here depends on"):
            replay_event(webhook=event.pk, actor=OSCAR, reason="why not", now=timezone.now())


class TestCompareEvents:
    def test_finds_what_was_lost_and_it_is_booked_like_a_webhook(self, paid: World, ann: Seller) -> None:
        lost = lose_webhooks(paid)
        assert lost > 0

        found = compare()

        assert "checkout.session.completed" in [gap.type for gap in found.gaps]
        assert {event.source for event in WebhookEvent.objects.filter(type="checkout.session.completed")} == {"listing"}
        paid.settle()
        assert (paid.status("cart-1.ann"), pending(ann)) == ("SUCCESS", "90.00")

    def test_finds_nothing_where_everything_was_heard(self, paid: World) -> None:
        paid.settle()

        found = compare()

        assert found.gaps == ()
        assert found.listed > 0

    def test_goes_through_two_days_hour_by_hour_and_loses_nothing_between_them(self, paid: World) -> None:
        lose_webhooks(paid)
        now = timezone.now()
        whole = compare(dry_run=True)
        asked = len(paid.provider.calls())

        found = compare_events(
            psp="stripe", since=now - timedelta(hours=47), until=now + timedelta(hours=1), actor=OSCAR, now=now
        )

        assert (found.listed, found.gaps) == (whole.listed, whole.gaps)
        assert EventListing.objects.count() == 1
        assert len(paid.provider.calls()) - asked >= 48

    def test_leaves_out_the_kinds_on_which_nothing_here_depends(self, paid: World) -> None:
        told = [json.loads(message["body"]) for message in paid.provider.take_webhooks()]
        # What happened to a connected account stands in that account's list.
        kinds = [event["type"] for event in told if "account" not in event]

        found = compare(dry_run=True)

        assert "payment_intent.created" in kinds
        assert found.listed == len([kind for kind in kinds if kind in wiring.PSP_EVENTS])

    def test_asks_no_provider_for_the_kinds_of_another(self, paid: World, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []

        def listed(_: Any, kinds: Sequence[str], **window: Any) -> Any:
            asked.extend(kinds)
            return Succeeded([])

        monkeypatch.setattr(StripeGateway, "list_events", listed)
        compare()

        assert set(wiring.PSP_EVENTS) - set(asked) == {"mollie.payment.changed"}

    def test_keeps_the_comparison_itself(self, paid: World) -> None:
        lose_webhooks(paid)

        found = compare()

        listing = EventListing.objects.get()
        assert (listing.listed, listing.missing, listing.actor) == (found.listed, len(found.gaps), OSCAR)

    def test_takes_nothing_in_on_a_dry_run(self, paid: World) -> None:
        lose_webhooks(paid)

        with nothing_changes():
            found = compare(dry_run=True)

        assert found.gaps

    def test_a_webhook_that_comes_after_all_makes_no_second_work(self, paid: World, ann: Seller) -> None:
        messages = paid.provider.take_webhooks()
        compare()
        paid.settle()
        before = count_entries()

        for message in messages:
            assert paid.deliver(message).status_code == 200
        paid.settle()

        assert (count_entries(), pending(ann)) == (before, "90.00")
        assert {event.source for event in WebhookEvent.objects.filter(type="checkout.session.completed")} == {"listing"}

    def test_says_why_when_the_provider_does_not_answer(self, paid: World) -> None:
        paid.provider.plan([{"op": "event.list", "action": "error_503"}])

        with nothing_changes(), pytest.raises(ListingFailed):
            compare()


class TestSyncEvents:
    def test_goes_on_shortly_before_where_the_last_one_ended(self, paid: World) -> None:
        first = timezone.now()
        one = sync_events(psp="stripe", actor=OSCAR, now=first)
        two = sync_events(psp="stripe", actor=OSCAR, now=first + timedelta(minutes=5))

        assert one.until - one.since == timedelta(days=1)
        assert two.since == one.until - timedelta(minutes=2)
        assert two.until == one.until + timedelta(minutes=5)

    def test_leaves_out_what_may_still_be_on_its_way(self, paid: World) -> None:
        lose_webhooks(paid)

        assert sync_events(psp="stripe", actor=OSCAR, now=timezone.now()).gaps == ()

    def test_looks_where_a_listing_up_to_tomorrow_could_not(self, paid: World) -> None:
        lose_webhooks(paid)
        now = timezone.now()
        EventListing.objects.create(
            psp="stripe",
            since=now - timedelta(minutes=3),
            until=now + timedelta(days=1),
            listed=0,
            missing=0,
            actor=OSCAR,
            ran_at=now,
        )

        found = sync_events(psp="stripe", actor=OSCAR, now=now + timedelta(minutes=2))

        assert "checkout.session.completed" in [gap.type for gap in found.gaps]

    def test_looks_where_nobody_looked_before_a_later_listing(self, paid: World) -> None:
        lose_webhooks(paid)
        happened = timezone.now()
        sync_events(psp="stripe", actor=OSCAR, now=happened - timedelta(minutes=5))
        after_the_outage = happened + timedelta(days=4)
        by_hand = after_the_outage - timedelta(hours=2)
        compare_events(psp="stripe", since=by_hand, until=after_the_outage, actor=OSCAR, now=after_the_outage)

        found = sync_events(psp="stripe", actor="system:schedule", now=after_the_outage + timedelta(minutes=5))

        assert "checkout.session.completed" in [gap.type for gap in found.gaps]
        again = sync_events(psp="stripe", actor="system:schedule", now=after_the_outage + timedelta(minutes=10))
        assert again.since == found.until - timedelta(minutes=2)

    def test_looks_no_further_back_than_the_provider_keeps_events(self, paid: World) -> None:
        now = timezone.now()
        sync_events(psp="stripe", actor=OSCAR, now=now - timedelta(days=400))

        assert sync_events(psp="stripe", actor="system:schedule", now=now).since == now - timedelta(days=30)

    def test_takes_no_listing_for_having_seen_what_was_yet_to_come(self, paid: World) -> None:
        now = timezone.now()
        compare_events(psp="stripe", since=now, until=now + timedelta(days=1), actor=OSCAR, now=now)

        one = sync_events(psp="stripe", actor=OSCAR, now=now + timedelta(minutes=2))
        two = sync_events(psp="stripe", actor=OSCAR, now=now + timedelta(minutes=7))

        assert (one.since <= now, two.since <= one.until) == (True, True)


class TestAListing:
    @pytest.mark.parametrize("attack", ["UPDATE {} SET missing = 0", "DELETE FROM {}", "TRUNCATE {}"])
    def test_stays_as_it_is_written(self, paid: World, attack: str) -> None:
        lose_webhooks(paid)
        compare()

        with pytest.raises(Exception, match="is refused"), transaction.atomic():
            database.execute(attack.format("payments_eventlisting"))


class TestPspSync:
    def test_prints_what_is_missing_and_takes_it_in(self, paid: World) -> None:
        lose_webhooks(paid)
        soon = (timezone.now() + timedelta(minutes=1)).isoformat()

        dry = run("psp_sync", "--until", soon, "--dry-run")
        assert "checkout.session.completed" in dry
        assert "would be taken in" in dry
        assert not EventListing.objects.exists()
        facts = json.loads(run("psp_sync", "--until", soon, "--json"))

        assert facts["taken_in"] == len(facts["missing"]) > 0
        assert json.loads(run("psp_sync", "--until", soon, "--json"))["missing"] == []

    def test_keeps_which_user_of_the_machine_compared(self, paid: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOGNAME", "olga")

        run("psp_sync")

        assert EventListing.objects.get().actor == "os:olga"

    @pytest.mark.parametrize("since", ["yesterday", "48", "2026-13-01", "48h ", "999999d"])
    def test_names_the_option_that_makes_no_sense(self, world: World, since: str) -> None:
        with pytest.raises(CommandError, match="--since"):
            call_command("psp_sync", f"--since={since}")

    def test_refuses_a_time_of_which_the_provider_has_no_list_any_more(self, world: World) -> None:
        with nothing_changes(), pytest.raises(CommandError, match="goes back 30 days"):
            run("psp_sync", "--since", "60d", "--until", "31d")

    def test_refuses_a_provider_that_nobody_knows(self, world: World) -> None:
        with pytest.raises(CommandError, match="'nobody'"):
            run("psp_sync", "--psp", "nobody")

    def test_refuses_an_end_before_the_beginning(self, world: World) -> None:
        with pytest.raises(CommandError, match="is not before"):
            run("psp_sync", "--since", "1h", "--until", "2h")


class TestWebhooksReplay:
    def test_lists_on_a_dry_run_and_changes_nothing(self, paid: World) -> None:
        paid.settle()

        with nothing_changes():
            said = run("webhooks_replay", "--type", "checkout.session.completed", "--dry-run")

        assert "checkout.session.completed" in said
        assert "payments.services.webhooks.checkout_changed" in said
        assert "1 event would be due again" in said

    def test_makes_the_chosen_events_due_again(self, paid: World) -> None:
        paid.settle()
        event = WebhookEvent.objects.get(type="checkout.session.completed")

        said = json.loads(run("webhooks_replay", event.event_id, "--reason", "mended", "--json"))

        assert (said["event"], said["type"]) == (event.event_id, event.type)
        assert paid.work() == 1

    def test_acts_on_what_was_kept_before_anything_depended_on_its_type(self, paid: World) -> None:
        paid.settle()
        event = WebhookEvent.objects.get(type="checkout.session.completed")
        WebhookEvent.objects.filter(pk=event.pk).update(state="ignored")

        run("webhooks_replay", event.event_id, "--reason", "there is a handler now")

        assert paid.work() == 1

    def test_keeps_which_user_of_the_machine_wanted_it(self, paid: World, monkeypatch: pytest.MonkeyPatch) -> None:
        paid.settle()
        event = WebhookEvent.objects.get(type="checkout.session.completed")
        monkeypatch.setenv("LOGNAME", "olga")

        run("webhooks_replay", event.event_id, "--reason", "mended")

        assert [entry.actor for entry in audit_trail(subject=f"event:{event.event_id}")] == ["os:olga"]

    @pytest.mark.bad_input("B35")
    def test_takes_no_card_number_as_a_reason(self, paid: World) -> None:
        paid.settle()
        event = WebhookEvent.objects.get(type="checkout.session.completed")

        with nothing_changes(), pytest.raises(CommandError, match="The reason looks like a card number"):
            run("webhooks_replay", event.event_id, "--reason", "paid with 4242424242424242")

    @pytest.mark.parametrize(
        ("args", "problem"),
        [
            (("--reason", "why"), "everything at once is never meant"),
            (("evt_nobody", "--reason", "why"), "Not in the inbox: evt_nobody"),
            (("--type", "no.such", "--reason", "why"), "No event is like that"),
            (("--type", "checkout.session.completed"), "Say with --reason"),
        ],
    )
    def test_refuses_what_is_not_clear(self, paid: World, args: tuple[str, ...], problem: str) -> None:
        paid.settle()

        with nothing_changes(), pytest.raises(CommandError, match=problem):
            run("webhooks_replay", *args)
