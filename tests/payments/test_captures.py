"""From paid at the provider to booked here: by webhook, by poll, late, or not at all."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.selectors import count_entries, wallet
from ledger.services import verify_books
from operations.edges import money_tx
from operations.lifecycle import move
from operations.models import Job
from payments.models import Attempt, Checkout, PaymentOrder, Refund, Seller
from tests.ledger_text import assert_posted
from tests.payments.faults import UNCLEAR, rule
from tests.world import World

RETRIEVE = "checkout.session.retrieve"


def pending(seller: Seller) -> str:
    """Return what a seller has earned and cannot have yet."""
    return wallet(seller=seller.id, currency="EUR").pending.text


def intent_of(world: World) -> str:
    """Return the provider's id of the only payment."""
    [session] = world.provider.ledger()["sessions"]
    return str(session["payment_intent"])


def lose_webhooks(world: World) -> None:
    """Let everything that the provider wants to say get lost for good."""
    world.provider.take_webhooks()


class TestAPaidCheckout:
    def test_is_found_by_the_poll_when_its_webhooks_are_lost(self, world: World, ann: Seller) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}))
        lose_webhooks(world)

        world.work(later=timedelta(minutes=3))

        assert (world.status("cart-1.ann"), pending(ann)) == ("SUCCESS", "90.00")

    def test_is_booked_once_by_webhook_and_poll_together(self, world: World, ann: Seller) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}))
        world.work(later=timedelta(minutes=3))

        world.settle()
        world.work(later=timedelta(hours=1))

        assert (count_entries(), pending(ann)) == (2, "90.00")

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_is_booked_once_however_the_answer_was_lost(self, world: World, ann: Seller, fault: str) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}))
        world.provider.plan([rule(RETRIEVE, fault)])

        world.deliver_webhooks()
        world.work()
        world.work(later=timedelta(minutes=1))

        assert (world.status("cart-1.ann"), pending(ann), count_entries()) == ("SUCCESS", "90.00", 2)
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_frees_the_poll(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        assert Job.objects.filter(kind="payments.sync_attempt").values_list("state", flat=True).get() == "done"


class TestAnAmountThatIsNotOurs:
    def test_in_one_answer_is_not_believed(self, world: World, ann: Seller) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}))
        lie = {"op": RETRIEVE, "action": "wrong_amount", "args": {"delta_minor": -100}}
        world.provider.plan([lie])
        lose_webhooks(world)

        world.work(later=timedelta(minutes=3))

        assert (world.status("cart-1.ann"), count_entries()) == ("EXECUTING", 0)
        world.work(later=timedelta(minutes=6))
        assert (world.status("cart-1.ann"), pending(ann)) == ("SUCCESS", "90.00")


class TestAPaymentWhoseMoneyComesLater:
    def test_is_booked_when_it_comes(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})
        world.buyer.pay(url=created.json()["payment_page"]["url"], method="sepa_debit")
        world.settle()
        assert (world.status("cart-1.ann"), count_entries()) == ("EXECUTING", 0)

        world.provider.settle_async(intent_of(world), succeeded=True)
        world.settle()

        assert (world.status("cart-1.ann"), pending(ann)) == ("SUCCESS", "90.00")

    def test_has_failed_when_it_does_not(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})
        world.buyer.pay(url=created.json()["payment_page"]["url"], method="sepa_debit")
        world.settle()

        world.provider.settle_async(intent_of(world), succeeded=False)
        world.settle()

        assert (world.status("cart-1.ann"), count_entries()) == ("FAILED", 0)
        assert Attempt.objects.get().state == "declined"


class TestACheckoutThatNobodyPays:
    @pytest.mark.parametrize("webhooks_lost", [False, True])
    def test_expires_when_the_provider_says_so(self, world: World, ann: Seller, webhooks_lost: bool) -> None:
        world.order("cart-1", {"ann": "100.00"})
        world.provider.advance(24 * 3600)
        if webhooks_lost:
            lose_webhooks(world)

        world.settle()
        world.work(later=timedelta(hours=24))

        assert (world.status("cart-1.ann"), Attempt.objects.get().state) == ("EXPIRED", "expired")
        assert Job.objects.filter(state="todo").count() == 0

    def test_stays_open_until_then_and_is_asked_for_ever_more_rarely(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})
        waits = []
        for age in (timedelta(minutes=3), timedelta(hours=1), timedelta(hours=20)):
            now = timezone.now() + age
            world.work(later=age)
            waits.append(round((Job.objects.get(kind="payments.sync_attempt").next_at - now).total_seconds()))

        assert world.status("cart-1.ann") == "EXECUTING"
        assert waits == [60, pytest.approx(720, abs=2), 1800]


class TestALatePayment:
    """We gave the checkout up; the buyer's page did not know."""

    @pytest.fixture
    def given_up(self, world: World, ann: Seller) -> Any:
        created = world.order("cart-1", {"ann": "100.00"})
        with money_tx("test"):
            move(Attempt.objects.get(), "expire", actor="user:oscar", now=timezone.now())
            move(PaymentOrder.objects.get(), "expire", actor="user:oscar", now=timezone.now())
        return created

    def test_is_booked_and_refunded_by_itself(self, world: World, ann: Seller, given_up: Any) -> None:
        world.pay(given_up)

        world.settle()

        refund = Refund.objects.get()
        assert (refund.state, refund.amount.text, refund.requested_by) == ("succeeded", "100.00", "system:late_payment")
        assert pending(ann) == "0.00"
        assert_posted(
            f"checkout:{Checkout.objects.get().pk}",
            {
                "payment_captured": """
                    debit   psp:stripe:clearing   100.00 EUR
                    credit  seller:ann:pending     90.00 EUR
                    credit  platform:commission    10.00 EUR
                """,
                "provider_fee_charged": """
                    debit   psp:stripe:fees         3.20 EUR
                    credit  psp:stripe:clearing     3.20 EUR
                """,
                "refund_succeeded": """
                    debit   seller:ann:pending     90.00 EUR
                    debit   platform:commission    10.00 EUR
                    credit  psp:stripe:clearing   100.00 EUR
                """,
            },
            names={ann.id: "ann"},
        )

    def test_is_refunded_once(self, world: World, ann: Seller, given_up: Any) -> None:
        world.pay(given_up)
        world.settle()

        assert world.provider.hold_again() > 0
        world.settle()

        assert [r["amount"] for r in world.provider.ledger()["refunds"]] == [10_000]
