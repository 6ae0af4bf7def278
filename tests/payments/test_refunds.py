"""Refunds: reserved first, sent after, booked when the provider says so, given back when it does not happen."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import requests
from django.utils import timezone

from ledger import recipes
from ledger.money import Money
from ledger.selectors import balance, wallet
from ledger.services import post, verify_books
from operations import failpoints
from operations.edges import money_tx
from operations.models import Job
from payments.models import PaymentOrder, Refund, Seller
from tests.api.problems import assert_problem
from tests.committed import at_once, committed_db, committed_world, web
from tests.ledger_text import assert_balances, assert_posted
from tests.payments.faults import DONE, UNCLEAR, rule
from tests.snapshot import nothing_changes
from tests.world import World

__all__ = ["committed_db", "committed_world", "web"]

SLOW_REFUNDS = "4000000000007726"
REFUSED = {"op": "refund.create", "action": "error_5xx", "args": {"when": "before", "status": 400}}


def refund(world: World, amount: str | None = None, *, key: str = "r1", order: str = "cart-1.ann") -> Any:
    """Ask for a refund of ann's order through the API."""
    body = {"payment_order_id": order, "reason": "torn"}
    if amount is not None:
        body |= {"amount": amount, "currency": "EUR"}
    return world.shop.post("/v1/refunds", body, key=key)


def refunded(world: World) -> str:
    """Return how much of ann's order is refunded or reserved to be."""
    return str(world.shop.get("/v1/payments/cart-1.ann").json()["refunded"])


def at_provider(world: World) -> list[int]:
    """Return the amounts that the provider refunded."""
    return [r["amount"] for r in world.provider.ledger()["refunds"] if r["status"] not in ("failed", "canceled")]


def keep_a_reserve(order: PaymentOrder) -> None:
    """Release ann's 90.00 of a sale, and keep a tenth of it back."""
    released = recipes.funds_released(
        seller=order.seller_id, order=order.id, amount=Money(9_000, "EUR"), to_reserve=Money(900, "EUR")
    )
    with money_tx("test"):
        post(released, actor="system:test", now=timezone.now())


