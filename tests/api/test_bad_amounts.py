"""Amounts and currencies: text, digits and one point, exactly as many decimals as the currency has."""

import json
from typing import Any

import pytest

from payments.models import Checkout, Seller
from tests.api.bodies import PAYMENT, REFUND, SELLER, changed
from tests.api.problems import assert_all_refused, assert_problem
from tests.snapshot import nothing_changes
from tests.world import Shop, World

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
# As they stand in the body, so that no serialiser of ours writes them first.
NOT_TEXT = [
    "10.00",
    "10",
    "-0",
    "1e2",
    "1E400",
    "-1e400",
    "1e-400",
    "10.000000000000000000000000000001",
    str(2**63),
    "true",
]
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


TOO_MANY_DECIMALS = [
    ("10.5", "JPY"),
    ("10.00", "JPY"),
    ("10.001", "EUR"),
    ("10.0001", "BHD"),
    ("10.00", "ISK"),
    ("10.00", "UGX"),
]
RIGHT = [
    ("10", "EUR", 1000),
    ("10.5", "EUR", 1050),
    ("10.50", "EUR", 1050),
    ("0.60", "EUR", 60),
    ("500", "JPY", 500),
    ("10.010", "BHD", 10010),
    ("1000", "ISK", 1000),
]


def with_each(body: dict[str, Any], path: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the body once for each value at a path."""
    return {name: changed(body, path, value) for name, value in values.items()}


class TestAPaymentsAmount:
    @pytest.mark.bad_input("B1-B10", "B13-B14")
    def test_is_refused_with_its_place_in_the_body(self, shop: Shop) -> None:
        bodies = with_each(PAYMENT, "payment_orders.1.amount", NOT_AMOUNTS)

        assert_all_refused(shop, "/v1/payments", bodies, 422, "invalid", field="payment_orders[1].amount")

    @pytest.mark.bad_input("B3-B6", "B12-B14")
    def test_is_refused_as_a_number_however_it_is_written(self, shop: Shop) -> None:
        right = '"amount": "10.00"'
        body = json.dumps(PAYMENT)
        assert right in body
        bodies = {text: body.replace(right, f'"amount": {text}') for text in NOT_TEXT}

        assert_all_refused(shop, "/v1/payments", bodies, 422, "invalid", field="payment_orders[0].amount")

    @pytest.mark.bad_input("B15-B16")
    def test_is_refused_with_more_decimals_than_its_currency_has(self, shop: Shop) -> None:
        one_order = changed(PAYMENT, "payment_orders.1")
        bodies = {
            f"{amount} {currency}": changed(
                changed(one_order, "payment_orders.0.amount", amount), "payment_orders.0.currency", currency
            )
            for amount, currency in TOO_MANY_DECIMALS
        }

        assert_all_refused(shop, "/v1/payments", bodies, 422, "invalid", field="payment_orders[0].amount")

    @pytest.mark.bad_input("B16")
    def test_is_taken_to_the_cent(self, world: World, ann: Seller) -> None:
        for number, (amount, currency, minor) in enumerate(RIGHT):
            answer = world.order(f"cart-{number}", {"ann": amount}, currency=currency)

            assert answer.status_code == 201, answer.content
            stored = Checkout.objects.get(checkout_id=f"cart-{number}")
            assert (stored.total_minor, stored.currency) == (minor, currency)


class TestAPaymentsCurrency:
    @pytest.mark.bad_input("B17")
    def test_is_refused_with_its_place_in_the_body(self, shop: Shop) -> None:
        bodies = with_each(PAYMENT, "payment_orders.0.currency", NOT_CURRENCIES)

        assert_all_refused(shop, "/v1/payments", bodies, 422, "invalid", field="payment_orders[0].currency")

    @pytest.mark.bad_input("B18")
    def test_is_one_for_the_whole_checkout(self, shop: Shop) -> None:
        bodies = {"two": changed(PAYMENT, "payment_orders.1.currency", "USD")}

        assert_all_refused(shop, "/v1/payments", bodies, 422, "invalid", field="payment_orders")


class TestASellersMinimum:
    def test_is_refused_with_its_place_in_the_body(self, shop: Shop) -> None:
        for path, values in (("amount", NOT_AMOUNTS), ("currency", NOT_CURRENCIES)):
            bodies = with_each(SELLER, f"commission_minimums.0.{path}", values)

            assert_all_refused(shop, "/v1/sellers", bodies, 422, "invalid", field=f"commission_minimums[0].{path}")

    def test_is_refused_with_more_decimals_than_its_currency_has(self, shop: Shop) -> None:
        bodies = {
            f"{amount} {currency}": changed(SELLER, "commission_minimums.0", {"amount": amount, "currency": currency})
            for amount, currency in TOO_MANY_DECIMALS
        }

        assert_all_refused(shop, "/v1/sellers", bodies, 422, "invalid", field="commission_minimums[0].amount")


class TestARefundsAmount:
    @pytest.mark.bad_input("B1-B10", "B13-B14")
    def test_is_refused_by_name(self, shop: Shop) -> None:
        assert_all_refused(
            shop, "/v1/refunds", with_each(REFUND, "amount", NOT_AMOUNTS), 422, "invalid", field="amount"
        )

    def test_is_refused_without_a_currency_that_exists(self, shop: Shop) -> None:
        assert_all_refused(
            shop, "/v1/refunds", with_each(REFUND, "currency", NOT_CURRENCIES), 422, "invalid", field="currency"
        )

    def test_is_refused_without_its_other_half(self, shop: Shop) -> None:
        halves = {missing: changed(REFUND, missing) for missing in ("amount", "currency")}

        assert_all_refused(shop, "/v1/refunds", halves, 422, "invalid", field="currency")

    @pytest.mark.bad_input("B18")
    def test_is_refused_in_another_currency_than_was_charged(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})

        with nothing_changes():
            answer = world.shop.post("/v1/refunds", changed(REFUND, "currency", "USD"), key="k")

        assert_problem(answer, 422, "currency_mismatch", field="currency")
