"""Bea paid the same cart twice, and before the second payment is back with her, her bank takes it back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ledger.selectors import balance, wallet
from ledger.services import verify_books
from operations.models import HumanTask
from operations.services import pull_switch, release_switch
from payments.models import Dispute, Seller, StorefrontEvent, Surplus
from tests.ledger_text import assert_posted
from tests.payments.dispute_steps import decide
from tests.payments.faults import rule
from tests.world import World

REFUND_PENDING = "4000000000007726"


@pytest.fixture
def pages(world: World, ann: Seller) -> list[str]:
    """The provider never showed the first page, so Bea got a second one."""
    unseen = {"op": "checkout.session.list", "action": "empty_list", "times": 0}
    world.provider.plan([rule("checkout.session.create", "cut after"), unseen])
    world.order("cart-1", {"ann": "100.00"})
    world.work(later=timedelta(hours=21))
    world.work(later=timedelta(hours=21, minutes=1))
    world.provider.plan([])
    return [f"{world.provider.base_url}/c/pay/{one['id']}" for one in world.provider.ledger()["sessions"]]


@pytest.fixture
def twice(world: World, pages: list[str]) -> Surplus:
    """She paid both while refunds are stopped."""
    pull_switch(name="refunds", reason="trouble at the provider", actor="user:oscar", now=timezone.now())
    return pay(world, pages)


def pay(world: World, pages: list[str], *, card: str = "4242424242424242") -> Surplus:
    for page in pages:
        world.buyer.pay(url=page, card=card)
    world.settle()
    return Surplus.objects.get()


def open_dispute(world: World, surplus: Surplus, *, amount: int | None = None) -> Dispute:
    made = world.provider.open_dispute(surplus.charge_ref, amount=amount)
    world.settle()
    return Dispute.objects.get(psp_ref=made["id"])


def go_on(world: World) -> None:
    """Refunds go on."""
    release_switch(name="refunds", reason="it is over", actor="user:anna", now=timezone.now())
    world.work(later=timedelta(minutes=10))
    world.settle()


def state(surplus: Surplus) -> str:
    return str(Surplus.objects.get(pk=surplus.pk).state)


def held() -> str:
    return str(balance(code="suspense:unidentified", currency="EUR"))


def lost() -> str:
    return str(balance(code="losses:disputes", currency="EUR"))


class TestADisputeOfASurplus:
    def test_that_is_lost_is_its_way_back(self, world: World, ann: Seller, twice: Surplus) -> None:
        dispute = decide(world, open_dispute(world, twice), won=False)

        assert_posted(
            f"checkout:{dispute.checkout_id}",
            {
                "payment_captured": """
                    debit   psp:stripe:clearing   100.00 EUR
                    credit  seller:ann:pending     90.00 EUR
                    credit  platform:commission    10.00 EUR
                """,
                "unidentified_received": """
                    debit   psp:stripe:clearing   100.00 EUR
                    credit  suspense:unidentified 100.00 EUR
                """,
                "dispute_opened": """
                    debit   disputes:open         100.00 EUR
                    credit  psp:stripe:clearing   100.00 EUR
                """,
                "dispute_lost": """
                    debit   losses:disputes       100.00 EUR
                    credit  disputes:open         100.00 EUR
                """,
                "unidentified_identified": """
                    debit   suspense:unidentified 100.00 EUR
                    credit  losses:disputes       100.00 EUR
                """,
            },
            names={ann.id: "ann"},
            ignoring=("provider_fee_charged", "dispute_fee_charged"),
        )
        assert (state(twice), wallet(seller=ann.id, currency="EUR").pending.text) == ("returned", "90.00")
        assert StorefrontEvent.objects.filter(type="payment.double_returned").count() == 1
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_that_is_lost_leaves_nothing_to_send_back(self, world: World, twice: Surplus) -> None:
        decide(world, open_dispute(world, twice), won=False)

        go_on(world)

        assert (state(twice), world.provider.ledger()["refunds"]) == ("returned", [])

    def test_that_is_lost_answers_the_question_why_it_could_not_be_sent_back(
        self, world: World, twice: Surplus
    ) -> None:
        dispute = open_dispute(world, twice)
        go_on(world)
        question = HumanTask.objects.get(kind="payments.surplus_stuck")
        assert (state(twice), question.state) == ("failed", "open")

        decide(world, dispute, won=False)

        question.refresh_from_db()
        assert (state(twice), question.state, held(), lost()) == ("returned", "settled", "0.00 EUR", "0.00 EUR")

    def test_that_is_won_leaves_it_to_be_sent_back(self, world: World, twice: Surplus) -> None:
        decide(world, open_dispute(world, twice), won=True)

        go_on(world)

        [refund] = world.provider.ledger()["refunds"]
        assert (state(twice), refund["amount"], held(), lost()) == ("returned", 10_000, "0.00 EUR", "0.00 EUR")

    def test_of_a_part_that_is_lost_is_left_to_a_person(self, world: World, twice: Surplus) -> None:
        dispute = open_dispute(world, twice, amount=4_000)
        go_on(world)

        decide(world, dispute, won=False)

        assert (state(twice), held(), lost()) == ("failed", "100.00 EUR", "40.00 EUR")
        assert HumanTask.objects.get(kind="payments.surplus_stuck").state == "open"

    def test_that_is_lost_while_its_refund_is_under_way_is_ours_until_that_fails(
        self, world: World, pages: list[str]
    ) -> None:
        surplus = pay(world, pages, card=REFUND_PENDING)
        assert state(surplus) == "pending"
        decide(world, open_dispute(world, surplus, amount=10_000), won=False)
        assert (state(surplus), held(), lost()) == ("pending", "100.00 EUR", "100.00 EUR")

        world.provider.end_refund(str(Surplus.objects.get().psp_ref), failed=True)
        world.settle()

        assert (state(surplus), held(), lost()) == ("returned", "0.00 EUR", "0.00 EUR")
        assert not HumanTask.objects.filter(kind="payments.surplus_stuck", state="open").exists()
