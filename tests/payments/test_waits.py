"""Whom everything unfinished waits for, for what, and since when: in the API, in the console, on a terminal."""

import json
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from operations import database
from operations.edges import money_tx
from operations.models import Approval, HumanTask, Job
from operations.services import ask_person, grant_approval
from payments.models import Attempt, Dispute, Instruction, Refund, Seller
from payments.services import tidy_up
from payments.services.captures import poll_interval_s
from payments.waits import attempts_wait, disputes_wait, instructions_wait, refunds_wait
from tests.payments.dispute_steps import decide, hand_in, open_dispute
from tests.payments.faults import rule
from tests.payments.test_unfinished import LATER
from tests.world import CHECKER, MAKER, World


def refund(world: World, amount: str) -> Any:
    """Ask for a refund of ann's sale and return it as the API shows it."""
    body = {"payment_order_id": "cart-1.ann", "amount": amount, "currency": "EUR", "reason": "a scratch"}
    answer = world.shop.post("/v1/refunds", body, key=f"refund-{amount}")
    assert answer.status_code == 201, answer.content
    return answer.json()


def waiting_of(world: World, path: str) -> dict[str, str] | None:
    found: dict[str, str] | None = world.shop.get(path).json()["waiting"]
    return found


class TestAnAttempt:
    def test_waits_for_the_buyer_while_the_page_is_open(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})

        attempt = Attempt.objects.get()
        waits = attempts_wait(attempts=[attempt])[attempt.pk]
        assert (waits.on, waits.since) == ("buyer", attempt.state_since)

    def test_waits_for_the_provider_while_its_outcome_is_unknown(self, world: World, ann: Seller) -> None:
        world.provider.plan([rule("checkout.session.create", "cut after")])
        world.order("cart-1", {"ann": "100.00"})

        attempt = Attempt.objects.get()
        assert attempts_wait(attempts=[attempt])[attempt.pk].on == "provider"

    def test_waits_for_a_person_once_one_is_asked(self, world: World, ann: Seller) -> None:
        world.provider.plan([rule("checkout.session.create", "cut after")])
        world.order("cart-1", {"ann": "100.00"})
        attempt = Attempt.objects.get()
        with money_tx("test.ask"):
            subject = f"checkout:{attempt.checkout_id}"
            ask_person(kind="x", subject=subject, reason="look at it", waits_for="operator", now=timezone.now())

        waits = attempts_wait(attempts=[attempt])[attempt.pk]
        assert (waits.on, waits.what, waits.since) == ("person", "look at it", HumanTask.objects.get().since)

    def test_waits_for_nobody_once_it_is_paid(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        assert attempts_wait(attempts=[Attempt.objects.get()]) == {}


class TestAnOrder:
    @pytest.fixture
    def debited(self, world: World, ann: Seller) -> Attempt:
        """Bea paid by direct debit: the provider is told, her bank is not."""
        created = world.order("cart-1", {"ann": "100.00"})
        world.buyer.pay(url=created.json()["payment_page"]["url"], method="sepa_debit")
        world.settle()
        return Attempt.objects.get()

    def test_waits_for_the_buyer_until_it_is_paid(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})

        waits = waiting_of(world, "/v1/payments/cart-1.ann")
        assert waits == created.json()["payment_orders"][0]["waiting"]
        assert waits is not None
        assert (waits["on"], waits["for"]) == ("buyer", "to be paid on the provider's page")

    def test_waits_for_the_bank_once_the_buyer_is_done(self, world: World, debited: Attempt) -> None:
        assert debited.processing_since is not None
        since = debited.processing_since.isoformat()
        on_its_way = {"on": "provider", "for": "the money, which is on its way from the buyer's bank", "since": since}

        assert waiting_of(world, "/v1/payments/cart-1.ann") == on_its_way
        assert world.shop.get("/v1/checkouts/cart-1").json()["payment_orders"][0]["waiting"] == on_its_way
        assert attempts_wait(attempts=[debited])[debited.pk].on == "provider"
        told = StringIO()
        call_command("payments_inspect", "cart-1", stdout=told)
        assert "waits for: provider, the money, which is on its way from the buyer's bank, since " in told.getvalue()

    def test_has_waited_since_the_first_time_that_it_was_seen(self, world: World, debited: Attempt) -> None:
        world.work(later=timedelta(hours=3))

        assert Attempt.objects.get().processing_since == debited.processing_since

    def test_is_asked_after_for_as_long_as_a_bank_may_take(self, world: World, debited: Attempt) -> None:
        age, tries = timedelta(0), 0
        while age < timedelta(days=60):
            age, tries = age + timedelta(seconds=poll_interval_s(age)), tries + 1
        job = Job.objects.filter(kind="payments.sync_attempt", key=debited.pk)
        job.update(attempts=tries)

        world.work(later=age)

        assert (job.get().state, job.get().attempts) == ("todo", tries + 1)

    def test_waits_for_us_once_a_person_let_it_pass_the_risk_check(
        self, world: World, ann: Seller, settings: Any
    ) -> None:
        settings.RISK_CHECK, settings.RISK_REVIEW_ABOVE_MINOR = "lists", {"EUR": 1}
        world.order("cart-1", {"ann": "10.00"})
        held = waiting_of(world, "/v1/payments/cart-1.ann")
        review = Approval.objects.get(kind="payments.risk_review")

        grant_approval(approval_id=review.pk, checker=CHECKER, now=timezone.now())

        attempt = Attempt.objects.get(state="created")
        passed = {"on": "us", "for": "to be registered with the provider", "since": attempt.state_since.isoformat()}
        assert held is not None
        assert (held["on"], held["for"]) == ("person", "to decide the risk check's question")
        assert waiting_of(world, "/v1/payments/cart-1.ann") == passed
        [listed] = world.shop.get("/v1/checkouts/cart-1").json()["payment_orders"]
        assert listed["waiting"] == passed
        world.work(later=timedelta(minutes=1))
        now_waits = waiting_of(world, "/v1/payments/cart-1.ann")
        assert now_waits is not None
        assert now_waits["on"] == "buyer"

    def test_waits_for_nobody_once_the_money_came(self, world: World, debited: Attempt) -> None:
        [session] = world.provider.ledger()["sessions"]
        world.provider.settle_async(session["payment_intent"], succeeded=True)
        world.settle()

        assert waiting_of(world, "/v1/payments/cart-1.ann") is None

    def test_waits_for_the_provider_while_nobody_knows_whether_it_was_captured(self, world: World, ann: Seller) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}, capture_method="manual"))
        world.settle()
        world.provider.plan([rule("payment_intent.capture", "garbage")])

        answer = world.shop.post("/v1/payments/cart-1/capture", {}, key="c1")

        [order] = answer.json()["payment_orders"]
        assert (answer.status_code, order["status"]) == (202, "AUTHORIZED")
        assert (order["waiting"]["on"], order["waiting"]["for"]) == ("provider", "an answer that can be believed")
        assert waiting_of(world, "/v1/payments/cart-1.ann") == order["waiting"]


