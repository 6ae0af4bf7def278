"""Money that is reserved at Mollie: captured once and for good, or released, or lapsed at some time of a day."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.selectors import balance
from operations.models import HumanTask, Job
from payments.models import Attempt, Instruction, Refund, Seller, StorefrontEvent
from tests.payments.breakers import Break, mend, mollies_breaker, strict
from tests.payments.mollie_stand_in import FAULTS, Mollie
from tests.payments.mollie_world import mollie, webhook
from tests.world import World

__all__ = ["mend", "mollie", "mollies_breaker", "strict"]

SOON = timedelta(seconds=30)
WATCH = "payments.watch_authorization"


@pytest.fixture
def reserved(world: World, mollie: Mollie, ann: Seller) -> str:
    """Bea's purchase, for which Mollie reserved 100.00; return Mollie's id of it."""
    return reserve(world, mollie)


def reserve(world: World, mollie: Mollie, **more: str) -> str:
    world.order("cart-1", {"ann": "100.00"}, capture_method="manual")
    payment = str(mollie.only()["id"])
    mollie.pay(payment)
    mollie.only().update(more)
    webhook(world, mollie, payment)
    world.work(later=SOON)
    assert world.status("cart-1.ann") == "AUTHORIZED"
    return payment


def capture(world: World, amount: str) -> Any:
    part = {"payment_order_id": "cart-1.ann", "amount": amount, "currency": "EUR"}
    return world.shop.post("/v1/payments/cart-1/capture", {"payment_orders": [part]}, key="part")


class TestAPartThatIsCapturedForGood:
    @pytest.mark.parametrize("fault", FAULTS)
    def test_has_the_rest_released_however_the_answer_was_lost(
        self, world: World, mollie: Mollie, reserved: str, fault: str
    ) -> None:
        """One call captures it and the next releases the rest: between them it looks like one part of several."""
        mollie.plan("POST release-authorization", fault)

        capture(world, "60.00")
        for minutes in (1, 2, 3):
            world.work(later=timedelta(minutes=minutes))

        assert (mollie.only()["status"], Attempt.objects.get().state) == ("paid", "succeeded")
        assert (Instruction.objects.get().state, world.payment_order("cart-1.ann").captured.text) == (
            "succeeded",
            "60.00",
        )
        assert balance(code="psp:mollie:clearing", currency="EUR").text == "57.96"

    def test_has_not_failed_where_only_the_rest_cannot_be_released(
        self, world: World, mollie: Mollie, reserved: str
    ) -> None:
        mollie.plan("POST release-authorization", "422")

        answer = capture(world, "60.00")

        assert (answer.status_code, world.payment_order("cart-1.ann").captured.text) == (202, "60.00")
        assert not StorefrontEvent.objects.filter(type="payment.capture_failed").exists()
        world.work(later=timedelta(minutes=1))
        assert (Instruction.objects.get().state, mollie.only()["status"]) == ("succeeded", "paid")

    def test_is_not_over_for_the_shop_before_the_rest_is_released(
        self, world: World, mollie: Mollie, reserved: str
    ) -> None:
        mollie.plan("POST release-authorization", "503")

        answer = capture(world, "60.00")
        again = world.shop.post("/v1/payments/cart-1/cancel", {}, key="cancel")

        assert (answer.status_code, again.json()["code"]) == (202, "outcome_unknown")


class TestAReservation:
    def test_that_lapses_some_time_in_a_day_is_waited_for(self, world: World, mollie: Mollie, ann: Seller) -> None:
        """Mollie may name the day alone: from its first minute to its last nobody needs to be told."""
        day = timezone.now() + timedelta(days=7)
        payment = reserve(world, mollie, captureBefore=day.date().isoformat())
        over = Attempt.objects.get().authorized_until
        assert over is not None

        while (due := Job.objects.get(kind=WATCH).next_at) < over + timedelta(hours=24):
            world.work(later=due - timezone.now() + timedelta(seconds=1))
            assert Job.objects.get(kind=WATCH).state == "todo"
        mollie.end(payment, "expired")
        world.work(later=timedelta(days=9))

        assert (world.status("cart-1.ann"), Job.objects.get(kind=WATCH).state) == ("EXPIRED", "done")
        assert len([call for call in mollie.calls if call.op == "GET payments"]) < 150

    @pytest.mark.parametrize("told", ["failed", "expired"])
    def test_that_is_over_however_mollie_calls_it_is_over_here(
        self, world: World, mollie: Mollie, reserved: str, told: str
    ) -> None:
        """Mollie's pages say `expired`, and `failed` of one that the bank would not let be captured any more."""
        mollie.end(reserved, told)

        webhook(world, mollie, reserved)
        world.work(later=SOON)

        assert (world.status("cart-1.ann"), Attempt.objects.get().state) == ("EXPIRED", "expired")
        assert Job.objects.get(kind=WATCH).state == "done"

    def test_that_fails_while_it_is_captured_ends_the_capture(
        self, world: World, mollie: Mollie, reserved: str
    ) -> None:
        mollie.capturing = "pending"
        assert world.shop.post("/v1/payments/cart-1/capture", {}, key="whole").status_code == 202
        mollie.end(reserved, "failed")

        webhook(world, mollie, reserved)
        world.work(later=SOON)

        told = Instruction.objects.get()
        assert (told.state, world.status("cart-1.ann")) == ("failed", "EXPIRED")
        assert StorefrontEvent.objects.filter(type="payment.capture_failed").count() == 1


