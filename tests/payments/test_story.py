"""One payment's whole story, from any id that somebody has in hand."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ledger.models import JournalEntry
from operations.edges import money_tx
from operations.models import Job
from operations.services import enqueue
from payments.models import (
    Attempt,
    Checkout,
    Dispute,
    DisputeEvidence,
    EventDelivery,
    EvidenceFile,
    Instruction,
    PaymentOrder,
    Refund,
    Seller,
    StorefrontEvent,
    Surplus,
    WebhookEvent,
)
from tests.flows.test_a_review import decide, hold
from tests.payments.dispute_steps import hand_in, open_dispute
from tests.payments.faults import rule
from tests.payments.test_evidence_files import upload
from tests.payments.test_refunds_elsewhere import refund_there
from tests.payments.test_storefront_events import make_endpoint
from tests.shop_server import running
from tests.snapshot import nothing_changes
from tests.world import World


def inspect(any_id: str, *options: str) -> str:
    out = StringIO()
    call_command("payments_inspect", any_id, *options, stdout=out)
    return out.getvalue()


def owners(ids: list[Any]) -> dict[Any, str]:
    """Return the checkout to which the command says that each id belongs."""
    return {any_id: json.loads(inspect(str(any_id), "--json"))["checkout"]["id"] for any_id in ids}


def told(any_id: str, kind: str) -> list[dict[str, Any]]:
    """Return what the command tells of one kind."""
    return [moment for moment in json.loads(inspect(any_id, "--json"))["story"] if moment["kind"] == kind]


@pytest.fixture
def refunded(world: World, ann: Seller) -> Checkout:
    """A sale of ann's that was paid, and then refunded in part."""
    checkout = world.sell("cart-1", {"ann": "100.00"})
    body = {"payment_order_id": "cart-1.ann", "amount": "30.00", "currency": "EUR", "reason": "one lamp was broken"}
    assert world.shop.post("/v1/refunds", body, key="refund-1").status_code == 201
    world.settle()
    return checkout


class TestPaymentsInspect:
    def test_finds_the_payment_by_anybodys_id(self, refunded: Checkout) -> None:
        attempt, order, refund = Attempt.objects.get(), PaymentOrder.objects.get(), Refund.objects.get()
        event = WebhookEvent.objects.filter(type="checkout.session.completed").get()
        ids = [refunded.pk, order.pk, attempt.pk, refund.pk, "cart-1", "cart-1.ann", event.event_id]
        ids += [str(ref) for ref in (attempt.psp_ref, attempt.payment_ref, attempt.charge_ref, refund.psp_ref)]

        found = {any_id: json.loads(inspect(any_id, "--json"))["checkout"]["id"] for any_id in ids}

        assert found == dict.fromkeys(ids, refunded.pk)

    def test_tells_everything_in_the_order_in_which_it_happened(self, refunded: Checkout) -> None:
        told = json.loads(inspect("cart-1", "--json"))

        story = told["story"]
        assert [moment["at"] for moment in story] == sorted(moment["at"] for moment in story)
        assert {moment["kind"] for moment in story} >= {"checkout", "state", "webhook", "journal", "job", "event"}
        texts = [moment["text"] for moment in story]
        assert texts[0] == "the storefront acme created cart-1 over 100.00 EUR"
        assert "payment_order EXECUTING → SUCCESS by psp:stripe" in texts
        assert any(text.startswith("refund_succeeded") for text in texts)
        assert "payment.succeeded for the storefront: no endpoint wanted it" in texts
        [refund] = told["refunds"]
        assert (refund["amount"], refund["state"]) == ("30.00", "succeeded")

    def test_prints_journal_entries_as_debits_and_credits(self, refunded: Checkout) -> None:
        charge = Attempt.objects.get().charge_ref

        lines = inspect("cart-1").splitlines()

        [first] = [number for number, line in enumerate(lines) if line.endswith(f"payment_captured {charge}")]
        assert [line.split() for line in lines[first + 1 : first + 4]] == [
            ["psp:stripe:clearing", "Dr", "100.00", "EUR"],
            [f"seller:{PaymentOrder.objects.get().seller_id}:pending", "Cr", "90.00", "EUR"],
            ["platform:commission", "Cr", "10.00", "EUR"],
        ]

    def test_changes_nothing(self, refunded: Checkout) -> None:
        with nothing_changes():
            inspect("cart-1")

    @pytest.mark.parametrize("any_id", ["chk_nobody", "evt_nobody", "", "%", "' OR 1=1 --", "\0", "\udcff", "chk_:9"])
    def test_says_when_nothing_here_has_the_id(self, refunded: Checkout, any_id: str) -> None:
        with pytest.raises(CommandError, match="Nothing here has the id"):
            inspect(any_id)

    def test_finds_it_by_every_name_under_which_it_is_in_the_books(self, refunded: Checkout) -> None:
        references = list(JournalEntry.objects.values_list("reference", flat=True))

        assert len(references) > 2
        assert owners(references) == dict.fromkeys(references, refunded.pk)

    def test_finds_it_by_a_message_to_the_storefront(self, refunded: Checkout) -> None:
        ids = list(StorefrontEvent.objects.values_list("pk", flat=True))

        assert owners(ids) == dict.fromkeys(ids, refunded.pk)

    def test_tells_the_job_by_which_a_message_is_delivered(self, world: World, ann: Seller, settings: Any) -> None:
        settings.WEBHOOK_PRIVATE_ADDRESSES = True
        with running() as server:
            make_endpoint(world, server.url, event_types=["payment.succeeded"])
            checkout = world.sell("cart-1", {"ann": "100.00"})
        delivery = EventDelivery.objects.get()

        assert owners([delivery.pk]) == {delivery.pk: checkout.pk}
        job = f"payments.deliver_event {delivery.job_key} is done after 1 attempts"
        assert job in [moment["text"] for moment in told("cart-1", "job")]

    def test_finds_it_by_an_instruction(self, world: World, ann: Seller) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}, capture_method="manual"))
        world.settle()
        world.shop.post("/v1/payments/cart-1/capture", {"final_capture": True}, key="c1")

        instruction = Instruction.objects.get().pk

        assert owners([instruction]) == {instruction: Checkout.objects.get().pk}

    def test_finds_it_by_what_the_provider_calls_an_attempt_after_us(self, world: World, ann: Seller) -> None:
        # The provider made a page and never showed it, so there is a second one.
        hidden = {"op": "checkout.session.list", "action": "empty_list", "times": 0}
        world.provider.plan([rule("checkout.session.create", "cut after"), hidden])
        world.order("cart-1", {"ann": "100.00"})
        world.work(later=timedelta(hours=21))
        world.work(later=timedelta(hours=21, minutes=1))

        names = [session["client_reference_id"] for session in world.provider.ledger()["sessions"]]

        checkout = Checkout.objects.get().pk
        assert set(names) == {checkout, f"{checkout}:2"}
        assert owners(names) == dict.fromkeys(names, checkout)
        with pytest.raises(CommandError, match="Nothing here has the id"):
            inspect(f"{checkout}:3")