class TestAnInstruction:
    def test_waits_for_the_provider_while_nobody_knows_what_became_of_it(self, world: World, ann: Seller) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}, capture_method="manual"))
        world.settle()
        world.provider.plan([rule("payment_intent.capture", "cut before"), rule("payment_intent.retrieve", "503")])

        world.shop.post("/v1/payments/cart-1/capture", {"final_capture": True}, key="c1")

        told = Instruction.objects.select_related("attempt").get()
        waits = instructions_wait(instructions=[told])[told.pk]
        assert (told.state, waits.on, waits.since) == ("unknown", "provider", told.state_since)


class TestARefund:
    def test_tells_the_storefront_whom_it_waits_for(self, world: World, sold: Seller) -> None:
        asked = refund(world, "10.00")

        row = Refund.objects.get()
        assert asked["waiting"]["on"] == "us"
        assert datetime.fromisoformat(asked["waiting"]["since"]) == row.state_since == row.created_at

        world.settle()
        assert waiting_of(world, f"/v1/refunds/{row.pk}") is None

    def test_waits_for_a_second_person_above_the_limit(self, world: World, sold: Seller) -> None:
        row = Refund.objects.get(pk=refund(world, "60.00")["id"])

        waits = waiting_of(world, f"/v1/refunds/{row.pk}")
        assert waits == {"on": "person", "for": "a second person to agree", "since": row.created_at.isoformat()}

    def test_says_so_within_its_payment_too(self, world: World, sold: Seller) -> None:
        refund(world, "60.00")

        [shown] = world.shop.get("/v1/payments/cart-1.ann").json()["refunds"]
        assert shown["waiting"]["on"] == "person"

    def test_waits_for_the_provider_while_its_outcome_is_unknown(self, world: World, sold: Seller) -> None:
        refund(world, "10.00")
        world.provider.plan([rule("refund.create", "cut after")])
        world.work()

        row = Refund.objects.get()
        waits = waiting_of(world, f"/v1/refunds/{row.pk}")
        assert waits == {
            "on": "provider",
            "for": "an answer that can be believed",
            "since": row.state_since.isoformat(),
        }
        assert row.state_since > row.created_at

    def test_waits_for_a_person_once_its_job_is_a_dead_letter(self, world: World, sold: Seller) -> None:
        refund(world, "10.00")
        database.execute("UPDATE operations_job SET state = 'doing' WHERE kind = 'payments.send_refund'")
        database.execute(
            "UPDATE operations_job SET state = 'dead', last_error = 'gave up' WHERE kind = 'payments.send_refund'"
        )
        refund(world, "60.00")
        Refund.objects.filter(state="requested", needs_approval=False).update(created_at=timezone.now() - LATER)
        database.execute("UPDATE payments_refund SET state = 'sending' WHERE NOT needs_approval")
        tidy_up(now=timezone.now() + LATER)

        rows = {row.amount.text: row for row in Refund.objects.select_related("order")}
        waits = refunds_wait(refunds=list(rows.values()))
        assert waits[rows["10.00"].pk].on == "person"
        assert "gave up" in waits[rows["10.00"].pk].what
        assert waits[rows["60.00"].pk].what == "a second person to agree"


