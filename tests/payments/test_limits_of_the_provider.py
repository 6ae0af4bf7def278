"""Amounts below the provider's least, and above its most: refused before it is asked."""

from typing import Any

import pytest

from ledger.money import Money
from payments.gateway import provider
from payments.gateway.abilities import STRIPE_CURRENCIES
from payments.gateway.currencies import to_stripe
from payments.models import Attempt, Seller
from sandbox.provider import money as stand_in
from sandbox.provider.errors import InvalidRequest
from tests.api.problems import assert_problem
from tests.payments.mollie_stand_in import Mollie
from tests.payments.mollie_world import mollie
from tests.snapshot import nothing_changes
from tests.world import World

__all__ = ["mollie"]

TOO_SMALL, TOO_LARGE = "amount_too_small", "amount_too_large"
ONE = "payment_orders[0].amount"
# What is just not charged, and what just is.
LEAST = [("0.49", "0.50", "EUR"), ("0.49", "0.50", "USD"), ("0.29", "0.30", "GBP"), ("49", "50", "JPY")]
MOST = [
    ("1000000.00", "999999.99", "EUR"),
    ("100000000", "99999999", "JPY"),
    ("1000000", "999999", "ISK"),
    ("100000.000", "99999.990", "BHD"),
    ("100000000.00", "99999999.00", "MGA"),
    ("10000000000.00", "9999999999.99", "IDR"),
]


def replace(world: World, *amounts: str) -> Any:
    """Ask for another cart of ann's and bob's."""
    orders = [
        {"payment_order_id": f"cart-1.{name}.2", "seller_account": name, "amount": amount, "currency": "EUR"}
        for name, amount in zip(("ann", "bob"), amounts, strict=False)
    ]
    return world.shop.post("/v1/payments/cart-1/replace", {"payment_orders": orders}, key="x1")


class TestAPayment:
    @pytest.mark.parametrize(("amount", "least", "currency"), LEAST)
    def test_below_the_least_is_refused_by_its_amount_and_leaves_nothing(
        self, world: World, ann: Seller, amount: str, least: str, currency: str
    ) -> None:
        with nothing_changes():
            answer = world.order("cart-1", {"ann": amount}, currency=currency)

        problem = assert_problem(answer, 422, TOO_SMALL, field=ONE)
        assert problem["detail"] == f"The provider stripe charges at least {least} {currency}, and this is {amount}."
        assert world.order("cart-1", {"ann": least}, currency=currency).status_code == 201

    @pytest.mark.parametrize(("amount", "most", "currency"), MOST)
    def test_above_the_most_is_refused_by_its_amount_and_leaves_nothing(
        self, world: World, ann: Seller, amount: str, most: str, currency: str
    ) -> None:
        with nothing_changes():
            answer = world.order("cart-1", {"ann": amount}, currency=currency)

        problem = assert_problem(answer, 422, TOO_LARGE, field=ONE)
        assert problem["detail"] == f"The provider stripe charges at most {most} {currency}, and this is {amount}."
        assert world.order("cart-1", {"ann": most}, currency=currency).status_code == 201

    def test_is_measured_by_the_sum_of_its_orders(self, world: World, ann: Seller, bob: Seller) -> None:
        assert world.order("cart-1", {"ann": "0.20", "bob": "0.30"}).status_code == 201

        with nothing_changes():
            small = world.order("cart-2", {"ann": "0.20", "bob": "0.29"})
            large = world.order("cart-3", {"ann": "500000.00", "bob": "500000.00"})
            one = world.order("cart-4", {"ann": "5.00", "bob": "1000000.00"})

        assert_problem(small, 422, TOO_SMALL, field="payment_orders")
        assert_problem(large, 422, TOO_LARGE, field="payment_orders")
        assert_problem(one, 422, TOO_LARGE, field="payment_orders[1].amount")

    def test_goes_on_to_a_provider_that_charges_it(
        self, world: World, ann: Seller, mollie: Mollie, settings: Any
    ) -> None:
        settings.PSP_ROUTES = {"*": ["stripe", "mollie"]}

        assert world.order("cart-1", {"ann": "0.10"}).status_code == 201

        assert (Attempt.objects.get().psp, world.provider.ledger()["sessions"]) == ("mollie", [])

    def test_has_no_least_in_a_currency_in_which_the_account_does_not_settle(
        self, world: World, ann: Seller, settings: Any
    ) -> None:
        settings.STRIPE_SETTLEMENT_CURRENCIES = ["GBP"]

        assert provider("stripe").limits_of("USD").least is None
        assert_problem(world.order("cart-1", {"ann": "0.29"}, currency="GBP"), 422, TOO_SMALL, field=ONE)


class TestWhatTheProviderRefusesAllTheSame:
    def test_is_named_by_its_amount(self, world: World, ann: Seller) -> None:
        refused = world.order("cart-1", {"ann": "0.01"}, currency="CNY")
        again = world.order("cart-1", {"ann": "0.01"}, currency="CNY")

        assert_problem(refused, 422, "provider_refused", field=ONE)
        assert_problem(again, 422, "provider_refused", field=ONE)

    def test_is_named_by_the_orders_where_there_are_several(self, world: World, ann: Seller, bob: Seller) -> None:
        refused = world.order("cart-1", {"ann": "0.01", "bob": "0.01"}, currency="CNY")

        assert_problem(refused, 422, "provider_refused", field="payment_orders")


class TestAReplacedCart:
    @pytest.mark.parametrize(
        ("amounts", "code", "field"),
        [
            (("0.49",), TOO_SMALL, ONE),
            (("1000000.00",), TOO_LARGE, ONE),
            (("0.20", "0.20"), TOO_SMALL, "payment_orders"),
        ],
    )
    def test_is_refused_while_the_old_one_stays_payable(
        self, world: World, ann: Seller, bob: Seller, amounts: tuple[str, ...], code: str, field: str
    ) -> None:
        created = world.order("cart-1", {"ann": "10.00"})

        with nothing_changes():
            answer = replace(world, *amounts)

        assert_problem(answer, 422, code, field=field)
        assert world.pay(created).status == "paid"


class TestTheTable:
    def test_refuses_nothing_that_the_stand_in_charges(self, settings: Any) -> None:
        settings.STRIPE_SETTLEMENT_CURRENCIES = sorted(STRIPE_CURRENCIES)

        for currency in sorted({code.upper() for code in stand_in.CURRENCIES} & STRIPE_CURRENCIES):
            limits = provider("stripe").limits_of(currency)
            least = limits.least or smallest(currency)
            assert limits.most is not None
            for beyond in (least - smallest(currency), limits.most + smallest(currency)):
                assert not charged_there(beyond), beyond
            assert charged_there(limits.most)
            assert charged_there(least) or limits.least is None


def smallest(currency: str) -> Money:
    """Return the smallest step in which Stripe takes a currency."""
    return Money(provider("stripe").step_of(currency), currency)


def charged_there(amount: Money) -> bool:
    """Tell whether the stand-in charges an amount."""
    try:
        stand_in.check_charge(to_stripe(amount), amount.currency.lower())
    except InvalidRequest:
        return False
    return True