class TestACaptureThatTakesItsTime:
    """Mollie accepts a capture as pending, and tells later what became of it."""

    def test_of_everything_is_booked_when_it_is_done(self, world: World, mollie: Mollie, reserved: str) -> None:
        mollie.capturing = "pending"
        answer = world.shop.post("/v1/payments/cart-1/capture", {}, key="whole")
        assert (answer.status_code, world.status("cart-1.ann")) == (202, "AUTHORIZED")

        mollie.end_captures("succeeded")
        webhook(world, mollie, reserved)
        world.work(later=SOON)

        assert (world.status("cart-1.ann"), Instruction.objects.get().state) == ("SUCCESS", "succeeded")

    @pytest.mark.parametrize("after", [timedelta(minutes=10), timedelta(hours=5)])
    def test_of_a_part_for_good_has_the_rest_released_whenever_it_is_done(
        self, world: World, mollie: Mollie, reserved: str, after: timedelta
    ) -> None:
        """After an hour Mollie has forgotten the key under which it was asked for."""
        mollie.capturing = "pending"
        assert capture(world, "40.00").status_code == 202
        mollie.ahead = after
        world.work(later=after)
        mollie.end_captures("succeeded")

        webhook(world, mollie, reserved)
        world.work(later=after + timedelta(minutes=1))
        world.work(later=after + timedelta(minutes=2))

        assert (mollie.only()["status"], Attempt.objects.get().state) == ("paid", "succeeded")
        assert mollie.only()["amountCaptured"]["value"] == "40.00"
        assert (Instruction.objects.get().state, world.payment_order("cart-1.ann").captured.text) == (
            "succeeded",
            "40.00",
        )
        assert not HumanTask.objects.filter(state="open").exists()

    def test_that_fails_is_over_for_the_shop_which_may_try_again(
        self, world: World, mollie: Mollie, reserved: str
    ) -> None:
        mollie.capturing = "pending"
        assert capture(world, "40.00").status_code == 202
        mollie.end_captures("failed")

        world.work(later=timedelta(minutes=2))

        assert (Instruction.objects.get().state, world.status("cart-1.ann")) == ("failed", "AUTHORIZED")
        assert StorefrontEvent.objects.filter(type="payment.capture_failed").count() == 1
        mollie.capturing = "succeeded"
        assert world.shop.post("/v1/payments/cart-1/capture", {}, key="again").status_code == 200

    def test_is_asked_for_ever_less_often(self, world: World, mollie: Mollie, reserved: str) -> None:
        mollie.capturing = "pending"
        capture(world, "40.00")
        waits = []
        for _ in range(8):
            due = Job.objects.get(kind="payments.carry_out").next_at
            world.work(later=due - timezone.now() + timedelta(milliseconds=100))
            waits.append(Job.objects.get(kind="payments.carry_out").next_at - due)

        assert waits[-1] > timedelta(seconds=30)

    def test_has_what_is_left_released_when_mollie_gets_to_it(
        self, world: World, mollie: Mollie, reserved: str
    ) -> None:
        """It accepts that too, and does it later."""
        mollie.releasing_later = True
        assert capture(world, "60.00").status_code == 202
        assert world.payment_order("cart-1.ann").captured.text == "60.00"

        mollie.release(reserved)
        webhook(world, mollie, reserved)
        world.work(later=SOON)

        assert (world.status("cart-1.ann"), Instruction.objects.get().state) == ("SUCCESS", "succeeded")


class TestAMethodThatCannotReserve:
    """Mollie's page offers all methods. Where the buyer takes one that cannot reserve, the money is taken at once."""

    def test_has_its_sale_booked_although_the_shop_wanted_to_capture_later(
        self, world: World, mollie: Mollie, ann: Seller
    ) -> None:
        world.order("cart-1", {"ann": "100.00"}, capture_method="manual")
        payment = str(mollie.only()["id"])
        mollie.pay(payment, method="ideal")

        webhook(world, mollie, payment)
        world.work(later=SOON)

        assert (world.status("cart-1.ann"), Attempt.objects.get().state) == ("SUCCESS", "succeeded")
        assert world.payment_order("cart-1.ann").captured.text == "100.00"
        assert balance(code="psp:mollie:clearing", currency="EUR").text == "96.80"


class TestWhatWasNeverSent:
    """Mollie remembers a key for an hour. What its breaker kept back has no key that Mollie could have forgotten."""

    @pytest.mark.parametrize("verb", ["capture", "cancel"])
    def test_is_an_instruction_that_goes_out_after_hours(
        self, world: World, mollie: Mollie, reserved: str, mollies_breaker: Break, mend: Break, verb: str
    ) -> None:
        mollies_breaker()
        world.shop.post(f"/v1/payments/cart-1/{verb}", {}, key=verb)
        mend()

        mollie.ahead = timedelta(hours=2)
        world.work(later=timedelta(hours=2))

        assert world.status("cart-1.ann") == ("SUCCESS" if verb == "capture" else "CANCELED")
        assert not HumanTask.objects.exists()

    def test_is_a_refund_that_goes_out_after_hours(
        self, world: World, mollie: Mollie, reserved: str, mollies_breaker: Break, mend: Break
    ) -> None:
        world.shop.post("/v1/payments/cart-1/capture", {}, key="whole")
        mollies_breaker()
        world.shop.post("/v1/refunds", {"payment_order_id": "cart-1.ann"}, key="refund")
        world.work()
        mend()

        mollie.ahead = timedelta(hours=2)
        world.work(later=timedelta(hours=2))

        assert Refund.objects.get().state == "pending"
