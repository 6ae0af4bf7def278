"""What is released of a reservation: the provider shows it as a refund, and nobody got anything back by it."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe
from django.utils import timezone

from ledger.selectors import wallet
from ledger.services import verify_books
from operations.models import HumanTask
from payments.models import Refund, Seller, StorefrontEvent, WebhookEvent
from tests.flows.settled import assert_proved, settle_in_euros
from tests.flows.test_authorise_and_capture import capture, reserve
from tests.payments.test_refunds_elsewhere import refund_there
from tests.world import World


def parked() -> int:
    return WebhookEvent.objects.filter(state="parked").count()


def pending(seller: Seller) -> str:
    return wallet(seller=seller.id, currency="EUR").pending.text


class TestTheRestOfACaptureInPart:
    """Bea orders from ann and bob for 100.00 and 40.00; only ann can send."""

    @pytest.fixture(autouse=True)
    def captured(self, world: World, ann: Seller, bob: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00", "bob": "40.00"})
        assert capture(world, {"ann": "100.00"}).status_code == 200

    def test_is_no_refund_of_what_was_captured(self, world: World, ann: Seller, bob: Seller) -> None:
        world.settle()

        assert WebhookEvent.objects.filter(type="refund.created", state="handled").count() == 1
        assert (Refund.objects.count(), HumanTask.objects.count(), parked()) == (0, 0, 0)
        assert (pending(ann), pending(bob)) == ("90.00", "0.00")
        assert not StorefrontEvent.objects.filter(type__startswith="refund.").exists()
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_leaves_nothing_to_explain_on_the_statement(self, world: World, ann: Seller, bob: Seller) -> None:
        world.settle()

        # The whole reservation, and the rest of it taken back.
        assert world.reconciled() == {"matched": 2}

    def test_is_told_from_a_refund_that_somebody_makes_there(self, world: World, ann: Seller, bob: Seller) -> None:
        world.settle()

        refund_there(world, 4_000)

        row = Refund.objects.get()
        assert (row.state, row.amount.text, pending(ann)) == ("succeeded", "40.00", "54.00")
        assert world.reconciled() == {"matched": 3}

    def test_is_not_guessed_at_before_the_provider_says_how_it_moved(
        self, world: World, ann: Seller, bob: Seller
    ) -> None:
        world.provider.plan([{"op": "refund.retrieve", "action": "fee_later", "times": 0}])

        world.settle()

        assert (Refund.objects.count(), pending(ann), parked()) == (0, "90.00", 1)


def called_off_by_the_shop(world: World) -> None:
    assert world.shop.post("/v1/payments/cart-1/cancel", {}, key="x").status_code == 200


def called_off_in_the_dashboard(world: World) -> None:
    [intent] = world.provider.ledger()["payment_intents"]
    answer = requests.post(
        f"{world.provider.base_url}/v1/payment_intents/{intent['id']}/cancel",
        headers={"Authorization": "Bearer sk_test_sandbox", "Stripe-Version": stripe.api_version},
        timeout=5,
    )
    assert answer.status_code == 200, answer.text


def lapsed(world: World) -> None:
    world.provider.advance(7 * 86_400 + 60)


class TestAReservationThatIsReleased:
    @pytest.mark.parametrize("called_off", [called_off_by_the_shop, called_off_in_the_dashboard, lapsed])
    def test_leaves_no_refund_and_no_question_behind(
        self, world: World, ann: Seller, called_off: Callable[[World], None]
    ) -> None:
        reserve(world, "cart-1", {"ann": "100.00"})

        called_off(world)
        world.settle()

        assert WebhookEvent.objects.filter(type="refund.created", state="handled").count() == 1
        assert (Refund.objects.count(), HumanTask.objects.count(), parked()) == (0, 0, 0)
        assert world.status("cart-1.ann") == ("EXPIRED" if called_off is lapsed else "CANCELED")


class TestACaptureInPartThatIsSettledInAnotherCurrency:
    def test_is_exchanged_for_what_was_captured(self, world: World, ann: Seller, bob: Seller, settings: Any) -> None:
        settle_in_euros(world, settings)
        created = world.order("cart-1", {"ann": "100.00", "bob": "40.00"}, currency="USD", capture_method="manual")
        world.pay(created)
        world.settle()
        part = {"payment_order_id": "cart-1.ann", "amount": "100.00", "currency": "USD"}

        answer = world.shop.post("/v1/payments/cart-1/capture", {"payment_orders": [part]}, key="c1")
        world.settle()

        assert answer.status_code == 200, answer.content
        assert HumanTask.objects.count() == 0
        assert_proved(world)
