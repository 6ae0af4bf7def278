"""Sending a payout: whatever happens to the call, the provider moves the money once or we know that it did not."""

from typing import Any

import pytest
from django.utils import timezone

from ledger.selectors import wallet
from ledger.services import verify_books
from operations import failpoints
from operations.models import Job, StateChange
from operations.services import pull_switch, release_switch, replay_job
from payments.models import Seller
from payouts.models import Batch, Payout
from payouts.services import send_payout
from tests.payments.dispute_steps import open_dispute
from tests.payouts.steps import (
    available,
    dead_letters,
    in_transit,
    refund,
    states,
    transfer_posts,
    transferred,
    work_later,
)
from tests.world import CHECKER, World

pytestmark = pytest.mark.django_db

# After these the transfer may exist or not; nobody here can tell.
DONE_THERE = [
    pytest.param("timeout_after_commit", {}, id="timeout after commit"),
    pytest.param("error_5xx", {"when": "after"}, id="500 although done"),
    pytest.param("garbage", {}, id="garbage"),
    pytest.param("truncated", {}, id="a truncated answer"),
    pytest.param("html", {}, id="an HTML page"),
]
NOT_DONE_THERE = [
    pytest.param("drop", {}, id="connection dropped"),
    pytest.param("error_5xx", {"when": "before"}, id="500 before anything"),
    pytest.param("error_503", {"retry_after_s": 2}, id="503"),
    pytest.param("error_429", {"retry_after_s": 2}, id="429"),
    pytest.param("error_409", {}, id="409"),
]


def disturb(world: World, action: str, args: dict[str, Any], *, times: int = 1) -> None:
    world.provider.plan([{"op": "transfer.create", "action": action, "args": args, "times": times}])


def assert_paid_once(world: World) -> None:
    """The provider moved ann's 90.00 once, and the books say so."""
    assert transferred(world) == [9_000]
    assert states() == ["paid"]
    assert in_transit() == "0.00"
    assert dead_letters() == []
    assert verify_books(actor="system:test", now=timezone.now()).green


