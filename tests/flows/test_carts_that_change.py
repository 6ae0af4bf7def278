"""The stories of carts that change, pages that close too late, and buyers who pay twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.selectors import open_items, wallet
from ledger.services import verify_books
from operations.models import HumanTask
from operations.services import pull_switch, release_switch
from payments.models import Attempt, Checkout, PaymentOrder, Refund, Seller, Surplus
from payments.services import tidy_up
from tests.api.problems import assert_problem
from tests.ledger_text import assert_posted
from tests.payments.faults import UNCLEAR, rule
from tests.payments.test_refunds import REFUSED
from tests.payments.test_refunds_elsewhere import refund_at_provider
from tests.world import World

REFUNDS_FAIL = "4000000000005126"


def replace(world: World, amount: str, *, order: str = "cart-1.ann.2", key: str = "rep-1") -> Any:
    """The shop replaces the one order of the cart."""
    new = {"payment_order_id": order, "seller_account": "ann", "amount": amount, "currency": "EUR"}
    return world.shop.post("/v1/payments/cart-1/replace", {"payment_orders": [new]}, key=key)


def cancel(world: World) -> Any:
    return world.shop.post("/v1/payments/cart-1/cancel", {}, key="cancel-1")


def charges(world: World) -> list[tuple[int, int]]:
    """Return what the provider took and gave back, in cents."""
    return [(one["amount_captured"], one["amount_refunded"]) for one in world.provider.ledger()["charges"]]


def pending(seller: Seller) -> str:
    return wallet(seller=seller.id, currency="EUR").pending.text


class TestACartThatChanges:
    """Bea has the page open in one tab and changes the cart in another."""

    def test_gets_a_page_of_its_own_after_the_old_one_is_closed(self, world: World, ann: Seller) -> None:
        old = world.order("cart-1", {"ann": "100.00"})

        answer = replace(world, "70.00")

        assert (answer.status_code, answer.json()["amount"]) == (200, "70.00")
        assert [order["payment_order_id"] for order in answer.json()["payment_orders"]] == ["cart-1.ann.2"]
        assert [session["status"] for session in world.provider.ledger()["sessions"]] == ["expired", "open"]
        assert world.status("cart-1.ann") == "CANCELED"
        assert answer.json()["payment_page"]["url"] != old.json()["payment_page"]["url"]
        world.pay(answer)
        world.settle()
        assert (world.status("cart-1.ann.2"), pending(ann)) == ("SUCCESS", "63.00")
        assert Checkout.objects.get().is_payment_done

    def test_gets_all_of_a_pages_time(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})
        Checkout.objects.update(expires_at=timezone.now() + timedelta(minutes=10))

        answer = replace(world, "70.00")

        assert (answer.status_code, world.pay(answer).status) == (200, "paid")
        assert Checkout.objects.get().expires_at > timezone.now() + timedelta(hours=22)

    def test_stays_in_its_currency(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})
        new = {"payment_order_id": "cart-1.ann.2", "seller_account": "ann", "amount": "70.00", "currency": "USD"}

        answer = world.shop.post("/v1/payments/cart-1/replace", {"payment_orders": [new]}, key="rep-1")

        assert_problem(answer, 422, "currency_mismatch", field="payment_orders[0].currency")
        assert world.status("cart-1.ann") == "EXECUTING"

    def test_keeps_the_old_cart_when_the_buyer_was_faster(self, world: World, ann: Seller) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}))

        answer = replace(world, "70.00")
        world.settle()

        assert (answer.status_code, answer.json()["code"]) == (422, "instruction_refused")
        assert (world.status("cart-1.ann"), world.status("cart-1.ann.2")) == ("SUCCESS", "CANCELED")
        assert (pending(ann), Checkout.objects.get().total.text) == ("90.00", "100.00")

    def test_is_never_paid_with_the_old_amount(self, world: World, ann: Seller) -> None:
        """The provider says that the old page is closed, and takes money on it all the same."""
        old = world.order("cart-1", {"ann": "100.00"})
        replace(world, "70.00")
        reopen(world, Attempt.objects.get(number=1))
        world.pay(old)

        world.settle()

        # Booked as what it is, the old cart, and on its way back; the new cart is still to be paid.
        assert charges(world) == [(10_000, 10_000)]
        assert [(one.order.payment_order_id, one.state) for one in Refund.objects.all()] == [
            ("cart-1.ann", "succeeded")
        ]
        assert (world.status("cart-1.ann.2"), pending(ann)) == ("EXECUTING", "0.00")
        assert Checkout.objects.get().is_payment_done is False

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_gets_one_page_however_the_answer_was_lost(self, world: World, ann: Seller, fault: str) -> None:
        world.order("cart-1", {"ann": "100.00"})
        world.provider.plan([rule("checkout.session.expire", fault)])

        first = replace(world, "70.00")
        world.work(later=timedelta(minutes=1))
        world.work(later=timedelta(minutes=2))
        again = replace(world, "70.00")

        assert (first.status_code, again.status_code) == (202, 200)
        assert [session["status"] for session in world.provider.ledger()["sessions"]] == ["expired", "open"]
        assert Attempt.objects.count() == 2


class TestACheckoutThatIsCalledOff:
    def test_is_closed_at_the_provider_first(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})

        assert cancel(world).status_code == 200

        assert [session["status"] for session in world.provider.ledger()["sessions"]] == ["expired"]
        assert (world.status("cart-1.ann"), Attempt.objects.get().state) == ("CANCELED", "canceled")
        assert world.pay(created).status != "paid"
        assert cancel(world).headers["Idempotent-Replayed"] == "true"

    def test_stays_open_here_until_the_provider_confirms(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})
        world.provider.plan([rule("checkout.session.expire", "500 before", times=0)])

        answer = cancel(world)

        assert (answer.status_code, world.status("cart-1.ann")) == (202, "EXECUTING")

    def test_is_expired_by_the_janitor_the_same_way(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})
        later = timezone.now() + timedelta(hours=23, minutes=11)

        assert tidy_up(now=later).closed == 1
        assert world.status("cart-1.ann") == "EXECUTING"
        world.work(later=timedelta(hours=23, minutes=12))

        assert [session["status"] for session in world.provider.ledger()["sessions"]] == ["expired"]
        assert world.status("cart-1.ann") == "EXPIRED"

    def test_that_is_paid_late_is_booked_and_refunded(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})
        cancel(world)
        reopen(world, Attempt.objects.get())
        world.pay(created)

        world.settle()

        assert charges(world) == [(10_000, 10_000)]
        assert (pending(ann), Checkout.objects.get().is_payment_done) == ("0.00", False)

    def test_that_is_paid_late_and_cannot_be_refunded_is_a_persons_question(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})
        cancel(world)
        reopen(world, Attempt.objects.get())
        world.pay(created)
        world.settle()
        world.provider.end_refund(str(Refund.objects.get().psp_ref), failed=True)
        world.settle()

        question = HumanTask.objects.get(kind="payments.refund_failed")
        assert (question.subject, question.waits_for) == (f"refund:{Refund.objects.get().pk}", "finance")
        assert question.reason == "100.00 EUR of cart-1.ann could not be given back: expired_or_canceled_card"
        assert world.shop.get("/v1/payments/cart-1.ann").json()["refunded"] == "0.00"

    def test_that_is_paid_late_while_refunds_are_stopped_is_booked_and_refunded_when_they_go_on(
        self, world: World, ann: Seller
    ) -> None:
        created = world.order("cart-1", {"ann": "100.00"})
        cancel(world)
        reopen(world, Attempt.objects.get())
        pull_switch(name="refunds", reason="trouble at the provider", actor="user:oscar", now=timezone.now())
        world.pay(created)

        world.settle()
        assert (charges(world), pending(ann)) == ([(10_000, 0)], "90.00")
        release_switch(name="refunds", reason="it is over", actor="user:anna", now=timezone.now())
        world.work(later=timedelta(minutes=2))
        world.settle()

        assert (charges(world), pending(ann)) == ([(10_000, 10_000)], "0.00")


class TestADoublePayment:
    """The provider never showed the first page, so Bea got a second one; then she paid both."""

    @pytest.fixture
    def pages(self, world: World, ann: Seller) -> list[Any]:
        world.provider.plan(
            [
                rule("checkout.session.create", "cut after"),
                {"op": "checkout.session.list", "action": "empty_list", "times": 0},
            ]
        )
        world.order("cart-1", {"ann": "100.00"})
        world.work(later=timedelta(hours=21))
        world.work(later=timedelta(hours=21, minutes=1))
        world.provider.plan([])
        assert list(Attempt.objects.order_by("number").values_list("state", flat=True)) == ["abandoned", "pending"]
        sessions = sorted(world.provider.ledger()["sessions"], key=lambda session: session["client_reference_id"])
        return [f"{world.provider.base_url}/c/pay/{session['id']}" for session in sessions]

    def test_is_booked_as_nobodys_and_sent_back(self, world: World, ann: Seller, pages: list[Any]) -> None:
        for page in pages:
            world.buyer.pay(url=page)

        world.settle()

        assert sorted(charges(world)) == [(10_000, 0), (10_000, 10_000)]
        assert (world.status("cart-1.ann"), pending(ann)) == ("SUCCESS", "90.00")
        surplus = Surplus.objects.get()
        assert (surplus.state, surplus.amount.text) == ("returned", "100.00")
        assert_posted(
            f"checkout:{Checkout.objects.get().pk}",
            {
                "payment_captured": """
                    debit   psp:stripe:clearing   100.00 EUR
                    credit  seller:ann:pending     90.00 EUR
                    credit  platform:commission    10.00 EUR
                """,
                "unidentified_received": """
                    debit   psp:stripe:clearing   100.00 EUR
                    credit  suspense:unidentified 100.00 EUR
                """,
                "unidentified_returned": """
                    debit   suspense:unidentified 100.00 EUR
                    credit  psp:stripe:clearing   100.00 EUR
                """,
            },
            names={ann.id: "ann"},
            ignoring=("provider_fee_charged",),
        )
        assert world.reconciled() == {"matched": 3}
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_is_sent_back_once(self, world: World, ann: Seller, pages: list[Any]) -> None:
        for page in pages:
            world.buyer.pay(url=page)
        world.settle()

        assert world.provider.hold_again() > 0
        world.settle()

        assert [refund["amount"] for refund in world.provider.ledger()["refunds"]] == [10_000]

    def test_is_prevented_when_the_other_page_can_be_closed_in_time(
        self, world: World, ann: Seller, pages: list[Any]
    ) -> None:
        world.buyer.pay(url=pages[0])

        world.settle()

        assert sorted(session["status"] for session in world.provider.ledger()["sessions"]) == ["complete", "expired"]
        assert (world.status("cart-1.ann"), Surplus.objects.count()) == ("SUCCESS", 0)

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_is_sent_back_once_however_the_answer_was_lost(
        self, world: World, ann: Seller, pages: list[Any], fault: str
    ) -> None:
        for page in pages:
            world.buyer.pay(url=page)
        world.provider.plan([rule("refund.create", fault)])

        world.settle()
        world.work(later=timedelta(minutes=1))
        world.work(later=timedelta(minutes=2))

        assert [refund["amount"] for refund in world.provider.ledger()["refunds"]] == [10_000]
        assert Surplus.objects.get().state == "returned"

    def test_that_cannot_be_sent_back_becomes_a_persons_question(
        self, world: World, ann: Seller, pages: list[Any]
    ) -> None:
        world.buyer.pay(url=pages[1])
        world.buyer.pay(url=pages[0], card=REFUNDS_FAIL)
        world.settle()

        world.provider.advance(2 * 24 * 3600)
        world.settle()

        assert Surplus.objects.get().state == "failed"
        task = HumanTask.objects.get(kind="payments.surplus_stuck")
        assert (task.state, task.waits_for) == ("open", "finance")
        assert verify_books(actor="system:test", now=timezone.now()).green
        assert PaymentOrder.objects.get().state == "SUCCESS"

    @pytest.mark.parametrize("late", [False, True], ids=["refused", "failed after it had succeeded"])
    def test_that_could_not_be_sent_back_and_was_in_the_dashboard_is_over(
        self, world: World, ann: Seller, pages: list[Any], late: bool
    ) -> None:
        world.provider.plan([] if late else [REFUSED])
        for page in reversed(pages):
            world.buyer.pay(url=page)
        world.settle()
        if late:
            world.provider.end_refund(str(Surplus.objects.get().psp_ref), failed=True)
            world.settle()
        assert Surplus.objects.get().state == "failed"

        refund_at_provider(world, 10_000, charge=Surplus.objects.get().charge_ref)
        world.settle()

        assert Surplus.objects.get().state == "returned"
        assert HumanTask.objects.get(kind="payments.surplus_stuck").state == "settled"
        assert not open_items(code="suspense:unidentified", currency="EUR")
        assert verify_books(actor="system:test", now=timezone.now()).green
        assert set(world.reconciled()) == {"matched"}


def reopen(world: World, attempt: Attempt) -> None:
    """Make the provider open a closed page again, as one that answered before it had done it."""
    world.provider.reopen_session(str(attempt.psp_ref))
