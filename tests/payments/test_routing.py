"""Which provider takes a new checkout: by storefront and currency, in order, less whoever cannot do what is asked."""

from dataclasses import replace
from typing import Any

import pytest

from payments.gateway.mollie_adapter import MollieGateway
from payments.models import Attempt, Seller
from payments.services.routing import route
from tests.api.problems import assert_problem
from tests.payments.mollie_stand_in import Mollie
from tests.payments.mollie_world import mollie
from tests.snapshot import nothing_changes
from tests.world import World

__all__ = ["mollie"]

ROUTES = {
    "*": ["stripe", "mollie"],
    "*/BRL": ["stripe"],
    "acme": ["mollie", "stripe"],
    "acme/USD": ["mollie"],
}


class TestARoute:
    @pytest.mark.parametrize(
        ("storefront", "currency", "order"),
        [
            ("acme", "USD", ["mollie"]),
            ("acme", "EUR", ["mollie", "stripe"]),
            ("acme", "BRL", ["mollie", "stripe"]),
            ("bolt", "BRL", ["stripe"]),
            ("bolt", "EUR", ["stripe", "mollie"]),
        ],
    )
    def test_is_the_narrowest_entrys_and_a_storefronts_before_a_currencys(
        self, storefront: str, currency: str, order: list[str]
    ) -> None:
        assert route(ROUTES, storefront=storefront, currency=currency) == order

    def test_leads_nowhere_where_no_entry_fits(self) -> None:
        assert route({"bolt": ["stripe"]}, storefront="acme", currency="EUR") == []


class TestANewCheckout:
    def test_goes_to_the_provider_that_is_preferred(
        self, world: World, ann: Seller, mollie: Mollie, settings: Any
    ) -> None:
        settings.PSP_ROUTES = ROUTES

        world.order("cart-1", {"ann": "10.00"})

        assert (Attempt.objects.get().psp, len(mollie.payments)) == ("mollie", 1)

    def test_goes_on_to_the_next_where_the_first_does_not_take_the_currency(
        self, world: World, ann: Seller, mollie: Mollie, settings: Any
    ) -> None:
        settings.PSP_ROUTES = ROUTES

        assert world.order("cart-1", {"ann": "10.000"}, currency="BHD").status_code == 201

        assert (Attempt.objects.get().psp, mollie.calls) == ("stripe", [])

    def test_goes_on_to_the_next_where_the_firsts_page_cannot_be_embedded(
        self, world: World, ann: Seller, mollie: Mollie, settings: Any
    ) -> None:
        settings.PSP_ROUTES, settings.CHECKOUT_PAGE = ROUTES, "embedded"

        world.order("cart-1", {"ann": "10.00"})

        assert (Attempt.objects.get().psp, mollie.calls) == ("stripe", [])

    @pytest.mark.bad_input("B14-B16")
    def test_is_refused_with_each_providers_reason_where_none_is_left(
        self, world: World, ann: Seller, mollie: Mollie, settings: Any
    ) -> None:
        settings.PSP_ROUTES = ROUTES

        with nothing_changes():
            answer = world.order("cart-1", {"ann": "10.001"}, currency="BHD")

        problem = assert_problem(answer, 422, "no_provider", field="payment_orders[0].currency")
        assert problem["detail"] == (
            "No payment provider can take this payment: mollie does not take BHD; "
            "The provider stripe takes BHD only in steps of 0.010, and 10.001 is none."
        )

    def test_that_wants_to_be_captured_later_is_refused_by_that_field_where_nobody_can(
        self, world: World, ann: Seller, mollie: Mollie, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(MollieGateway, "abilities", replace(MollieGateway.abilities, manual_capture=False))

        with nothing_changes():
            answer = world.order("cart-1", {"ann": "10.00"}, capture_method="manual")

        assert_problem(answer, 422, "no_provider", field="capture_method")
        assert mollie.calls == []

    def test_in_a_currency_that_no_route_is_for_is_refused(self, world: World, ann: Seller, settings: Any) -> None:
        settings.PSP_ROUTES = {"acme/EUR": ["stripe"]}

        assert_problem(world.order("cart-1", {"ann": "10.00"}, currency="USD"), 422, "no_provider")


class TestAReplacedCart:
    def test_has_its_page_where_the_old_one_was(self, world: World, ann: Seller, mollie: Mollie, settings: Any) -> None:
        world.order("cart-1", {"ann": "10.00"})
        settings.PSP_ROUTES = {"*": ["stripe"]}
        order = {"payment_order_id": "new", "seller_account": "ann", "amount": "7.00", "currency": "EUR"}

        answer = world.shop.post("/v1/payments/cart-1/replace", {"payment_orders": [order]}, key="replace")

        assert answer.status_code == 200
        assert [attempt.psp for attempt in Attempt.objects.order_by("number")] == ["mollie", "mollie"]
        assert answer.json()["payment_page"]["url"].startswith(mollie.base_url)
