"""The stories of money that is reserved when the buyer orders, and taken when the goods leave."""

from datetime import timedelta
from typing import Any

import pytest
import requests
import stripe
from django.utils import timezone

from ledger.selectors import wallet
from ledger.services import verify_books
from operations.models import Job
from payments.gateway import stripe_adapter
from payments.gateway.stripe_requests import raw
from payments.models import Attempt, Checkout, Instruction, Seller, StorefrontEvent
from payments.services import tidy_up
from tests.api.problems import assert_problem
from tests.ledger_text import assert_posted
from tests.payments.faults import UNCLEAR, rule
from tests.world import World

DAY = 24 * 3600


@pytest.fixture
def told(world: World) -> Any:
    """Return what the shop was told so far."""
    return lambda: list(StorefrontEvent.objects.order_by("created_at", "id").values_list("type", flat=True))


def reserve(world: World, checkout_id: str, baskets: dict[str, str]) -> None:
    """Bea orders and pays on the page; the money is only reserved."""
    created = world.order(checkout_id, baskets, capture_method="manual")
    assert created.status_code == 201, created.content
    assert world.pay(created).status == "paid"
    world.settle()


def capture(world: World, parts: dict[str, str] | None = None, *, key: str = "c1", final: bool = True) -> Any:
    body: dict[str, Any] = {"final_capture": final}
    if parts:
        body["payment_orders"] = [
            {"payment_order_id": f"cart-1.{seller}", "amount": amount, "currency": "EUR"}
            for seller, amount in parts.items()
        ]
    return world.shop.post("/v1/payments/cart-1/capture", body, key=key)


def balance(seller: Seller) -> str:
    return wallet(seller=seller.id, currency="EUR").pending.text


def charged(world: World) -> list[tuple[int, int]]:
    """Return what the provider took and released of each charge, in cents."""
    return [(charge["amount_captured"], charge["amount_refunded"]) for charge in world.provider.ledger()["charges"]]


