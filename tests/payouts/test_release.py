"""From pending to available: delivered, and the hold over."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.selectors import entries_about, wallet
from payments.models import PaymentOrder, Seller
from payouts.models import Delivery
from payouts.services import NothingToPayOut, release_due
from tests.flows.test_authorise_and_capture import capture, reserve
from tests.ledger_text import assert_balances, assert_posted
from tests.payments.dispute_steps import open_dispute
from tests.payouts.steps import refund
from tests.world import World

pytestmark = pytest.mark.django_db


class TestReleaseDue:
    def test_makes_what_was_delivered_available(self, world: World, ann: Seller) -> None:
        checkout = world.sell("cart-1", {"ann": "100.00"})
        world.deliver_goods("cart-1.ann")

        assert world.release() == 1

        assert_posted(
            f"checkout:{checkout.pk}",
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
                "funds_released": """
                    debit   seller:ann:pending     90.00 EUR
                    credit  seller:ann:available   90.00 EUR
                """,
            },
            names={ann.id: "ann"},
        )
        assert Delivery.objects.get().released_minor == 9_000

    def test_waits_until_the_hold_is_over(self, world: World, ann: Seller, settings: Any) -> None:
        settings.HOLD_DAYS = 3
        world.sell("cart-1", {"ann": "100.00"})
        now = timezone.now()
        world.deliver_goods("cart-1.ann", at=now)

        early = release_due(limit=10, actor="system:test", now=now + timedelta(days=3, seconds=-1))
        on_time = release_due(limit=10, actor="system:test", now=now + timedelta(days=3))

        assert (early, on_time) == (0, 1)

    def test_leaves_an_order_alone_that_nobody_reported_as_delivered(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        assert world.release() == 0
        assert wallet(seller=ann.id, currency="EUR").pending.text == "90.00"

    def test_releases_an_order_once(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        world.deliver_goods("cart-1.ann")

        assert (world.release(), world.release()) == (1, 0)
        assert wallet(seller=ann.id, currency="EUR").available.text == "90.00"

    def test_takes_the_oldest_first_up_to_its_limit(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00", "bob": "10.00"})
        world.deliver_goods("cart-1.ann", at=timezone.now() - timedelta(days=20))
        world.deliver_goods("cart-1.bob", at=timezone.now() - timedelta(days=40))

        released = release_due(limit=1, actor="system:test", now=timezone.now())

        assert released == 1
        assert wallet(seller=bob.id, currency="EUR").available.text == "9.00"
        assert wallet(seller=ann.id, currency="EUR").available.text == "0.00"
        assert Delivery.objects.filter(released_at=None).count() == 1

    def test_is_not_kept_waiting_by_what_is_disputed(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})
        open_dispute(world)
        world.sell("cart-2", {"bob": "10.00"})
        world.deliver_goods("cart-1.ann", at=timezone.now() - timedelta(days=40))
        world.deliver_goods("cart-2.bob", at=timezone.now() - timedelta(days=20))

        released = release_due(limit=1, actor="system:test", now=timezone.now())

        assert (released, wallet(seller=bob.id, currency="EUR").available.text) == (1, "9.00")

    def test_looks_past_as_many_as_are_disputed(
        self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("payouts.services.deliveries._PAGE", 1)
        delivered_at = timezone.now() - timedelta(days=30)
        for cart in ("cart-1", "cart-2", "cart-3"):
            world.sell(cart, {"ann": "10.00"})
            world.deliver_goods(f"{cart}.ann", at=delivered_at)
            if cart != "cart-3":
                open_dispute(world)

        assert (world.release(), world.release()) == (1, 0)

    def test_releases_what_a_partial_refund_left(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "cart-1.ann", "40.00")
        world.deliver_goods("cart-1.ann")

        world.release()

        assert_balances(
            """
            debit   psp:stripe:clearing   56.80 EUR
            debit   psp:stripe:fees        3.20 EUR
            credit  seller:ann:available  54.00 EUR
            credit  platform:commission    6.00 EUR
            """,
            names={ann.id: "ann"},
        )
        assert Delivery.objects.get().released_minor == 5_400

    def test_releases_nothing_of_an_order_refunded_in_full_and_is_done_with_it(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "cart-1.ann")
        world.deliver_goods("cart-1.ann")

        assert world.release() == 1

        assert wallet(seller=ann.id, currency="EUR").available.text == "0.00"
        delivery = Delivery.objects.get()
        assert (delivery.released_minor, delivery.released_at is not None) == (0, True)
        assert world.release() == 0

    def test_does_not_mix_the_pending_money_of_two_orders(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        world.sell("cart-2", {"ann": "30.00"})
        world.deliver_goods("cart-2.ann")

        world.release()

        found = wallet(seller=ann.id, currency="EUR")
        assert (found.pending.text, found.available.text) == ("90.00", "27.00")
        assert PaymentOrder.objects.count() == 2

    def test_lets_a_refund_after_it_come_out_of_what_is_available(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        world.deliver_goods("cart-1.ann")
        world.release()

        refund(world, "cart-1.ann", "40.00")

        assert wallet(seller=ann.id, currency="EUR").available.text == "54.00"


class TestAnOrderThatIsCapturedInParts:
    """Ann's first parcel is delivered and released; then the second leaves, and is captured."""

    @pytest.fixture(autouse=True)
    def released_in_part(self, world: World, ann: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00"})
        capture(world, {"ann": "60.00"}, final=False)
        world.settle()
        world.deliver_goods("cart-1.ann")
        assert world.release() == 1
        capture(world, {"ann": "40.00"}, key="c2")
        world.settle()

    def test_is_released_in_parts_too(self, world: World, ann: Seller) -> None:
        assert (world.release(), world.release()) == (1, 0)

        delivery = Delivery.objects.get()
        entries = entries_about(subjects=[f"checkout:{delivery.checkout_id}"])
        released = [entry["reference"] for entry in entries if entry["recipe"] == "funds_released"]
        assert released == [delivery.order_id, f"{delivery.order_id}:2"]
        found = wallet(seller=ann.id, currency="EUR")
        assert (found.pending.text, found.available.text) == ("0.00", "90.00")
        assert delivery.released_minor == 9_000

    def test_keeps_the_part_that_was_released_from_being_paid_out_while_it_is_disputed(
        self, world: World, ann: Seller
    ) -> None:
        open_dispute(world)

        with pytest.raises(NothingToPayOut):
            world.propose()