class TestTheStoryOfADispute:
    @pytest.fixture
    def disputed(self, world: World, sold: Seller) -> Dispute:
        """A dispute for which a file and then evidence was handed in."""
        dispute = open_dispute(world)
        assert upload(world, dispute).status_code == 202
        world.settle()
        assert hand_in(world, dispute).status_code in (201, 202)
        world.settle()
        return dispute

    def test_is_found_by_what_was_handed_in(self, disputed: Dispute) -> None:
        evidence, file = DisputeEvidence.objects.get(), EvidenceFile.objects.get()
        ids = [disputed.pk, disputed.psp_ref, evidence.pk, file.pk, file.psp_ref]

        assert None not in ids
        assert owners(ids) == dict.fromkeys(ids, disputed.checkout_id)

    def test_tells_evidence_and_files_with_their_moves_and_jobs(self, disputed: Dispute) -> None:
        evidence, file = DisputeEvidence.objects.get(), EvidenceFile.objects.get()

        facts = json.loads(inspect("cart-1", "--json"))

        [row] = facts["evidence"]
        assert (row["id"], row["dispute"], row["state"]) == (evidence.pk, disputed.pk, "accepted")
        [row] = facts["files"]
        assert (row["id"], row["psp_ref"], row["state"]) == (file.pk, file.psp_ref, "accepted")
        moved = {moment["subject"] for moment in facts["story"] if moment["kind"] == "state"}
        assert moved >= {evidence.pk, file.pk}
        jobs = {moment["text"].split(" is ")[0] for moment in facts["story"] if moment["kind"] == "job"}
        assert jobs >= {f"payments.send_evidence {evidence.pk}", f"payments.send_evidence_file {file.pk}"}
        words = inspect("cart-1")
        assert f"  evidence     id={evidence.pk}" in words
        assert f"  file         id={file.pk}" in words


