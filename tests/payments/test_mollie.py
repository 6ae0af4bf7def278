"""A shop that is paid through Mollie: the same states and the same books, by another provider's wire."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.selectors import balance
from ledger.services import verify_books
from operations.models import HumanTask, Job
from operations.selectors import history
from payments.models import Attempt, Checkout, Dispute, Instruction, Refund, Seller
from tests.api.problems import assert_problem
from tests.ledger_text import assert_balances, assert_posted
from tests.payments.mollie_stand_in import DONE, FAULTS, Mollie
from tests.payments.mollie_world import mollie, paid_twice, webhook
from tests.world import World

__all__ = ["mollie"]

CREATE = "POST payments"
LIST = "GET payments"
FORM = "application/x-www-form-urlencoded"
SOON = timedelta(seconds=30)


@pytest.fixture
def paid(world: World, mollie: Mollie, ann: Seller) -> Checkout:
    """Bea bought ann's chair for 100.00."""
    assert world.order("cart-1", {"ann": "100.00"}).status_code == 201
    mollie.pay(mollie.only()["id"])
    assert webhook(world, mollie, mollie.only()["id"]).status_code == 200
    world.work(later=SOON)
    return Checkout.objects.get()


def refund(world: World, amount: str) -> Refund:
    """Have a part refunded, as far as our request to Mollie."""
    body = {"payment_order_id": "cart-1.ann", "amount": amount, "currency": "EUR", "reason": "a scratch"}
    assert world.shop.post("/v1/refunds", body, key=f"refund-{amount}").status_code == 201
    world.work()
    return Refund.objects.get()