class TestSendPayout:
    @pytest.mark.parametrize(("action", "args"), DONE_THERE + NOT_DONE_THERE)
    def test_concludes_nothing_from_an_answer_that_cannot_be_believed(
        self, world: World, payout: Payout, ann: Seller, action: str, args: dict[str, Any]
    ) -> None:
        disturb(world, action, args)

        world.work()

        assert states() == ["unknown"]
        assert (available(ann), in_transit()) == ("0.00", "90.00")
        assert Job.objects.get(kind="payouts.send_payout").state == "todo"

    @pytest.mark.parametrize(("action", "args"), DONE_THERE)
    def test_finds_by_look_up_what_was_done_and_never_sends_it_again(
        self, world: World, payout: Payout, action: str, args: dict[str, Any]
    ) -> None:
        disturb(world, action, args)
        world.work()

        work_later(world, minutes=5)

        assert len(transfer_posts(world)) == 1
        assert_paid_once(world)

    @pytest.mark.parametrize(("action", "args"), NOT_DONE_THERE)
    def test_sends_again_with_the_same_key_what_was_not_done(
        self, world: World, payout: Payout, action: str, args: dict[str, Any]
    ) -> None:
        disturb(world, action, args, times=2)
        world.work()
        work_later(world, minutes=1)

        work_later(world, minutes=10)

        assert {call["idempotency_key"] for call in transfer_posts(world)} == {payout.psp_key}
        assert_paid_once(world)

    def test_gives_a_refused_payout_back_to_the_seller(self, world: World, payout: Payout, ann: Seller) -> None:
        disturb(world, "fail", {"code": "account_closed", "message": "That account is closed."})

        world.settle()

        [failed] = Payout.objects.all()
        assert (failed.state, failed.last_error.split(": ")[-1]) == ("failed", "That account is closed.")
        assert (available(ann), in_transit()) == ("90.00", "0.00")
        assert Batch.objects.get().state == "completed"
        assert transferred(world) == []

    def test_fails_while_the_provider_has_not_got_the_money_and_can_be_paid_when_it_has(
        self, world: World, ann: Seller
    ) -> None:
        created = world.order("cart-1", {"ann": "100.00"})
        world.pay(created, card="4242424242424242")
        world.settle()
        world.deliver_goods("cart-1.ann")
        world.release()

        world.pay_out()
        assert (states(), available(ann)) == (["failed"], "90.00")
        world.provider.advance(3 * 86_400)
        again = world.pay_out()

        assert [payout.state for payout in again.payouts.all()] == ["paid"]
        assert transferred(world) == [9_000]

    def test_does_nothing_when_its_job_runs_twice(self, world: World, payout: Payout) -> None:
        world.settle()

        send_payout(payout=payout.pk, now=timezone.now())

        assert len(transfer_posts(world)) == 1
        assert_paid_once(world)

    def test_pays_the_others_of_a_batch_when_one_is_refused(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00", "bob": "20.50"})
        for name in ("ann", "bob"):
            world.deliver_goods(f"cart-1.{name}")
        world.release()
        world.provider.plan([{"op": "transfer.create", "action": "fail", "ref": ann.psp_account}])

        batch = world.pay_out()

        assert {payout.seller_id: payout.state for payout in batch.payouts.all()} == {ann.id: "failed", bob.id: "paid"}
        assert (batch.state, transferred(world)) == ("completed", [1_845])

    def test_logs_every_step(self, world: World, payout: Payout) -> None:
        disturb(world, "drop", {})
        world.work()
        work_later(world, minutes=5)

        events = StateChange.objects.filter(machine="payout", subject_id=payout.pk).order_by("id")

        assert list(events.values_list("event", flat=True)) == [
            "approve",
            "send",
            "lose_sight",
            "send",
            "accept",
            "pay",
        ]


class TestACrash:
    """The process dies between two beats; the same step again finds out where it was."""

    @pytest.fixture(autouse=True)
    def fresh_failpoints(self) -> None:
        failpoints.reset()

    @pytest.mark.parametrize(
        "point",
        [
            "money_tx:payouts.claim:before_commit",
            "money_tx:payouts.claim:after_commit",
            "psp.call:transfer.create:before_send",
            "psp.call:transfer.create:after_response",
            "money_tx:payouts.record:before_commit",
            "money_tx:payouts.record:after_commit",
            "psp.call:transfer.fetch:before_send",
            "psp.call:transfer.fetch:after_response",
            "money_tx:payouts.confirm:before_commit",
            "money_tx:payouts.confirm:after_commit",
        ],
    )
    def test_pays_once_wherever_it_happens(
        self, world: World, payout: Payout, monkeypatch: pytest.MonkeyPatch, point: str
    ) -> None:
        monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", f"{point}=raise")

        work_later(world, minutes=5)

        failed = Job.objects.filter(kind__startswith="payouts.", attempts__gt=1)
        assert failed.count() == 1, "the failpoint was never passed"
        assert_paid_once(world)


class TestAKeyThatIsTooOld:
    """The provider forgets keys: after 20 hours nothing is ever sent again, a person decides."""

    def test_is_not_sent_again_and_the_money_stays_reserved(self, world: World, payout: Payout, ann: Seller) -> None:
        disturb(world, "drop", {}, times=0)
        world.work()
        sent = len(transfer_posts(world))
        world.provider.plan()

        work_later(world, hours=21)

        [(kind, error)] = dead_letters()
        assert (kind, error.split(":")[0]) == ("payouts.send_payout", "PayoutUnclear")
        assert len(transfer_posts(world)) == sent
        assert (available(ann), in_transit()) == ("0.00", "90.00")

    def test_is_still_looked_up_so_that_what_was_done_is_booked(self, world: World, payout: Payout) -> None:
        disturb(world, "timeout_after_commit", {})
        world.work()

        work_later(world, hours=21)

        assert_paid_once(world)

    def test_can_be_looked_up_again_by_a_person(self, world: World, payout: Payout) -> None:
        disturb(world, "drop", {})
        world.work()
        work_later(world, hours=21)
        [job] = Job.objects.filter(state="dead")

        replay_job(job_id=job.pk, actor=CHECKER, reason="looked", now=timezone.now())
        work_later(world, hours=21)

        assert len(transfer_posts(world)) == 1
        assert [kind for kind, _ in dead_letters()] == ["payouts.send_payout"]

    def test_is_where_a_stored_500_ends_that_the_provider_repeats_for_ever(
        self, world: World, payout: Payout, ann: Seller
    ) -> None:
        disturb(world, "error_5xx", {"when": "during"})
        world.work()

        work_later(world, rounds=22, hours=1)

        assert transferred(world) == []
        assert [kind for kind, _ in dead_letters()] == ["payouts.send_payout"]
        assert (available(ann), in_transit()) == ("0.00", "90.00")


class TestTheStopSwitch:
    def test_holds_approved_payouts_back_until_it_is_released(self, world: World, payout: Payout) -> None:
        pull_switch(name="payouts", reason="an audit", actor=CHECKER, now=timezone.now())

        work_later(world, minutes=30)
        assert (states(), transfer_posts(world), dead_letters()) == (["approved"], [], [])
        release_switch(name="payouts", reason="audit over", actor=CHECKER, now=timezone.now())
        work_later(world, hours=1)

        assert_paid_once(world)

    def test_makes_no_dead_letter_however_long_it_stays_pulled(self, world: World, payout: Payout) -> None:
        pull_switch(name="payouts", reason="an audit", actor=CHECKER, now=timezone.now())

        work_later(world, rounds=70, hours=1)

        assert (states(), transfer_posts(world), dead_letters()) == (["approved"], [], [])
        job = Job.objects.get(kind="payouts.send_payout")
        assert (job.state, job.attempts) == ("todo", 0)
        assert "an audit" in job.last_error

    def test_does_not_keep_us_from_learning_what_became_of_a_payout_under_way(
        self, world: World, payout: Payout
    ) -> None:
        disturb(world, "timeout_after_commit", {})
        world.work()
        pull_switch(name="payouts", reason="an audit", actor=CHECKER, now=timezone.now())

        work_later(world, minutes=5)

        assert_paid_once(world)

    def test_is_pulled_by_books_that_are_not_proved(
        self, world: World, payout: Payout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ledger.proof.GUARDS", ("guard_entry_balances", "a_guard_that_somebody_dropped"))

        verdict = verify_books(actor="system:schedule", now=timezone.now())
        work_later(world, minutes=5)

        assert not verdict.green
        assert (states(), transfer_posts(world)) == (["approved"], [])


class TestWhatCameUpSinceItWasApproved:
    @pytest.fixture(autouse=True)
    def nothing_is_sent_yet(self, payout: Payout) -> None:
        pull_switch(name="payouts", reason="a minute", actor=CHECKER, now=timezone.now())

    def go_on(self, world: World) -> None:
        release_switch(name="payouts", reason="a minute later", actor=CHECKER, now=timezone.now())
        work_later(world, hours=1)

    def test_calls_it_off_where_a_dispute_could_take_it_back(self, world: World, payout: Payout, ann: Seller) -> None:
        open_dispute(world)

        self.go_on(world)

        [called_off] = Payout.objects.all()
        assert (called_off.state, called_off.last_error) == (
            "canceled",
            "an open dispute could take back by now what it pays out",
        )
        assert (available(ann), in_transit()) == ("90.00", "0.00")
        assert Batch.objects.get().state == "completed"
        assert transfer_posts(world) == []
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_pays_what_the_seller_owes_by_now_before_anything_is_sent(
        self, world: World, payout: Payout, ann: Seller
    ) -> None:
        refund(world, "cart-1.ann", "40.00")

        self.go_on(world)

        assert states() == ["canceled"]
        found = wallet(seller=ann.id, currency="EUR")
        assert (found.available.text, found.receivable.text, in_transit()) == ("54.00", "0.00", "0.00")
        assert transferred(world) == []
        again = world.pay_out()
        assert [each.amount.text for each in again.payouts.all()] == ["54.00"]

    def test_changes_nothing_of_what_was_sent_already(self, world: World, payout: Payout) -> None:
        disturb(world, "timeout_after_commit", {})
        self.go_on(world)
        open_dispute(world)

        work_later(world, minutes=5)

        assert_paid_once(world)