class TestTheStoryOfAReview:
    @pytest.fixture
    def refused(self, world: World, ann: Seller) -> Surplus:
        """A payment that the provider held, refused, and gave back: money that was nobody's."""
        hold(world)
        decide(world, approve=False)
        world.work(later=timedelta(minutes=5))
        world.settle()
        return Surplus.objects.get()

    def test_is_found_by_the_surplus_and_by_the_review(self, refused: Surplus) -> None:
        told_of = WebhookEvent.objects.get(type="review.closed")
        ids = [refused.pk, refused.psp_ref, told_of.object_id, told_of.event_id]

        assert str(refused.psp_ref).startswith("re_")
        assert owners(ids) == dict.fromkeys(ids, Checkout.objects.get().pk)

    def test_tells_the_webhooks_about_both(self, refused: Surplus) -> None:
        texts = " ".join(moment["text"] for moment in told("cart-1", "webhook"))

        assert f"about {refused.psp_ref} came as a webhook" in texts
        assert "review.closed about prv_" in texts
        assert len(told("cart-1", "webhook")) == WebhookEvent.objects.exclude(type="account.updated").count()

    def test_tells_the_job_by_which_money_is_sent_back_once_more(self, refused: Surplus) -> None:
        key = f"surplus:{refused.pk}:again1"
        with money_tx("test.again"):
            enqueue(kind="payments.send_back", key=key, args={"surplus": refused.pk}, run_at=timezone.now())

        assert any(f"payments.send_back {key} is todo" in moment["text"] for moment in told("cart-1", "job"))

    def test_is_told_of_no_other_payment(self, world: World, ann: Seller) -> None:
        world.sell("cart-0", {"ann": "20.00"})
        hold(world)
        decide(world, approve=True)

        of_the_other = " ".join(moment["text"] for moment in told("cart-0", "webhook"))

        assert "review.closed" in " ".join(moment["text"] for moment in told("cart-1", "webhook"))
        assert "checkout.session.completed" in of_the_other
        assert "review." not in of_the_other


class TestTheStoryOfARefundMadeAtTheProvider:
    def test_tells_the_webhooks_about_one_that_was_taken_over(self, world: World, sold: Seller) -> None:
        refund_there(world, 2_500)
        ref = Refund.objects.get().psp_ref

        assert any(f"about {ref} came" in moment["text"] for moment in told("cart-1", "webhook"))

    def test_tells_webhooks_jobs_and_question_of_one_that_is_no_row_of_ours(
        self, world: World, ann: Seller, bob: Seller
    ) -> None:
        checkout = world.sell("cart-1", {"ann": "60.00", "bob": "40.00"})
        refund_there(world, 2_500)
        parked = WebhookEvent.objects.get(type="refund.created")

        assert owners([parked.object_id, parked.event_id]) == dict.fromkeys(
            [parked.object_id, parked.event_id], checkout.pk
        )
        [webhook] = [moment for moment in told("cart-1", "webhook") if moment["subject"] == parked.event_id]
        assert f"about {parked.object_id} came as a webhook; parked: " in webhook["text"]
        job = f"payments.handle_event stripe:{parked.event_id} is todo after "
        assert any(moment["text"].startswith(job) for moment in told("cart-1", "job"))
        [question] = told("cart-1", "question")
        assert question["text"].startswith(
            f"finance was asked (payments.refund_elsewhere, open): {parked.object_id} gave 25.00 EUR back"
        )


class TestTheStoryOfAnEventThatWasGivenUp:
    @pytest.fixture
    def dead(self, world: World, ann: Seller) -> Job:
        """The dead letter of the event by which ann's sale was told."""
        world.pay(world.order("cart-1", {"ann": "100.00"}))
        world.deliver_webhooks()
        event = WebhookEvent.objects.get(type="checkout.session.completed")
        job = Job.objects.get(kind="payments.handle_event", key=f"stripe:{event.event_id}")
        for state in ("doing", "dead"):
            Job.objects.filter(pk=job.pk).update(state=state, last_error="TryLater: not known here yet")
        world.settle()
        return job

    def test_shows_the_dead_letter(self, dead: Job) -> None:
        [moment] = [moment for moment in told("cart-1", "job") if moment["subject"] == str(dead.pk)]

        assert moment["text"].startswith(f"payments.handle_event {dead.key} is dead after ")
        assert moment["text"].endswith(": TryLater: not known here yet")

    def test_shows_a_job_for_every_event_that_was_acted_on(self, dead: Job) -> None:
        keys = {f"stripe:{moment['subject']}" for moment in told("cart-1", "webhook")}
        handled = set(Job.objects.filter(kind="payments.handle_event", key__in=keys).values_list("pk", flat=True))

        assert {str(pk) for pk in handled} <= {moment["subject"] for moment in told("cart-1", "job")}
        assert dead.pk in handled

    def test_says_who_decided_about_it(self, dead: Job, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOGNAME", "olga")
        call_command("jobs_dead", "--replay", str(dead.pk), "--reason", "the handler was mended", stdout=StringIO())

        event = dead.key.removeprefix("stripe:")
        call_command("webhooks_replay", event, "--reason", "to be sure", stdout=StringIO())

        found = [(moment["text"], moment["facts"]["reason"]) for moment in told("cart-1", "audit")]
        assert ("operations.job.replayed by os:olga", "the handler was mended") in found
        assert ("payments.event.replayed by os:olga", "to be sure") in found