class TestASale:
    def test_shows_mollies_page_and_freezes_what_it_was_told(self, world: World, mollie: Mollie, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})

        payment, attempt = mollie.only(), Attempt.objects.get()
        assert created.json()["payment_page"]["url"] == f"{mollie.base_url}/pay/{payment['id']}"
        assert payment["amount"] == {"currency": "EUR", "value": "100.00"}
        assert payment["metadata"]["reference"] == attempt.checkout_id
        assert (attempt.psp, attempt.psp_ref) == ("mollie", payment["id"])
        assert [call.key for call in mollie.posts()] == [attempt.psp_key]

    def test_is_booked_under_mollie_with_the_fee_that_is_expected(
        self, world: World, mollie: Mollie, ann: Seller, paid: Checkout
    ) -> None:
        assert world.status("cart-1.ann") == "SUCCESS"
        assert_posted(
            f"checkout:{paid.pk}",
            {
                "payment_captured": """
                    debit   psp:mollie:clearing   100.00 EUR
                    credit  seller:ann:pending     90.00 EUR
                    credit  platform:commission    10.00 EUR
                """,
                "provider_fee_estimated": """
                    debit   psp:mollie:fees         3.20 EUR
                    credit  psp:mollie:clearing     3.20 EUR
                """,
            },
            names={ann.id: "ann"},
        )
        # Nobody asks for ever for a fee that is never told.
        assert not Job.objects.filter(kind="payments.true_up_fee").exists()
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_of_another_shop_goes_where_it_went(self, world: World, mollie: Mollie) -> None:
        world.open_seller("carl", shop=world.other_shop)
        body = {
            "checkout_id": "cart-2",
            "buyer_info": {"buyer_id": "bea"},
            "payment_orders": [
                {"payment_order_id": "cart-2.carl", "seller_account": "carl", "amount": "5.00", "currency": "EUR"}
            ],
        }

        assert world.other_shop.post("/v1/payments", body, key="cart-2").status_code == 201

        assert (Attempt.objects.get().psp, mollie.payments) == ("stripe", {})

    def test_in_yen_is_asked_for_without_decimals(self, world: World, mollie: Mollie, ann: Seller) -> None:
        world.order("cart-1", {"ann": "500"}, currency="JPY")

        assert mollie.only()["amount"] == {"currency": "JPY", "value": "500"}
        assert Attempt.objects.get().state == "pending"

    def test_is_healed_by_a_poll_where_the_webhook_was_lost(self, world: World, mollie: Mollie, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})
        mollie.pay(mollie.only()["id"])

        world.work(later=timedelta(minutes=3))

        assert world.status("cart-1.ann") == "SUCCESS"

    @pytest.mark.parametrize(
        ("status", "order", "attempt"), [("failed", "FAILED", "declined"), ("expired", "EXPIRED", "expired")]
    )
    def test_that_nobody_pays_ends(
        self, world: World, mollie: Mollie, ann: Seller, status: str, order: str, attempt: str
    ) -> None:
        world.order("cart-1", {"ann": "100.00"})
        mollie.end(mollie.only()["id"], status, details={"failureReason": "refused_by_issuer"})

        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)

        found = Attempt.objects.get()
        assert (world.status("cart-1.ann"), found.state) == (order, attempt)
        assert found.declined_as == ("refused_by_issuer" if status == "failed" else "")
        last = list(history(machine="attempt", subject_id=found.pk))[-1]
        assert last.actor == "psp:mollie"

    def test_is_called_off_by_closing_mollies_page_first(self, world: World, mollie: Mollie, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"})

        answer = world.shop.post("/v1/payments/cart-1/cancel", {}, key="cancel")

        assert (answer.status_code, mollie.only()["status"]) == (200, "canceled")
        assert world.status("cart-1.ann") == "CANCELED"

    def test_is_not_called_off_while_mollie_does_not_close_its_page(
        self, world: World, mollie: Mollie, ann: Seller
    ) -> None:
        """Whether a page can be closed is its method's affair; while it is open the buyer can pay."""
        mollie.closable = False
        world.order("cart-1", {"ann": "100.00"})

        answer = world.shop.post("/v1/payments/cart-1/cancel", {}, key="cancel")

        assert_problem(answer, 422, "instruction_refused")
        mollie.pay(mollie.only()["id"])
        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)
        assert world.status("cart-1.ann") == "SUCCESS"

    def test_in_levs_is_not_asked_of_mollie_which_takes_them_no_more(
        self, world: World, mollie: Mollie, ann: Seller, settings: Any
    ) -> None:
        settings.PSP_ROUTES = {"*": ["stripe"], "acme": ["mollie", "stripe"]}

        assert world.order("cart-1", {"ann": "100.00"}, currency="BGN").status_code == 201

        assert (Attempt.objects.get().psp, mollie.calls) == ("stripe", [])

    @pytest.mark.parametrize("verb", ["capture", "cancel"])
    def test_is_reserved_first_where_the_shop_wants_that(
        self, world: World, mollie: Mollie, ann: Seller, verb: str
    ) -> None:
        world.order("cart-1", {"ann": "100.00"}, capture_method="manual")
        mollie.pay(mollie.only()["id"])
        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)
        assert world.status("cart-1.ann") == "AUTHORIZED"

        answer = world.shop.post(f"/v1/payments/cart-1/{verb}", {}, key=verb)

        assert answer.status_code == 200
        assert world.status("cart-1.ann") == ("SUCCESS" if verb == "capture" else "CANCELED")
        assert balance(code="psp:mollie:clearing", currency="EUR").minor == (96_80 if verb == "capture" else 0)

    def test_captured_in_part_for_good_has_the_rest_released(self, world: World, mollie: Mollie, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"}, capture_method="manual")
        mollie.pay(mollie.only()["id"])
        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)
        part = {"payment_order_id": "cart-1.ann", "amount": "60.00", "currency": "EUR"}

        answer = world.shop.post("/v1/payments/cart-1/capture", {"payment_orders": [part]}, key="part")

        assert (answer.status_code, world.status("cart-1.ann"), mollie.only()["status"]) == (200, "SUCCESS", "paid")
        assert world.payment_order("cart-1.ann").captured.text == "60.00"

    def test_cannot_be_captured_in_part_with_the_rest_kept(self, world: World, mollie: Mollie, ann: Seller) -> None:
        world.order("cart-1", {"ann": "100.00"}, capture_method="manual")
        mollie.pay(mollie.only()["id"])
        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)
        part = {"payment_order_id": "cart-1.ann", "amount": "60.00", "currency": "EUR"}
        body = {"payment_orders": [part], "final_capture": False}

        answer = world.shop.post("/v1/payments/cart-1/capture", body, key="part")

        assert_problem(answer, 422, "rest_not_kept", field="final_capture")
        assert (mollie.posts(f"payments/{mollie.only()['id']}/captures"), Instruction.objects.count()) == ([], 0)
        assert world.shop.post("/v1/payments/cart-1/capture", {}, key="whole").status_code == 200

    def test_waits_for_the_bank_while_the_money_is_on_its_way(self, world: World, ann: Seller, mollie: Mollie) -> None:
        world.order("cart-1", {"ann": "100.00"})
        mollie.only()["status"] = "pending"
        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)

        assert world.shop.get("/v1/payments/cart-1.ann").json()["waiting"]["on"] == "provider"


