"""Amounts and currencies: text, digits and one point, exactly as many decimals as the currency has."""

from typing import Any

import pytest

from payments.models import Checkout, Seller
from tests.api.bodies import PAYMENT, REFUND, changed
from tests.api.problems import assert_problem
from tests.snapshot import nothing_changes
from tests.world import World

NOT_AMOUNTS: dict[str, Any] = {
    "zero": "0",
    "zero with decimals": "0.00",
    "negative": "-1",
    "plus sign": "+1",
    "integer": 10,
    "huge integer": 10**30,
    "beyond bigint": 2**63,
    "float": 10.5,
    "whole float": 10.0,
    "true": True,
    "null": None,
    "list": ["10"],
    "object": {"minor": 1000},
    "empty": "",
    "underscore": "1_0",
    "arabic digits": "١٠",
    "full width digits": "１０",
    "leading space": " 10",
    "trailing space": "10 ",
    "no-break space": "1\u00a0000",
    "newline": "10\n",
    "grouping": "1,000",
    "comma": "10,50",
    "exponent": "1e2",
    "hex": "0x10",
    "leading zero": "010",
    "bare point": "10.",
    "no whole part": ".50",
    "two points": "1.0.0",
    "too many decimals": "1.005",
    "a million digits": "9" * 1000,
    "more than the books hold": "9" * 18,
    "text infinity": "Infinity",
    "text nan": "NaN",
    "formula": "=1+1",
}
NOT_CURRENCIES: dict[str, Any] = {
    "lower case": "eur",
    "mixed case": "Eur",
    "no currency": "XXX",
    "invented": "ZZZ",
    "empty": "",
    "spaced": " EUR ",
    "symbol": "€",
    "number": 978,
    "numeric code": "978",
    "null": None,
    "list": ["EUR"],
    "full width": "ＥＵＲ",
}


class TestAPaymentsAmount:
    @pytest.mark.parametrize("amount", NOT_AMOUNTS.values(), ids=NOT_AMOUNTS.keys())
    def test_is_refused_with_its_place_in_the_body(self, world: World, ann: Seller, bob: Seller, amount: Any) -> None:
        body = changed(PAYMENT, "payment_orders.1.amount", amount)

        with nothing_changes():
            answer = world.shop.post("/v1/payments", body, key="k")

        assert_problem(answer, 422, "invalid", field="payment_orders[1].amount")

    @pytest.mark.parametrize(
        ("amount", "currency"),
        [
            ("10.5", "JPY"),
            ("10.00", "JPY"),
            ("10.001", "EUR"),
            ("10.0001", "BHD"),
            ("10.00", "ISK"),
            ("10.00", "UGX"),
        ],
    )
    def test_is_refused_with_more_decimals_than_its_currency_has(
        self, world: World, ann: Seller, amount: str, currency: str
    ) -> None:
        with nothing_changes():
            answer = world.order("cart-1", {"ann": amount}, currency=currency)

        assert_problem(answer, 422, "invalid", field="payment_orders[0].amount")

    @pytest.mark.parametrize(
        ("amount", "currency", "minor"),
        [
            ("10", "EUR", 1000),
            ("10.5", "EUR", 1050),
            ("10.50", "EUR", 1050),
            ("0.60", "EUR", 60),
            ("500", "JPY", 500),
            ("10.010", "BHD", 10010),
            ("1000", "ISK", 1000),
        ],
    )
    def test_is_taken_to_the_cent(self, world: World, ann: Seller, amount: str, currency: str, minor: int) -> None:
        answer = world.order("cart-1", {"ann": amount}, currency=currency)

        assert answer.status_code == 201, answer.content
        assert (Checkout.objects.get().total_minor, Checkout.objects.get().currency) == (minor, currency)


class TestAPaymentsCurrency:
    @pytest.mark.parametrize("currency", NOT_CURRENCIES.values(), ids=NOT_CURRENCIES.keys())
    def test_is_refused_with_its_place_in_the_body(self, world: World, ann: Seller, bob: Seller, currency: Any) -> None:
        body = changed(PAYMENT, "payment_orders.0.currency", currency)

        with nothing_changes():
            answer = world.shop.post("/v1/payments", body, key="k")

        assert_problem(answer, 422, "invalid", field="payment_orders[0].currency")

    def test_is_one_for_the_whole_checkout(self, world: World, ann: Seller, bob: Seller) -> None:
        body = changed(PAYMENT, "payment_orders.1.currency", "USD")

        with nothing_changes():
            answer = world.shop.post("/v1/payments", body, key="k")

        assert_problem(answer, 422, "invalid", field="payment_orders")


class TestARefundsAmount:
    @pytest.mark.parametrize("amount", NOT_AMOUNTS.values(), ids=NOT_AMOUNTS.keys())
    def test_is_refused_by_name(self, world: World, ann: Seller, amount: Any) -> None:
        world.sell("cart-1", {"ann": "10.00"})

        with nothing_changes():
            answer = world.shop.post("/v1/refunds", changed(REFUND, "amount", amount), key="k")

        assert_problem(answer, 422, "invalid", field="amount")

    @pytest.mark.parametrize("currency", NOT_CURRENCIES.values(), ids=NOT_CURRENCIES.keys())
    def test_is_refused_without_a_currency_that_exists(self, world: World, ann: Seller, currency: Any) -> None:
        world.sell("cart-1", {"ann": "10.00"})

        with nothing_changes():
            answer = world.shop.post("/v1/refunds", changed(REFUND, "currency", currency), key="k")

        assert_problem(answer, 422, "invalid", field="currency")

    @pytest.mark.parametrize("missing", ["amount", "currency"])
    def test_is_refused_without_its_other_half(self, world: World, ann: Seller, missing: str) -> None:
        world.sell("cart-1", {"ann": "10.00"})

        with nothing_changes():
            answer = world.shop.post("/v1/refunds", changed(REFUND, missing), key="k")

        assert_problem(answer, 422, "invalid", field="currency")

    def test_is_refused_in_another_currency_than_was_charged(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})

        with nothing_changes():
            answer = world.shop.post("/v1/refunds", changed(REFUND, "currency", "USD"), key="k")

        assert_problem(answer, 422, "currency_mismatch")
