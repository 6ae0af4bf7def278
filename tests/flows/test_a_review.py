"""The story of a payment that the provider looks at for a day."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ledger.services import verify_books
from operations.models import HumanTask
from payments.models import Checkout, Seller, StorefrontEvent, Surplus
from payments.services import tidy_up
from tests.api.problems import assert_problem
from tests.ledger_text import assert_balances, assert_posted
from tests.payments.faults import UNCLEAR, rule
from tests.world import World

HELD_FOR_REVIEW = "4000000000009235"
DAY = timedelta(days=1)


def hold(world: World) -> None:
    """Bea orders from ann and pays with an unusual card; the provider holds the payment."""
    world.pay(world.order("cart-1", {"ann": "100.00"}), card=HELD_FOR_REVIEW)
    world.settle()


def decide(world: World, *, approve: bool) -> None:
    [review] = world.provider.ledger()["reviews"]
    world.provider.decide_review(review["id"], approve=approve)
    world.settle()


def told() -> list[str]:
    """Return what the shop was told."""
    return list(StorefrontEvent.objects.order_by("created_at", "id").values_list("type", flat=True))


class TestAReviewedPayment:
    """Bea's card is unusual; the provider holds the payment, and decides tomorrow."""

    def test_is_in_review_for_a_day_and_booked_once_it_is_let_pass(self, world: World, ann: Seller) -> None:
        hold(world)
        page = f"/pay/{Checkout.objects.get().pk}/return"

        # All day nothing is booked; the shop and Bea are told the truth, and nobody calls it off.
        for hours in (1, 12, 24, 26):
            tidy_up(now=timezone.now() + timedelta(hours=hours))
            world.work(later=timedelta(hours=hours))
            assert world.status("cart-1.ann") == "IN_REVIEW"
        assert world.shop.get("/v1/payments/cart-1.ann").json()["waiting"]["on"] == "provider"
        assert "is being checked" in Client().get(page).content.decode()
        assert_balances("", names={})
        assert told() == ["payment.in_review"]

        decide(world, approve=True)

        assert world.status("cart-1.ann") == "SUCCESS"
        assert world.shop.get("/v1/payments/cart-1.ann").json()["is_payment_done"] is True
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
            },
            names={ann.id: "ann"},
        )

    @pytest.mark.parametrize(("what", "code"), [("cancel", "not_cancelable"), ("replace", "not_replaceable")])
    def test_can_neither_be_called_off_nor_replaced(self, world: World, ann: Seller, what: str, code: str) -> None:
        hold(world)
        new = {"payment_order_id": "cart-1.2", "seller_account": "ann", "amount": "5.00", "currency": "EUR"}

        answer = world.shop.post(
            f"/v1/payments/cart-1/{what}", {} if what == "cancel" else {"payment_orders": [new]}, key="off"
        )

        assert_problem(answer, 409, code)
        assert "in review" in answer.json()["detail"]
        assert world.status("cart-1.ann") == "IN_REVIEW"

    def test_is_no_sale_where_the_provider_refuses_it(self, world: World, ann: Seller) -> None:
        hold(world)

        decide(world, approve=False)
        world.work(later=timedelta(minutes=5))

        # The shop hears that it failed, and ships nothing. What was taken is nobody's until it is back with Bea.
        assert world.status("cart-1.ann") == "FAILED"
        assert "payment.failed" in told()
        assert not {"payment.succeeded", "payment.double_returned"} & set(told())
        assert Surplus.objects.get().state == "returned"
        [charge] = world.provider.ledger()["charges"]
        assert (charge["amount_captured"], charge["amount_refunded"]) == (10_000, 10_000)
        assert len(world.provider.ledger()["refunds"]) == 1
        assert_balances(
            """
            debit   psp:stripe:fees         3.20 EUR
            credit  psp:stripe:clearing     3.20 EUR
            """,
            names={ann.id: "ann"},
        )
        assert verify_books(actor="system:test", now=timezone.now()).green
        assert set(world.reconciled()) == {"matched"}

    @pytest.mark.parametrize("fault", [*UNCLEAR, "unlisted"])
    def test_is_nobodys_question_where_the_look_up_failed(self, world: World, ann: Seller, fault: str) -> None:
        hold(world)
        unlisted = {"op": "refund.list", "action": "empty_list"}
        world.provider.plan([unlisted if fault == "unlisted" else rule("refund.list", fault)])

        decide(world, approve=False)
        for minutes in (1, 5):
            world.work(later=timedelta(minutes=minutes))

        # The provider has given it back: to send it back as well would be refused, and a person asked for nothing.
        assert Surplus.objects.get().state == "returned"
        assert len(world.provider.ledger()["refunds"]) == 1
        assert not HumanTask.objects.exists()

    def test_is_no_sale_either_where_no_webhook_comes(self, world: World, ann: Seller) -> None:
        hold(world)
        [review] = world.provider.ledger()["reviews"]
        world.provider.decide_review(review["id"], approve=False)
        world.provider.take_webhooks()

        for _ in range(2):
            world.work(later=timedelta(hours=1))

        assert (world.status("cart-1.ann"), Surplus.objects.get().state) == ("FAILED", "returned")