class TestMoneyThatIsReserved:
    """Bea orders from ann and bob; nothing is booked before the goods leave."""

    def test_is_not_captured_where_nothing_is_left_of_it(self, world: World, ann: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00"})
        capture(world, {"ann": "100.00"}, final=False)

        again = capture(world, key="c2")

        assert (again.status_code, again.json()["code"]) == (409, "not_capturable")
        assert (charged(world)[0][0], balance(ann)) == (10_000, "90.00")

    def test_is_released_by_a_cancel_where_a_part_was_captured(self, world: World, ann: Seller, bob: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00", "bob": "20.50"})
        capture(world, {"ann": "60.00"}, final=False)

        answer = world.shop.post("/v1/payments/cart-1/cancel", {}, key="x")

        assert answer.status_code == 200, answer.content
        assert [order["captured"] for order in answer.json()["payment_orders"]] == ["60.00", "0.00"]
        assert (world.status("cart-1.ann"), world.status("cart-1.bob")) == ("SUCCESS", "CANCELED")
        assert (charged(world), balance(ann)) == ([(6_000, 6_050)], "54.00")
        assert Instruction.objects.get(kind="void").state == "succeeded"

    def test_is_captured_in_part_and_the_rest_is_released(self, world: World, ann: Seller, bob: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00", "bob": "20.50"})
        assert (world.status("cart-1.ann"), world.status("cart-1.bob")) == ("AUTHORIZED", "AUTHORIZED")
        assert world.shop.get("/v1/payments/cart-1.ann").json()["waiting"]["on"] == "storefront"
        assert (balance(ann), balance(bob)) == ("0.00", "0.00")

        # Ann can send only a part, bob nothing at all.
        answer = capture(world, {"ann": "60.00"})

        assert answer.status_code == 200, answer.content
        assert [order["captured"] for order in answer.json()["payment_orders"]] == ["60.00", "0.00"]
        assert (world.status("cart-1.ann"), world.status("cart-1.bob")) == ("SUCCESS", "CANCELED")
        assert charged(world) == [(6_000, 6_050)]
        assert_posted(
            f"checkout:{Checkout.objects.get().pk}",
            {
                "payment_captured": """
                    debit   psp:stripe:clearing    60.00 EUR
                    credit  seller:ann:pending     54.00 EUR
                    credit  platform:commission     6.00 EUR
                """,
                "provider_fee_charged": """
                    debit   psp:stripe:fees         2.04 EUR
                    credit  psp:stripe:clearing     2.04 EUR
                """,
            },
            names={ann.id: "ann", bob.id: "bob"},
        )

    def test_is_captured_whole_without_a_body_that_says_how_much(self, world: World, ann: Seller, bob: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00", "bob": "20.50"})

        answer = capture(world)

        assert answer.json()["is_payment_done"] is True
        assert (balance(ann), balance(bob)) == ("90.00", "18.45")

    def test_is_captured_several_times_as_parcels_leave(self, world: World, ann: Seller, bob: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00", "bob": "20.50"})

        assert capture(world, {"ann": "33.33"}, final=False).status_code == 200
        assert capture(world, {"ann": "66.67", "bob": "10.25"}, key="c2", final=False).status_code == 200
        assert capture(world, {"bob": "10.25"}, key="c3").status_code == 200
        world.settle()

        assert (balance(ann), balance(bob)) == ("90.00", "18.45")
        assert charged(world) == [(12_050, 0)]
        assert world.reconciled() == {"matched": 3}
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_is_not_said_to_be_captured_where_the_rest_lapsed_before(
        self, world: World, ann: Seller, bob: Seller, told: Any
    ) -> None:
        reserve(world, "cart-1", {"ann": "100.00", "bob": "20.00"})
        capture(world, {"ann": "60.00"}, final=False)
        world.provider.advance(7 * DAY + 60)
        world.provider.take_webhooks()

        answer = capture(world, {"bob": "20.00"}, key="c2", final=False)

        assert (answer.status_code, answer.json()["code"]) == (422, "instruction_refused")
        assert (world.status("cart-1.ann"), world.status("cart-1.bob")) == ("SUCCESS", "CANCELED")
        assert [told.state for told in Instruction.objects.order_by("pk")] == ["succeeded", "failed"]
        assert told()[-2:] == ["payment.capture_failed", "payment.succeeded"]

    @pytest.mark.parametrize(("fault", "ends"), [("500 before", "failed"), ("cut after", "succeeded")])
    def test_is_said_to_be_captured_where_that_came_before_it_lapsed(
        self, world: World, ann: Seller, bob: Seller, fault: str, ends: str
    ) -> None:
        reserve(world, "cart-1", {"ann": "100.00", "bob": "20.00"})
        capture(world, {"ann": "60.00"}, final=False)
        world.provider.plan([rule("payment_intent.capture", fault, times=0)])
        assert capture(world, {"bob": "20.00"}, key="c2", final=False).status_code == 202
        world.provider.plan([])

        world.provider.advance(7 * DAY + 60)
        world.settle()

        assert Instruction.objects.order_by("-pk")[0].state == ends
        assert world.status("cart-1.bob") == ("SUCCESS" if ends == "succeeded" else "CANCELED")

    def test_can_be_refunded_up_to_what_was_captured(self, world: World, ann: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00"})
        capture(world, {"ann": "60.00"})
        body = {"payment_order_id": "cart-1.ann", "amount": "60.01", "currency": "EUR"}

        refused = world.shop.post("/v1/refunds", body, key="r1")
        world.shop.post("/v1/refunds", {"payment_order_id": "cart-1.ann"}, key="r2")
        world.settle()

        assert refused.json()["code"] == "refund_exceeds_paid"
        assert balance(ann) == "0.00"
        assert [refund["amount"] for refund in world.provider.ledger()["refunds"]] == [6_000]

    def test_cannot_be_captured_beyond_what_is_reserved(self, world: World, ann: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00"})

        answer = capture(world, {"ann": "100.01"})

        assert_problem(answer, 422, "capture_exceeds_authorized", field="payment_orders[0].amount")
        assert charged(world) == [(0, 0)]

    def test_cannot_be_captured_for_an_order_of_another_cart(self, world: World, ann: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00"})
        part = {"payment_order_id": "cart-9.ann", "amount": "10.00", "currency": "EUR"}

        answer = world.shop.post("/v1/payments/cart-1/capture", {"payment_orders": [part]}, key="c1")

        assert_problem(answer, 404, "unknown_payment", field="payment_orders[0].payment_order_id")
        assert charged(world) == [(0, 0)]

    def test_cannot_be_captured_in_another_currency(self, world: World, ann: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00"})
        part = {"payment_order_id": "cart-1.ann", "amount": "10.00", "currency": "USD"}

        answer = world.shop.post("/v1/payments/cart-1/capture", {"payment_orders": [part]}, key="c1")

        assert_problem(answer, 422, "currency_mismatch", field="payment_orders[0].currency")
        assert charged(world) == [(0, 0)]

    def test_is_released_when_the_shop_calls_it_off(self, world: World, ann: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00"})

        answer = world.shop.post("/v1/payments/cart-1/cancel", {}, key="x1")
        world.settle()

        assert (answer.status_code, world.status("cart-1.ann")) == (200, "CANCELED")
        assert Attempt.objects.get().state == "canceled"
        assert [intent["status"] for intent in world.provider.ledger()["payment_intents"]] == ["canceled"]
        assert capture(world, key="c9").json()["code"] == "not_capturable"

    @pytest.mark.parametrize("verb", ["capture", "cancel"])
    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_is_captured_or_released_once_however_the_answer_was_lost(
        self, world: World, ann: Seller, verb: str, fault: str
    ) -> None:
        reserve(world, "cart-1", {"ann": "100.00"})
        world.provider.plan([rule(f"payment_intent.{verb}", fault)])

        answer = world.shop.post(f"/v1/payments/cart-1/{verb}", {}, key="k1")
        world.work(later=timedelta(minutes=1))
        world.work(later=timedelta(minutes=2))
        world.settle()
        again = world.shop.post(f"/v1/payments/cart-1/{verb}", {}, key="k1")

        assert (answer.status_code, again.status_code) == (202, 200)
        assert world.status("cart-1.ann") == ("SUCCESS" if verb == "capture" else "CANCELED")
        assert charged(world) == [(10_000, 0) if verb == "capture" else (0, 10_000)]
        assert balance(ann) == ("90.00" if verb == "capture" else "0.00")
        assert Instruction.objects.get().state == "succeeded"
        assert not Job.objects.exclude(state="done").exists()

    def test_blocks_a_second_instruction_until_the_first_ones_outcome_is_known(self, world: World, ann: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00"})
        world.provider.plan([rule("payment_intent.capture", "500 before", times=0)])
        capture(world)

        answer = world.shop.post("/v1/payments/cart-1/cancel", {}, key="x1")

        assert (answer.status_code, answer.json()["code"]) == (409, "outcome_unknown")
        assert "Retry-After" in answer.headers

    def test_lapses_after_a_warning_when_nobody_captures_it(self, world: World, ann: Seller, told: Any) -> None:
        reserve(world, "cart-1", {"ann": "100.00"})
        until = Attempt.objects.get().authorized_until
        assert until is not None
        assert timedelta(days=6, hours=23) < until - timezone.now() <= timedelta(days=7)

        world.work(later=timedelta(days=5))
        assert "payment.authorization_expiring" not in told()
        world.work(later=timedelta(days=6, hours=1))
        assert told().count("payment.authorization_expiring") == 1

        world.provider.advance(7 * DAY + 60)
        world.provider.take_webhooks()
        world.work(later=timedelta(days=7, minutes=5))

        assert (world.status("cart-1.ann"), Attempt.objects.get().state) == ("EXPIRED", "expired")
        assert told().count("payment.authorization_expiring") == 1
        assert told()[-1] == "payment.expired"

    @pytest.mark.parametrize("reason", ["automatic", "expired"])
    def test_has_expired_whichever_word_the_provider_has_for_that(
        self, world: World, ann: Seller, reason: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def in_its_words(*args: Any, **params: Any) -> Any:
            found = raw(*args, **params)
            if found["object"] == "checkout.session" and found["payment_intent"]["status"] == "canceled":
                found["payment_intent"]["cancellation_reason"] = reason
            return found

        reserve(world, "cart-1", {"ann": "100.00"})
        monkeypatch.setattr(stripe_adapter, "raw", in_its_words)

        world.provider.advance(7 * DAY + 60)
        world.settle()

        assert (world.status("cart-1.ann"), Attempt.objects.get().state) == ("EXPIRED", "expired")

    def test_is_paid_once_it_is_captured_even_where_the_session_still_says_unpaid(
        self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def in_its_words(*args: Any, **params: Any) -> Any:
            found = raw(*args, **params)
            return found | {"payment_status": "unpaid"} if found["object"] == "checkout.session" else found

        reserve(world, "cart-1", {"ann": "100.00"})
        monkeypatch.setattr(stripe_adapter, "raw", in_its_words)

        answer = capture(world)

        assert (answer.status_code, world.status("cart-1.ann"), balance(ann)) == (200, "SUCCESS", "90.00")

    def test_that_was_captured_in_the_providers_own_dashboard_is_booked(self, world: World, ann: Seller) -> None:
        reserve(world, "cart-1", {"ann": "100.00"})

        capture_elsewhere(world)
        world.settle()

        assert (world.status("cart-1.ann"), balance(ann)) == ("SUCCESS", "90.00")

    def test_that_was_captured_there_in_part_is_never_guessed_at_and_a_person_is_told(
        self, world: World, ann: Seller, bob: Seller
    ) -> None:
        reserve(world, "cart-1", {"ann": "100.00", "bob": "20.50"})

        capture_elsewhere(world, amount=3_000)
        world.settle()
        later = timezone.now() + timedelta(minutes=10)
        tidy_up(now=later)

        letter = Job.objects.filter(state="dead").first()
        assert letter is not None
        assert "AmountMismatch" in letter.last_error
        assert (world.status("cart-1.ann"), balance(ann), balance(bob)) == ("AUTHORIZED", "0.00", "0.00")


def capture_elsewhere(world: World, **amount: int) -> None:
    """Capture at the provider behind our back, as a person in its dashboard can."""
    [intent] = world.provider.ledger()["payment_intents"]
    answer = requests.post(
        f"{world.provider.base_url}/v1/payment_intents/{intent['id']}/capture",
        data={"amount_to_capture": amount["amount"]} if amount else {},
        headers={"Authorization": "Bearer sk_test_sandbox", "Stripe-Version": stripe.api_version},
        timeout=5,
    )
    assert answer.status_code == 200, answer.text