class TestARefund:
    def test_of_all_leaves_only_the_providers_fee(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        answer = refund(world)
        world.settle()

        assert (answer.status_code, answer.json()["amount"]) == (201, "100.00")
        assert Refund.objects.get().state == "succeeded"
        assert_balances(
            """
            debit   psp:stripe:fees        3.20 EUR
            credit  psp:stripe:clearing    3.20 EUR
            """,
            names={},
        )

    def test_of_what_is_left_is_refused_where_nothing_is(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world)

        with nothing_changes():
            problem = assert_problem(refund(world, key="r2"), 409, "not_refundable")

        assert "errors" not in problem

    def test_touches_only_its_own_sellers_order(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00", "bob": "20.50"})

        refund(world, "50.00")
        world.settle()

        assert wallet(seller=ann.id, currency="EUR").pending.text == "45.00"
        assert wallet(seller=bob.id, currency="EUR").pending.text == "18.45"

    def test_in_parts_gives_the_commission_back_to_the_cent(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.01"})

        for number, part in enumerate(["3.33", "0.05", "3.33", "3.30"]):
            assert refund(world, part, key=f"r{number}").status_code == 201
            world.settle()

        assert balance(code="platform:commission", currency="EUR").minor == 0
        assert wallet(seller=ann.id, currency="EUR").pending.minor == 0
        assert sum(at_provider(world)) == 1001

    def test_is_taken_from_what_is_available_once_it_was_released(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        world.deliver_goods("cart-1.ann")
        world.release()

        refund(world, "40.00")
        world.settle()

        assert wallet(seller=ann.id, currency="EUR").available.text == "54.00"

    def test_is_taken_from_the_reserve_of_its_own_sale_before_what_is_available(
        self, world: World, ann: Seller
    ) -> None:
        checkout = world.sell("cart-1", {"ann": "100.00"})
        world.sell("cart-2", {"ann": "100.00"})
        for order in ("cart-1.ann", "cart-2.ann"):
            keep_a_reserve(world.payment_order(order))

        refund(world, "40.00")
        world.settle()

        assert_posted(
            f"checkout:{checkout.pk}",
            {
                "payment_captured": """
                    debit   psp:stripe:clearing  100.00 EUR
                    credit  seller:ann:pending    90.00 EUR
                    credit  platform:commission   10.00 EUR
                """,
                "provider_fee_charged": """
                    debit   psp:stripe:fees        3.20 EUR
                    credit  psp:stripe:clearing    3.20 EUR
                """,
                "refund_succeeded": """
                    debit   seller:ann:reserved    9.00 EUR
                    debit   seller:ann:available  27.00 EUR
                    debit   platform:commission    4.00 EUR
                    credit  psp:stripe:clearing   40.00 EUR
                """,
            },
            names={ann.pk: "ann"},
        )

    def test_is_owed_to_us_once_the_money_was_paid_out(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        world.deliver_goods("cart-1.ann")
        world.release()
        world.pay_out()

        refund(world, "40.00")
        world.settle()

        found = wallet(seller=ann.id, currency="EUR")
        assert (found.available.text, found.receivable.text) == ("0.00", "36.00")
        assert verify_books(actor="system:test", now=timezone.now()).green

    @pytest.mark.bad_input("B29")
    def test_without_a_reason_may_say_so(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})

        answer = world.shop.post("/v1/refunds", {"payment_order_id": "cart-1.ann", "reason": ""}, key="r1")

        assert (answer.status_code, answer.json()["reason"]) == (201, "")

    def test_of_more_than_is_left_is_refused(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "60.00")

        with nothing_changes():
            assert_problem(refund(world, "40.01", key="r2"), 422, "refund_exceeds_paid", field="amount")

        assert refund(world, "40.00", key="r3").status_code == 201
        assert_problem(refund(world, "0.01", key="r4"), 422, "refund_exceeds_paid", field="amount")

    def test_of_what_is_not_paid_is_refused(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})

        with nothing_changes():
            assert_problem(refund(world), 409, "not_refundable")

    @pytest.mark.bad_input("B29")
    def test_of_a_refund_is_no_payment(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        made = refund(world, "1.00").json()["id"]

        with nothing_changes():
            assert_problem(refund(world, key="r2", order=made), 404, "unknown_payment", field="payment_order_id")


class TestARefundThatTheProviderRefuses:
    def test_fails_and_gives_back_what_it_had_reserved(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        world.provider.plan([REFUSED])

        refund(world)
        world.settle()

        assert (Refund.objects.get().state, refunded(world)) == ("failed", "0.00")
        assert wallet(seller=ann.id, currency="EUR").pending.text == "90.00"
        assert refund(world, key="r2").status_code == 201
        world.settle()
        assert at_provider(world) == [10_000]

    def test_while_it_is_looked_up_is_still_unknown(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        look_up = {"op": "refund.list", "action": "error_5xx", "args": {"when": "before", "status": 400}}
        world.provider.plan([rule("refund.create", "cut after"), look_up])
        refund(world)
        world.work()

        world.work(later=timedelta(seconds=30))

        assert (Refund.objects.get().state, refunded(world)) == ("unknown", "100.00")


class TestARefundThatTakesItsTime:
    @pytest.mark.parametrize(("failed", "state", "reserved"), [(True, "failed", "0.00"), (False, "succeeded", "40.00")])
    def test_is_pending_and_not_booked_until_it_is_over(
        self, world: World, ann: Seller, failed: bool, state: str, reserved: str
    ) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}), card=SLOW_REFUNDS)
        world.settle()
        refund(world, "40.00")
        world.settle()
        assert (Refund.objects.get().state, refunded(world)) == ("pending", "40.00")
        assert wallet(seller=ann.id, currency="EUR").pending.text == "90.00"

        world.provider.end_refund(str(Refund.objects.get().psp_ref), failed=failed)
        world.settle()

        assert (Refund.objects.get().state, refunded(world)) == (state, reserved)


class TestAnUnclearRefund:
    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_is_carried_out_and_booked_once(self, world: World, ann: Seller, fault: str) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        world.provider.plan([rule("refund.create", fault)])
        refund(world, "40.00")

        world.work()

        assert (Refund.objects.get().state, refunded(world)) == ("unknown", "40.00")
        world.work(later=timedelta(seconds=30))
        world.settle()
        assert (Refund.objects.get().state, at_provider(world)) == ("succeeded", [4000])
        assert wallet(seller=ann.id, currency="EUR").pending.text == "54.00"

    @pytest.mark.parametrize("fault", DONE)
    def test_is_settled_by_its_webhook_alone(self, world: World, ann: Seller, fault: str) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        world.provider.plan([rule("refund.create", fault)])
        refund(world, "40.00")
        world.work()

        world.settle()

        assert (Refund.objects.get().state, at_provider(world)) == ("succeeded", [4000])

    def test_is_never_sent_again_once_its_key_is_old(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        world.provider.plan([rule("refund.create", "cut before", times=0)])
        refund(world, "40.00")
        world.work()
        sent = len(world.provider.calls())

        world.work(later=timedelta(hours=21))

        posts = [c for c in world.provider.calls()[sent:] if c["method"] == "POST"]
        assert posts == []
        assert Job.objects.get(kind="payments.send_refund").state == "dead"
        assert (Refund.objects.get().state, refunded(world)) == ("sending", "40.00")

    def test_whose_webhook_overtakes_our_record_is_booked_once(
        self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "40.00")
        failpoints.reset()
        monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", "psp.call:refund.create:after_response=raise")
        world.work()
        assert Refund.objects.get().state == "sending"

        world.settle()
        world.work(later=timedelta(seconds=30))

        assert (Refund.objects.get().state, at_provider(world)) == ("succeeded", [4000])
        assert wallet(seller=ann.id, currency="EUR").pending.text == "54.00"


class TestRefundsAtOnce:
    @pytest.mark.bad_input("B29")
    def test_never_give_back_more_than_was_paid(self, committed_world: World, web: str) -> None:
        committed_world.open_seller("ann")
        committed_world.sell("cart-1", {"ann": "100.00"})

        def ask(key: str) -> requests.Response:
            headers = {"Authorization": f"Bearer {committed_world.shop.api_key}", "Idempotency-Key": key}
            body = {"payment_order_id": "cart-1.ann", "amount": "50.01", "currency": "EUR"}
            return requests.post(f"{web}/v1/refunds", json=body, headers=headers, timeout=30)

        answers: list[requests.Response] = at_once([partial(ask, f"r{n}") for n in range(8)])

        assert sorted(a.status_code for a in answers) == [201] + [422] * 7
        committed_world.settle()
        assert at_provider(committed_world) == [5001]