class TestARefund:
    def test_in_part_is_booked_when_mollie_has_carried_it_out(
        self, world: World, mollie: Mollie, ann: Seller, paid: Checkout
    ) -> None:
        asked = refund(world, "25.00")
        assert asked.state == "pending"
        mollie.end_refund(str(asked.psp_ref), "refunded")

        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)

        asked.refresh_from_db()
        assert asked.state == "succeeded"
        assert_balances(
            """
            debit   psp:mollie:clearing    71.80 EUR
            debit   psp:mollie:fees         3.20 EUR
            credit  seller:ann:pending     67.50 EUR
            credit  platform:commission     7.50 EUR
            """,
            names={ann.id: "ann"},
        )

    @pytest.mark.parametrize("status", ["refunded", "failed"])
    def test_whose_webhook_was_lost_is_asked_for(
        self, world: World, mollie: Mollie, paid: Checkout, status: str
    ) -> None:
        asked = refund(world, "25.00")
        mollie.end_refund(str(asked.psp_ref), status)

        world.work(later=timedelta(hours=2))

        asked.refresh_from_db()
        assert asked.state == ("succeeded" if status == "refunded" else "failed")

    def test_that_fails_late_is_given_back(self, world: World, mollie: Mollie, ann: Seller, paid: Checkout) -> None:
        asked = refund(world, "25.00")
        for status in ("refunded", "failed"):
            mollie.end_refund(str(asked.psp_ref), status)
            webhook(world, mollie, mollie.only()["id"])
            world.work(later=SOON)

        asked.refresh_from_db()
        assert (asked.state, balance(code="psp:mollie:clearing", currency="EUR").minor) == ("failed", 96_80)

    @pytest.mark.parametrize("fault", FAULTS)
    def test_with_an_unclear_answer_is_made_once(
        self, world: World, mollie: Mollie, paid: Checkout, fault: str
    ) -> None:
        mollie.plan("POST refunds", fault)
        assert refund(world, "25.00").state == "unknown"

        world.work(later=timedelta(minutes=1))

        assert Refund.objects.get().state == "pending"
        [[made]] = mollie.refunds.values()
        assert made["amount"]["value"] == "25.00"
        assert len(mollie.posts(f"payments/{mollie.only()['id']}/refunds")) == (1 if fault in DONE else 2)

    def test_that_mollie_takes_for_a_duplicate_is_asked_for_ever_less_often(
        self, world: World, mollie: Mollie, paid: Checkout
    ) -> None:
        """It refuses a second refund of the same amount for a while, which may well be another order's."""
        mollie.plan("POST refunds", "409", times=8)
        refund(world, "25.00")
        waits = []
        for _ in range(8):
            due = Job.objects.get(kind="payments.send_refund").next_at
            world.work(later=due - timezone.now() + timedelta(milliseconds=100))
            waits.append(Job.objects.get(kind="payments.send_refund").next_at - due)

        assert waits[-2] > timedelta(seconds=30)
        assert Refund.objects.get().state == "pending"
        assert [len(made) for made in mollie.refunds.values()] == [1]


class TestASecondPayment:
    def test_is_sent_back_to_where_it_came_from(self, world: World, mollie: Mollie, ann: Seller) -> None:
        surplus = paid_twice(world, mollie)
        first = next(iter(sorted(mollie.payments)))
        assert surplus.charge_ref == first

        mollie.end_refund(str(surplus.psp_ref), "refunded")
        world.work(later=timedelta(hours=2))

        surplus.refresh_from_db()
        assert surplus.state == "returned"
        assert balance(code="psp:mollie:clearing", currency="EUR").minor == 93_60
        assert verify_books(actor="system:test", now=timezone.now()).green
        webhook(world, mollie, first)
        world.work(later=SOON)
        assert not HumanTask.objects.filter(kind="payments.refund_elsewhere").exists()


