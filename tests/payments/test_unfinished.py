"""Nothing waits for ever: every unfinished row has a job, or a person."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from operations import database
from operations.models import HumanTask, Job
from operations.services import TaskMissing, close_task, discard_job
from payments.gateway.declines import RETRIES, Retry, retry_of
from payments.models import Attempt, DisputeEvidence, EvidenceFile, Instruction, PaymentOrder, Seller
from payments.services import tidy_up
from sandbox.provider.cards import CARDS
from tests.payments.dispute_steps import hand_in, open_dispute
from tests.payments.faults import rule
from tests.payments.test_evidence_files import upload
from tests.world import World

LATER = timedelta(minutes=5)
HELD_FOR_REVIEW = "4000000000009235"


def end_jobs(state: str) -> None:
    """Let the polls end, as a worker would that thinks it is done, or gives up."""
    Job.objects.filter(kind="payments.sync_attempt").update(state="doing")
    Job.objects.filter(kind="payments.sync_attempt").update(state=state, last_error="gave up")


class TestTheJanitor:
    def test_gives_a_row_its_lost_job_back(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})
        Job.objects.filter(kind="payments.sync_attempt").delete()

        found = tidy_up(now=timezone.now() + LATER)

        assert (found.revived, Job.objects.get(kind="payments.sync_attempt").state) == (1, "todo")
        assert tidy_up(now=timezone.now() + LATER).revived == 0

    def test_puts_a_job_back_that_was_done_too_early(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})
        end_jobs("done")

        assert [tidy_up(now=timezone.now() + LATER).revived for _ in range(2)] == [1, 0]
        world.work(later=LATER)
        assert Job.objects.filter(kind="payments.sync_attempt", state="todo", key__endswith="~2").exists()

    def test_asks_a_person_about_a_dead_letter_once(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})
        end_jobs("dead")

        assert [tidy_up(now=timezone.now() + LATER).asked for _ in range(2)] == [1, 0]

        task = HumanTask.objects.get()
        assert (task.kind, task.subject) == ("payments.stuck", f"checkout:{Attempt.objects.get().checkout_id}")
        assert "gave up" in task.reason

    def test_leaves_alone_what_a_person_discarded(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})
        end_jobs("dead")
        job = Job.objects.get(kind="payments.sync_attempt")
        discard_job(job_id=job.pk, actor="user:oscar", reason="done by hand", now=timezone.now())

        found = tidy_up(now=timezone.now() + LATER)

        assert (found.revived, found.asked) == (0, 0)
        assert Job.objects.filter(kind="payments.sync_attempt", state="todo").count() == 0

    def test_looks_at_all_there_is(self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("payments.services.unfinished._BATCH", 2)
        for number in range(5):
            world.order(f"cart-{number}", {"ann": "100.00"})
        newest = Attempt.objects.order_by("-pk")[0]
        Job.objects.filter(kind="payments.sync_attempt", key=newest.pk).delete()

        assert tidy_up(now=timezone.now() + LATER).revived == 1

    def test_asks_for_a_page_to_be_closed_that_the_provider_keeps_a_few_times_a_day(
        self, world: World, ann: Seller
    ) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}), card=HELD_FOR_REVIEW)
        world.settle()
        over = timezone.now() + timedelta(days=1, hours=1)

        closed = []
        for minutes in (0, 5, 10, 6 * 60):
            moment = over + timedelta(minutes=minutes)
            closed.append(tidy_up(now=moment).closed)
            world.work(later=moment - timezone.now())

        assert (closed, world.status("cart-1.ann")) == ([1, 0, 0, 1], "IN_REVIEW")

    def test_leaves_what_is_young_or_in_good_hands(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})

        assert tidy_up(now=timezone.now() + LATER) == tidy_up(now=timezone.now())
        assert HumanTask.objects.count() == 0

    def test_gives_an_instruction_its_job_back(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})
        world.provider.plan([rule("checkout.session.expire", "cut before")])
        world.shop.post("/v1/payments/cart-1/cancel", {}, key="x")
        Job.objects.filter(kind="payments.carry_out").delete()

        assert tidy_up(now=timezone.now() + LATER).revived == 1
        world.work(later=LATER)

        assert (Instruction.objects.get().state, world.status("cart-1.ann")) == ("succeeded", "CANCELED")

    @pytest.mark.parametrize("kind", ["payments.send_evidence", "payments.send_evidence_file"])
    def test_gives_evidence_and_its_files_their_jobs_back(self, world: World, sold: Seller, kind: str) -> None:
        dispute = open_dispute(world)
        hand_in(world, dispute, files=[upload(world, dispute).json()["id"]])
        Job.objects.filter(kind=kind).delete()

        assert tidy_up(now=timezone.now() + LATER).revived == 1
        world.work(later=LATER)

        world.work(later=2 * LATER)

        assert EvidenceFile.objects.get().state == "accepted"
        assert DisputeEvidence.objects.get().state == "accepted"


class TestATask:
    @pytest.fixture
    def task(self, world: World, ann: Seller) -> HumanTask:
        world.order("cart-1", {"ann": "100.00"})
        end_jobs("dead")
        tidy_up(now=timezone.now() + LATER)
        return HumanTask.objects.get()

    def test_is_closed_once_by_a_person_with_a_note(self, task: HumanTask) -> None:
        close_task(task_id=task.pk, actor="user:oscar", note="asked the provider", now=timezone.now())

        task.refresh_from_db()
        assert (task.state, task.closed_by, task.note) == ("done", "user:oscar", "asked the provider")
        with pytest.raises(TaskMissing):
            close_task(task_id=task.pk, actor="user:anna", note="me too", now=timezone.now())

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE operations_humantask SET reason = 'nothing'",
            "UPDATE operations_humantask SET item = 're_another'",
            "UPDATE operations_humantask SET state = 'done'",
            "DELETE FROM operations_humantask",
        ],
    )
    def test_cannot_be_rewritten_behind_its_back(self, task: HumanTask, change: str) -> None:
        with pytest.raises(DatabaseError), transaction.atomic():
            database.execute(change)


class TestTheDatabase:
    """What raw SQL cannot do to orders, attempts and instructions."""

    @pytest.mark.parametrize(
        "attack",
        [
            "UPDATE payments_paymentorder SET captured_minor = captured_minor - 1",
            "UPDATE payments_paymentorder SET captured_minor = amount_minor + 1",
            "UPDATE payments_paymentorder SET paid_by_id = NULL",
            "UPDATE payments_paymentorder SET refunded_minor = captured_minor + 1",
            "UPDATE payments_paymentorder SET captured_commission_minor = captured_minor + 1",
            "UPDATE payments_attempt SET amount_minor = 1",
            "UPDATE payments_attempt SET cart = 2",
            "UPDATE payments_attempt SET charge_ref = 'ch_other'",
            "UPDATE payments_attempt SET state = 'authorized'",
        ],
    )
    def test_keeps_what_was_paid(self, world: World, ann: Seller, attack: str) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        with pytest.raises(DatabaseError), transaction.atomic():
            database.execute(attack)

    @pytest.mark.parametrize(
        "attack",
        [
            "UPDATE payments_instruction SET psp_key = 'another'",
            "UPDATE payments_instruction SET purpose = 'expire'",
            "UPDATE payments_instruction SET params = '{}'",
            "UPDATE payments_instruction SET state = 'requested'",
            "INSERT INTO payments_instruction"
            " SELECT 'ins_2', kind, purpose, amount_minor, currency, final, parts, 'k2', params, 'requested',"
            " state_since, actor, last_error, created_at, sent_at, attempt_id"
            " FROM payments_instruction",
        ],
    )
    def test_keeps_one_frozen_instruction_at_a_time(self, world: World, ann: Seller, attack: str) -> None:
        world.order("cart-1", {"ann": "100.00"})
        world.provider.plan([rule("checkout.session.expire", "cut before")])
        world.shop.post("/v1/payments/cart-1/cancel", {}, key="x")

        with pytest.raises(DatabaseError), transaction.atomic():
            database.execute(attack)
        assert PaymentOrder.objects.get().state == "EXECUTING"


class TestTheTableOfDeclines:
    def test_knows_every_code_of_the_test_cards(self) -> None:
        codes = {card.decline_code or card.code for card in CARDS.values() if card.code}

        assert codes <= set(RETRIES)

    @pytest.mark.parametrize(("code", "who"), [("refused_by_issuer", Retry.BUYER), ("possible_fraud", Retry.NEVER)])
    def test_knows_the_words_of_either_provider(self, code: str, who: Retry) -> None:
        assert retry_of(code) is who

    def test_lets_nobody_repeat_blindly_what_it_does_not_know(self) -> None:
        assert retry_of("a_code_of_next_year") is Retry.NEVER

    def test_tells_the_shop_who_may_try_again(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})
        world.pay(created, card="4000000000009995")
        world.settle()

        answer = world.shop.post("/v1/payments/cart-1/cancel", {}, key="x")

        assert answer.json()["last_error"] == {"code": "insufficient_funds", "retryable": "buyer"}

    def test_has_us_try_again_what_the_provider_was_not_ready_for(self, world: World, ann: Seller) -> None:
        world.provider.plan([rule("checkout.session.create", "409")])

        answer = world.order("cart-1", {"ann": "100.00"})
        world.work(later=timedelta(seconds=30))

        assert (answer.status_code, world.status("cart-1.ann")) == (202, "EXECUTING")
