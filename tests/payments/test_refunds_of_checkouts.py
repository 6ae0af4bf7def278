"""A refund of a whole checkout: split over its sellers' orders, all of it or none."""

from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from ledger.services import verify_books
from operations import idempotency
from operations.models import Approval, HumanTask, IdempotencyKey
from operations.services import pull_switch
from payments.models import Refund, Seller
from tests.api.problems import assert_problem
from tests.ledger_text import assert_balances
from tests.payments.dispute_steps import open_dispute
from tests.payments.test_refunds import at_provider
from tests.snapshot import nothing_changes
from tests.world import World


def refund(world: World, amount: str | None = None, *, currency: str = "EUR", key: str = "r1") -> Any:
    """Ask for a refund of the checkout through the API."""
    body = {"reason": "late"} | ({} if amount is None else {"amount": amount, "currency": currency})
    return world.shop.post("/v1/checkouts/cart-1/refunds", body, key=key)


def shares(answer: Any) -> dict[str, str]:
    """Return what each order gives, by its id."""
    return {one["payment_order_id"]: one["amount"] for one in answer.json()["refunds"]}


@pytest.fixture
def cart(world: World, ann: Seller, bob: Seller) -> World:
    """A paid cart of 10.00 of ann's and 20.50 of bob's."""
    world.sell("cart-1", {"ann": "10.00", "bob": "20.50"})
    return world


class TestARefundOfACheckout:
    def test_without_an_amount_is_all_that_is_left_of_each_order(self, cart: World) -> None:
        first = cart.shop.post(
            "/v1/refunds", {"payment_order_id": "cart-1.ann", "amount": "4.00", "currency": "EUR"}, key="part"
        )
        assert first.status_code == 201

        answer = refund(cart)
        cart.settle()

        assert (answer.status_code, shares(answer)) == (201, {"cart-1.ann": "6.00", "cart-1.bob": "20.50"})
        assert sorted(at_provider(cart)) == [400, 600, 2050]
        assert set(Refund.objects.values_list("state", flat=True)) == {"succeeded"}
        assert verify_books(actor="system:test", now=timezone.now()).green

    @pytest.mark.parametrize(
        ("amount", "split"),
        [
            ("7.00", {"cart-1.ann": "2.30", "cart-1.bob": "4.70"}),
            ("30.49", {"cart-1.ann": "10.00", "cart-1.bob": "20.49"}),
            ("0.01", {"cart-1.bob": "0.01"}),
        ],
    )
    def test_of_an_amount_is_split_in_proportion_to_what_is_left(
        self, cart: World, amount: str, split: dict[str, str]
    ) -> None:
        assert shares(refund(cart, amount)) == split

    def test_is_borne_by_each_seller_and_by_our_commission(self, cart: World) -> None:
        refund(cart, "7.00")
        cart.settle()

        sellers = {seller.pk: seller.seller_id for seller in Seller.objects.all()}
        assert_balances(
            """
            debit   psp:stripe:clearing  22.32 EUR
            debit   psp:stripe:fees       1.18 EUR
            credit  seller:ann:pending    6.93 EUR
            credit  seller:bob:pending   14.22 EUR
            credit  platform:commission   2.35 EUR
            """,
            names=sellers,
        )

    def test_in_dinars_is_split_in_the_providers_steps(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "1.000", "bob": "2.000"}, currency="BHD")

        assert shares(refund(world, "1.000", currency="BHD")) == {"cart-1.ann": "0.330", "cart-1.bob": "0.670"}

    def test_under_the_same_key_again_is_the_same_refunds(self, cart: World) -> None:
        first = refund(cart, "7.00")
        cart.settle()

        again = refund(cart, "7.00")

        assert again.json() == first.json()
        assert Refund.objects.count() == 2

    def test_that_was_cut_off_before_its_answer_answers_with_the_refunds_it_made(
        self, cart: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as cut:
            cut.setattr(idempotency, "answer", lambda **_: None)
            first = refund(cart, "7.00")
        idempotency.let_go(key_id=IdempotencyKey.objects.get(key="r1").pk)

        again = refund(cart, "7.00")

        assert shares(again) == shares(first)
        assert Refund.objects.count() == 2

    def test_above_the_limit_as_a_whole_wants_a_second_person_for_each(
        self, cart: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(settings, "REFUND_APPROVAL_LIMIT_MINOR", {"EUR": 2_500})

        answer = refund(cart)
        cart.settle()

        assert [one["waiting_for_approval"] for one in answer.json()["refunds"]] == [True, True]
        assert Approval.objects.filter(kind="payments.refund").count() == 2
        assert at_provider(cart) == []

    def test_above_the_limit_in_parts_wants_a_second_person_for_what_goes_beyond(
        self, cart: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(settings, "REFUND_APPROVAL_LIMIT_MINOR", {"EUR": 2_500})

        first, second = (refund(cart, "15.00", key=f"r{number}").json()["refunds"] for number in range(2))
        cart.settle()

        assert [one["waiting_for_approval"] for one in first] == [False, False]
        assert [one["waiting_for_approval"] for one in second] == [True, True]
        assert sum(at_provider(cart)) == 1_500

    def test_that_fails_late_is_asked_of_finance_for_each_order(self, cart: World) -> None:
        refund(cart)
        cart.settle()

        for row in Refund.objects.order_by("pk"):
            cart.provider.end_refund(str(row.psp_ref), failed=True)
        cart.settle()

        assert sorted(HumanTask.objects.values_list("kind", "subject")) == sorted(
            ("payments.refund_failed", f"refund:{row.pk}") for row in Refund.objects.all()
        )


class TestARefundOfACheckoutThatIsRefused:
    @pytest.mark.parametrize(
        ("amount", "currency", "code", "field"),
        [
            ("30.51", "EUR", "refund_exceeds_paid", "amount"),
            ("5.00", "USD", "currency_mismatch", "currency"),
        ],
    )
    def test_changes_nothing(self, cart: World, amount: str, currency: str, code: str, field: str) -> None:
        with nothing_changes():
            answer = refund(cart, amount, currency=currency)

        assert_problem(answer, 422, code, field=field)

    def test_finds_no_checkout_of_another_storefront(self, cart: World) -> None:
        with nothing_changes():
            answer = cart.other_shop.post("/v1/checkouts/cart-1/refunds", {}, key="k")

        assert_problem(answer, 404, "unknown_payment")

    def test_is_told_that_nothing_is_left(self, cart: World) -> None:
        refund(cart)

        with nothing_changes():
            answer = refund(cart, key="r2")

        assert_problem(answer, 409, "not_refundable")

    def test_is_told_that_it_was_not_paid(self, world: World, ann: Seller) -> None:
        world.order("cart-1", {"ann": "10.00"})

        with nothing_changes():
            answer = refund(world)

        assert_problem(answer, 409, "not_refundable")

    def test_is_told_that_the_bank_has_the_money_back(self, cart: World) -> None:
        open_dispute(cart)

        assert_problem(refund(cart), 422, "payment_disputed")
        assert not Refund.objects.exists()

    def test_waits_until_refunds_go_on(self, cart: World) -> None:
        pull_switch(name="refunds", reason="fraud wave", actor="user:anna", now=timezone.now())

        with nothing_changes():
            answer = refund(cart)

        assert_problem(answer, 503, "stopped")
