"""A provider that is not even asked: nothing is unknown, the client comes back, and a job goes on by itself."""

import time
from datetime import timedelta

import pytest

from operations.models import Job
from payments.models import Attempt, Instruction, Refund, Seller
from tests.api.problems import assert_problem
from tests.payments.breakers import Break, breaker, mend, strict
from tests.world import World

__all__ = ["breaker", "mend", "strict"]


class TestAPaymentThatCouldNotBeSent:
    def test_is_a_503_within_a_second_and_nothing_is_unknown(self, world: World, ann: Seller, breaker: Break) -> None:
        breaker()
        before = len(world.provider.calls())
        began = time.monotonic()

        answer = world.order("cart-1", {"ann": "100.00"})

        assert time.monotonic() - began < 1
        assert_problem(answer, 503, "provider_unavailable")
        assert 0 < int(answer.headers["Retry-After"]) <= 601
        assert (Attempt.objects.get().state, world.status("cart-1.ann")) == ("created", "NOT_STARTED")
        assert len(world.provider.calls()) == before

    def test_is_resumed_by_the_same_key(self, world: World, ann: Seller, breaker: Break, mend: Break) -> None:
        breaker()
        world.order("cart-1", {"ann": "100.00"})
        assert_problem(world.order("cart-1", {"ann": "100.00"}), 503, "provider_unavailable")
        mend()

        again = world.order("cart-1", {"ann": "100.00"})

        assert (again.status_code, world.status("cart-1.ann")) == (201, "EXECUTING")
        assert len(world.provider.ledger()["sessions"]) == 1

    def test_is_taken_over_by_a_job(self, world: World, ann: Seller, breaker: Break, mend: Break) -> None:
        breaker()
        world.order("cart-1", {"ann": "100.00"})
        world.work(later=timedelta(seconds=30))
        assert Attempt.objects.get().state == "created"
        mend()

        world.work(later=timedelta(hours=1))

        assert world.status("cart-1.ann") == "EXECUTING"

    def test_that_was_unknown_before_stays_so(self, world: World, ann: Seller, breaker: Break) -> None:
        world.provider.plan([{"op": "checkout.session.create", "action": "drop"}])
        assert world.order("cart-1", {"ann": "100.00"}).status_code == 202

        again = world.order("cart-1", {"ann": "100.00"})

        assert (again.status_code, world.status("cart-1.ann")) == (202, "UNKNOWN")


class TestWhatCouldNotBeSentAfterTheSale:
    def test_is_a_refund_that_waits(self, world: World, ann: Seller, breaker: Break, mend: Break) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        breaker()
        body = {"payment_order_id": "cart-1.ann", "amount": "25.00", "currency": "EUR", "reason": "a scratch"}
        assert world.shop.post("/v1/refunds", body, key="refund").status_code == 201

        world.work()

        assert Refund.objects.get().state == "requested"
        assert Job.objects.get(kind="payments.send_refund").state == "todo"
        mend()
        world.work(later=timedelta(hours=1))
        world.settle()
        assert Refund.objects.get().state == "succeeded"

    @pytest.mark.parametrize("verb", ["capture", "cancel"])
    def test_is_an_instruction_that_waits(
        self, world: World, ann: Seller, breaker: Break, mend: Break, verb: str
    ) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}, capture_method="manual"))
        world.settle()
        assert world.status("cart-1.ann") == "AUTHORIZED"
        breaker()

        answer = world.shop.post(f"/v1/payments/cart-1/{verb}", {}, key=verb)

        assert (answer.status_code, Instruction.objects.get().state) == (202, "requested")
        assert world.status("cart-1.ann") == "AUTHORIZED"
        mend()
        world.work(later=timedelta(hours=1))
        assert world.status("cart-1.ann") == ("SUCCESS" if verb == "capture" else "CANCELED")
