"""What cannot be sent to the last minor unit: paid as far as it goes, the rest carried to the next payout."""

from typing import Any

import pytest
from django.utils import timezone

from ledger.selectors import lines_of_account
from ledger.services import verify_books
from operations.models import Approval
from operations.services import reject_approval
from payments.models import Seller
from payouts.models import Payout, PayoutItem
from tests.ledger_text import assert_posted
from tests.payouts.steps import available, in_transit, transferred
from tests.payouts.test_batches import assert_itemised, assert_nothing_to_pay, earn, items
from tests.snapshot import nothing_changes
from tests.world import CHECKER, World


@pytest.fixture
def ann_with_9_495(world: World, ann: Seller) -> Seller:
    """Ann, with 9.495 BHD available: a sale of 10.550, less a commission of a tenth."""
    earn(world, "cart-1", {"ann": "10.550"}, currency="BHD")
    return ann


def payouts() -> list[Payout]:
    """Return every payout, the first proposed first."""
    return list(Payout.objects.order_by("batch__proposed_at"))


class TestARest:
    def test_stays_available_while_all_that_can_be_sent_is_paid(self, world: World, ann_with_9_495: Seller) -> None:
        batch = world.pay_out(currency="BHD")

        assert (batch.state, batch.total.text) == ("completed", "9.490")
        [payout] = payouts()
        assert (payout.state, payout.amount.text, transferred(world)) == ("paid", "9.490", [9_490])
        assert (available(ann_with_9_495, "BHD"), in_transit("BHD")) == ("0.005", "0.000")
        assert items(payout) == [("funds_released", "9.495"), ("payout_rest_carried", "-0.005")]
        assert_itemised()
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_is_carried_down_and_brought_forward_in_the_books(self, world: World, ann_with_9_495: Seller) -> None:
        world.propose(currency="BHD")

        assert_posted(
            f"payout:{Payout.objects.get().pk}",
            {
                "payout_rest_carried": """
                    debit   seller:ann:available  0.005 BHD
                    credit  seller:ann:available  0.005 BHD
                """,
                "payout_reserved": """
                    debit   seller:ann:available  9.490 BHD
                    credit  payouts:in_transit    9.490 BHD
                """,
            },
            names={ann_with_9_495.pk: "ann"},
        )

    def test_begins_the_next_payout(self, world: World, ann_with_9_495: Seller) -> None:
        world.pay_out(currency="BHD")
        earn(world, "cart-2", {"ann": "10.550"}, currency="BHD")

        world.pay_out(currency="BHD")

        assert transferred(world) == [9_490, 9_500]
        assert available(ann_with_9_495, "BHD") == "0.000"
        assert items(payouts()[1]) == [("payout_rest_carried", "0.005"), ("funds_released", "9.495")]
        assert_itemised()

    def test_is_carried_as_often_as_there_is_one(self, world: World, ann_with_9_495: Seller) -> None:
        for number, amount in enumerate(["10.550", "3.330", "1.110", "0.990"], start=2):
            world.pay_out(currency="BHD")
            earn(world, f"cart-{number}", {"ann": amount}, currency="BHD")

        world.pay_out(currency="BHD")

        assert transferred(world) == [9_490, 9_500, 2_990, 1_000, 890]
        assert available(ann_with_9_495, "BHD") == "0.007"
        assert_itemised()
        lines = lines_of_account(code=f"seller:{ann_with_9_495.id}:available", currency="BHD")
        settled = set(PayoutItem.objects.values_list("line_id", flat=True))
        left = [(line.recipe, -line.debit.minor) for line in lines if line.line_id not in settled]
        assert [each for each in left if each[0] != "payout_reserved"] == [("payout_rest_carried", 7)]

    def test_comes_together_again_with_what_was_not_paid(self, world: World, ann_with_9_495: Seller) -> None:
        world.propose(currency="BHD")
        reject_approval(approval_id=Approval.objects.get().pk, checker=CHECKER, now=timezone.now(), note="not today")

        assert available(ann_with_9_495, "BHD") == "9.495"
        world.pay_out(currency="BHD")

        assert transferred(world) == [9_490]
        assert items(payouts()[1]) == [
            ("payout_rest_carried", "0.005"),
            ("payout_not_paid", "9.490"),
            ("payout_rest_carried", "-0.005"),
        ]
        assert_itemised()

    def test_alone_is_nothing_to_pay_out(self, world: World, ann_with_9_495: Seller, settings: Any) -> None:
        settings.PAYOUT_MINIMUM_MINOR = 1
        world.pay_out(currency="BHD")

        assert_nothing_to_pay(world, currency="BHD")

    @pytest.mark.parametrize(("minimum", "paid"), [(9_490, True), (9_491, False), (9_495, False)])
    def test_does_not_count_towards_the_minimum(
        self, world: World, ann_with_9_495: Seller, settings: Any, minimum: int, paid: bool
    ) -> None:
        settings.PAYOUT_MINIMUM_MINOR = minimum

        if paid:
            assert world.propose(currency="BHD").total.minor == 9_490
        else:
            with nothing_changes():
                assert_nothing_to_pay(world, currency="BHD")

    @pytest.mark.parametrize(
        ("currency", "amount", "told", "left"),
        [("EUR", "100.05", 9_004, "0.00"), ("JPY", "555", 499, "0"), ("ISK", "1000", 90_000, "0")],
    )
    def test_is_not_there_where_a_currency_is_sent_to_the_last_unit(
        self, world: World, ann: Seller, currency: str, amount: str, told: int, left: str
    ) -> None:
        earn(world, "cart-1", {"ann": amount}, currency=currency)

        world.pay_out(currency=currency)

        assert (transferred(world), available(ann, currency)) == ([told], left)
        assert [recipe for recipe, _ in items(Payout.objects.get())] == ["funds_released"]