class TestAChargeback:
    @pytest.mark.parametrize(("reversed_", "state"), [(False, "under_review"), (True, "won")])
    def test_takes_the_money_at_once_and_may_be_reversed(
        self, world: World, mollie: Mollie, paid: Checkout, reversed_: bool, state: str
    ) -> None:
        told = mollie.charge_back(mollie.only()["id"])
        told["reversedAt"] = mollie.now() if reversed_ else None

        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)

        assert Dispute.objects.get().state == state
        assert balance(code="psp:mollie:clearing", currency="EUR").minor == (96_80 if reversed_ else -3_20)

    def test_that_is_not_reversed_in_time_is_lost(self, world: World, mollie: Mollie, paid: Checkout) -> None:
        mollie.charge_back(mollie.only()["id"])
        webhook(world, mollie, mollie.only()["id"])
        world.work(later=SOON)

        mollie.ahead += timedelta(days=91)
        world.work(later=timedelta(days=91))

        assert Dispute.objects.get().state == "lost"


class TestAnUnclearAnswer:
    @pytest.mark.parametrize("fault", FAULTS)
    def test_is_unknown_until_a_look_up_and_never_makes_a_second_payment(
        self, world: World, mollie: Mollie, ann: Seller, fault: str
    ) -> None:
        mollie.plan(CREATE, fault)

        answer = world.order("cart-1", {"ann": "100.00"})

        assert (answer.status_code, world.status("cart-1.ann")) == (202, "UNKNOWN")
        world.work(later=timedelta(seconds=30))
        assert world.status("cart-1.ann") == "EXECUTING"
        assert len(mollie.payments) == 1
        assert len(mollie.posts()) == (1 if fault in DONE else 2)

    def test_is_found_behind_other_payments_on_a_later_page(self, world: World, mollie: Mollie, ann: Seller) -> None:
        mollie.plan(CREATE, "cut after")
        world.order("cart-1", {"ann": "100.00"})
        for number in range(2, 6):
            world.order(f"cart-{number}", {"ann": "1.00"})

        world.work(later=timedelta(seconds=30))

        assert world.status("cart-1.ann") == "EXECUTING"
        assert len(mollie.payments) == 5

    def test_is_looked_up_and_never_sent_again_after_an_hour(self, world: World, mollie: Mollie, ann: Seller) -> None:
        mollie.plan(CREATE, "cut before", times=1)
        mollie.plan(LIST, "500 before", times=1)
        world.order("cart-1", {"ann": "100.00"})
        mollie.ahead = timedelta(minutes=61)

        world.work(later=timedelta(minutes=61))
        world.work(later=timedelta(minutes=123))
        world.work(later=timedelta(minutes=124))

        keys = [call.key for call in mollie.posts()]
        first, second = Attempt.objects.order_by("number")
        assert (first.state, second.state) == ("abandoned", "pending")
        assert keys == [first.psp_key, second.psp_key]

    def test_is_still_found_after_an_hour_where_it_was_done(self, world: World, mollie: Mollie, ann: Seller) -> None:
        mollie.plan(CREATE, "cut after")
        world.order("cart-1", {"ann": "100.00"})

        world.work(later=timedelta(minutes=61))

        assert (world.status("cart-1.ann"), len(mollie.posts())) == ("EXECUTING", 1)

    def test_is_no_definite_no_while_our_key_is_wrong(
        self, world: World, mollie: Mollie, ann: Seller, settings: Any
    ) -> None:
        settings.MOLLIE_API_KEY = "live_wrong"

        assert world.order("cart-1", {"ann": "100.00"}).status_code == 202

        settings.MOLLIE_API_KEY = "test_right"
        world.work(later=timedelta(seconds=30))
        assert world.status("cart-1.ann") == "EXECUTING"

    def test_is_none_where_mollie_says_what_is_wrong(self, world: World, mollie: Mollie, ann: Seller) -> None:
        refused = world.order("cart-1", {"ann": "0.01"})

        assert_problem(refused, 422, "provider_refused")
        assert "lower than the minimum. (amount)" in refused.json()["detail"]
