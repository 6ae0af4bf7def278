"""What somebody did to refunds in Mollie's dashboard, which tells only that something about the payment changed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ledger.selectors import balance
from ledger.services import verify_books
from operations.models import HumanTask
from payments.gateway import Succeeded, provider
from payments.models import Attempt, Checkout, Refund, Seller, StorefrontEvent
from tests.payments.mollie_stand_in import Mollie
from tests.payments.mollie_world import mollie, paid_twice, webhook
from tests.payments.test_mollie import SOON, paid
from tests.payments.test_refunds import refund
from tests.payments.test_refunds_elsewhere import refund_at_provider
from tests.world import World

__all__ = ["mollie", "paid"]


class TestARefundMadeInTheDashboard:
    def made(self, world: World, mollie: Mollie, amount: str, status: str = "refunded") -> None:
        payment = mollie.only()["id"]
        mollie.refund_in_dashboard(payment, amount, status=status)
        webhook(world, mollie, payment)
        world.work(later=SOON)

    def test_is_booked_as_one_of_ours_is(self, world: World, mollie: Mollie, ann: Seller, paid: Checkout) -> None:
        self.made(world, mollie, "25.00")

        row = Refund.objects.get()
        assert (row.state, row.amount.text, row.requested_by) == ("succeeded", "25.00", "psp:mollie")
        assert balance(code="psp:mollie:clearing", currency="EUR").minor == 71_80
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_is_booked_once_however_often_it_is_told(
        self, world: World, mollie: Mollie, ann: Seller, paid: Checkout
    ) -> None:
        self.made(world, mollie, "25.00")
        for _ in range(2):
            webhook(world, mollie, mollie.only()["id"])
            world.work(later=SOON)

        assert Refund.objects.count() == 1

    def test_waits_until_it_is_carried_out(self, world: World, mollie: Mollie, paid: Checkout) -> None:
        self.made(world, mollie, "25.00", status="pending")
        assert Refund.objects.get().state == "pending"
        mollie.end_refund(str(Refund.objects.get().psp_ref), "refunded")

        world.work(later=timedelta(hours=2))

        assert Refund.objects.get().state == "succeeded"

    def test_of_a_cart_with_several_sellers_is_a_question(
        self, world: World, mollie: Mollie, ann: Seller, bob: Seller
    ) -> None:
        world.order("cart-1", {"ann": "60.00", "bob": "40.00"})
        mollie.pay(mollie.only()["id"])
        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)

        self.made(world, mollie, "25.00")

        task = HumanTask.objects.get(kind="payments.refund_elsewhere")
        assert (task.waits_for, Refund.objects.count()) == ("finance", 0)


class TestARefundCanceledInTheDashboard:
    """A person can cancel it before it is carried out, and Mollie does not show it any more."""

    @pytest.fixture
    def asked(self, world: World, mollie: Mollie, paid: Checkout) -> Refund:
        """The refund of 25.00 that Mollie has accepted."""
        refund(world, "25.00")
        world.work()
        return Refund.objects.get(state="pending")

    def test_is_called_off_and_can_be_made_once_more(self, world: World, mollie: Mollie, asked: Refund) -> None:
        mollie.cancel_refund(str(asked.psp_ref))

        world.work(later=timedelta(hours=2))

        asked.refresh_from_db()
        assert (asked.state, world.payment_order("cart-1.ann").refunded.text) == ("canceled", "0.00")
        assert StorefrontEvent.objects.filter(type="refund.canceled").count() == 1
        assert world.shop.post("/v1/refunds", {"payment_order_id": "cart-1.ann"}, key="whole").status_code == 201

    def test_is_not_taken_for_canceled_while_it_may_not_show_yet(
        self, world: World, mollie: Mollie, asked: Refund
    ) -> None:
        mollie.cancel_refund(str(asked.psp_ref))

        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)

        asked.refresh_from_db()
        assert asked.state == "pending"

    def test_is_not_taken_for_canceled_where_its_payment_is_not_shown_either(
        self, world: World, mollie: Mollie, asked: Refund
    ) -> None:
        """As with the key of another account."""
        mollie.forget()

        world.work(later=timedelta(hours=2))

        asked.refresh_from_db()
        assert asked.state == "pending"

    def test_leaves_what_is_nobodys_to_a_person(self, world: World, mollie: Mollie, ann: Seller) -> None:
        surplus = paid_twice(world, mollie)
        mollie.cancel_refund(str(surplus.psp_ref))

        world.work(later=timedelta(hours=2))

        surplus.refresh_from_db()
        assert surplus.state == "failed"
        assert HumanTask.objects.get(item=surplus.pk).waits_for == "finance"


class TestTheRefundsOfACharge:
    def test_are_listed_by_stripe_too_whoever_made_them(self, world: World, sold: Seller) -> None:
        refund(world, "10.00")
        world.settle()
        refund_at_provider(world, 500)
        charge = str(Attempt.objects.get().charge_ref)

        outcome = provider("stripe").find_refunds(charge)

        assert isinstance(outcome, Succeeded)
        ours = Refund.objects.get().pk
        assert sorted((facts.amount.text, facts.reference) for facts in outcome.value) == [
            ("10.00", ours),
            ("5.00", ""),
        ]
