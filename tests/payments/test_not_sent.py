"""A provider that is not even asked: nothing is unknown, the client comes back, and a job goes on by itself."""

import time
from datetime import timedelta
from typing import Any

import pytest

from operations import switchboard
from operations.models import Job
from payments.models import Attempt, Instruction, Refund, Seller, StorefrontEvent
from tests.api.problems import assert_problem
from tests.payments.breakers import Break, breaker, mend, strict
from tests.payments.mollie_stand_in import Mollie
from tests.payments.mollie_world import mollie
from tests.world import World

__all__ = ["breaker", "mend", "mollie", "strict"]


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


class TestAPaymentThatIsSentTooLate:
    """A provider makes no page that has less than half an hour left."""

    @pytest.fixture(autouse=True)
    def _short(self, settings: Any) -> None:
        settings.CHECKOUT_LIFE = timedelta(hours=1)

    def come_back(self, world: World) -> None:
        """Let the provider answer again, when it is too late."""
        world.provider.plan([])
        world.provider.advance(35 * 60)
        world.work(later=timedelta(minutes=35))

    def told(self) -> list[str]:
        return list(StorefrontEvent.objects.order_by("created_at", "id").values_list("type", flat=True))

    def test_has_expired_where_it_could_not_be_sent_before(
        self, world: World, ann: Seller, breaker: Break, mend: Break
    ) -> None:
        breaker()
        assert world.order("cart-1", {"ann": "100.00"}).status_code == 503
        mend()

        self.come_back(world)

        assert (world.status("cart-1.ann"), Attempt.objects.get().state) == ("EXPIRED", "abandoned")
        assert (self.told(), world.provider.ledger()["sessions"]) == (["payment.expired"], [])
        assert not Job.objects.filter(kind="payments.register_attempt", state="todo").exists()

    def test_has_expired_where_nobody_heard_of_it_and_the_provider_does_not_show_it(
        self, world: World, ann: Seller
    ) -> None:
        world.provider.plan([{"op": "checkout.session.create", "action": "error_503"}])
        assert world.order("cart-1", {"ann": "100.00"}).status_code == 202

        self.come_back(world)

        assert (world.status("cart-1.ann"), self.told()) == ("EXPIRED", ["payment.expired"])

    def test_is_found_all_the_same_where_the_provider_has_it(self, world: World, ann: Seller) -> None:
        world.provider.plan([{"op": "checkout.session.create", "action": "timeout_after_commit"}])
        assert world.order("cart-1", {"ann": "100.00"}).status_code == 202

        self.come_back(world)

        assert (world.status("cart-1.ann"), self.told()) == ("EXECUTING", [])

    def test_has_expired_where_the_risk_check_gave_no_verdict(
        self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def silent(_: Any) -> Any:
            raise ConnectionError

        found = switchboard.answerer
        monkeypatch.setattr(
            switchboard, "answerer", lambda table, kind: silent if table == "RISK_CHECKS" else found(table, kind)
        )
        world.order("cart-1", {"ann": "100.00"})

        self.come_back(world)

        assert (world.status("cart-1.ann"), self.told()) == ("EXPIRED", ["payment.expired"])

    def test_is_not_passed_on_to_another(
        self, world: World, ann: Seller, breaker: Break, mollie: Mollie, settings: Any
    ) -> None:
        settings.PSP_ROUTES = {"*": ["stripe"]}
        breaker()
        world.order("cart-1", {"ann": "100.00"})
        settings.PSP_ROUTES = {"*": ["stripe", "mollie"]}

        self.come_back(world)

        assert (world.status("cart-1.ann"), mollie.calls) == ("EXPIRED", [])


class TestAPaymentThatIsRefusedLater:
    """Its shop was answered that nobody knows yet: it hears of the end."""

    def test_is_told_as_failed(self, world: World, ann: Seller) -> None:
        world.provider.plan([{"op": "checkout.session.create", "action": "error_503"}])
        created = world.order("cart-1", {"ann": "0.01"}, currency="CNY")
        assert (created.status_code, created.json()["last_error"]) == (202, None)
        assert not StorefrontEvent.objects.exists()

        world.work(later=timedelta(minutes=1))

        assert world.status("cart-1.ann") == "FAILED"
        assert StorefrontEvent.objects.get().type == "payment.failed"
        assert world.shop.get("/v1/checkouts/cart-1").json()["last_error"] == {
            "code": "amount_too_small",
            "retryable": "never",
        }


class TestWhatWasNotHeard:
    def test_is_no_refusal_that_a_shop_is_shown(self, world: World, ann: Seller) -> None:
        world.provider.plan([{"op": "checkout.session.create", "action": "timeout_after_commit"}])
        unknown = world.order("cart-1", {"ann": "100.00"})

        world.work(later=timedelta(minutes=1))

        found = world.shop.get("/v1/checkouts/cart-1").json()
        assert (unknown.json()["last_error"], found["last_error"]) == (None, None)
        assert found["payment_page"] is not None


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