class TestADispute:
    def test_waits_for_the_storefronts_evidence_until_it_is_due(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)

        waits = waiting_of(world, f"/v1/disputes/{dispute.pk}")
        assert waits is not None
        assert dispute.evidence_due_by is not None
        assert waits["on"] == "storefront"
        assert waits["for"] == f"to hand in evidence until {dispute.evidence_due_by:%Y-%m-%d %H:%M} UTC"
        assert waits["since"] == dispute.state_since.isoformat()

    def test_waits_for_us_while_the_evidence_is_on_its_way(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        hand_in(world, dispute)

        waits = waiting_of(world, f"/v1/disputes/{dispute.pk}")
        assert waits is not None
        assert (waits["on"], waits["for"]) == ("us", "to send the evidence to the provider")

    def test_waits_for_the_bank_afterwards_and_for_nobody_in_the_end(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        hand_in(world, dispute, final=True)
        world.settle()
        waits = waiting_of(world, f"/v1/disputes/{dispute.pk}")
        assert waits is not None
        assert (waits["on"], waits["for"]) == ("provider", "the buyer's bank to decide")

        decide(world, dispute, won=True)

        [listed] = world.shop.get("/v1/disputes").json()["data"]
        assert listed["waiting"] is None

    def test_that_was_won_waits_for_the_money(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        Dispute.objects.update(reinstatements=0)
        database.execute("UPDATE payments_dispute SET state = 'won'")

        found = Dispute.objects.get(pk=dispute.pk)
        assert disputes_wait(disputes=[found])[found.pk].what == "to give the money back"


class TestPaymentsInspect:
    def test_says_of_everything_open_whom_it_waits_for(self, world: World, sold: Seller) -> None:
        refund(world, "60.00")
        out, words = StringIO(), StringIO()

        call_command("payments_inspect", "cart-1", "--json", stdout=out)
        call_command("payments_inspect", "cart-1", stdout=words)

        told = json.loads(out.getvalue())
        assert told["refunds"][0]["waiting"]["on"] == "person"
        assert told["attempts"][0]["waiting"] is None
        assert "waits for: person, a second person to agree, since " in words.getvalue()


@pytest.fixture(autouse=True)
def limit(settings: Any) -> str:
    """Above 50.00 EUR a refund needs a second person."""
    settings.REFUND_APPROVAL_LIMIT_MINOR = {"EUR": 5_000}
    return MAKER
