"""Payments that something can still be done about: where one is used up, the shop sells another.

A request drawn at random names nothing that is there, and what can be captured, called off or refunded once is used up
by the first that does. So a right request is led to the stock, with amounts that fit and amounts that are odd.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from payments.models import Checkout
from payments.states import OrderState
from tests.world import World

# What one order costs, by currency: enough for many a part, and less than a second person has to agree to.
PRICES = {"EUR": "400.00", "BHD": "90.000", "JPY": "9000"}
# Parts of it, and more than it, with the decimals of another currency, and with those that a provider does not take.
FIT = {"EUR": ("1.50", "2.05", "9.00"), "BHD": ("0.500", "1.230", "2.010"), "JPY": ("60", "77", "100")}
ODD = ("0.01", "0.010", "0.011", "1", "1.5", "2.50", "7.1", "0", "0.00", "399.99", "400.01", "9000", "10000000")


@dataclass(kw_only=True)
class Stock:
    """What the shop of the stage sells when a request needs it."""

    world: World
    checkouts: dict[str, str] = field(default_factory=dict)

    def checkout(self, kind: str) -> str:
        """Return the id of a checkout of a kind (`reserved`, `open`, `paid-EUR`) that is not used up."""
        make, fresh = self._kind(kind)
        current = self.checkouts.get(kind)
        if current is None or not fresh(Checkout.objects.get(checkout_id=current)):
            number = Checkout.objects.filter(checkout_id__startswith=f"{kind}-").count() + 1
            current = self.checkouts[kind] = f"{kind}-{number}"
            make(current)
        return current

    def parts(self, checkout_id: str) -> list[dict[str, str]]:
        """Return the orders of a checkout as a capture and a refund name them."""
        orders = Checkout.objects.get(checkout_id=checkout_id).orders.exclude(state=OrderState.CANCELED).order_by("pk")
        return [
            {"payment_order_id": one.payment_order_id, "amount": one.amount.text, "currency": one.currency}
            for one in orders
        ]

    def order(self, checkout_id: str) -> str:
        """Return the id of the first order of a checkout."""
        return self.parts(checkout_id)[0]["payment_order_id"]

    def _kind(self, kind: str) -> tuple[Callable[[str], Any], Callable[[Checkout], bool]]:
        if kind == "reserved":
            return self._reserve, _is_reserved
        if kind == "open":
            return self._open, _is_open
        currency = kind.removeprefix("paid-")
        return lambda name: self._sell(name, currency), _is_paid

    def _open(self, checkout_id: str) -> None:
        created = self.world.order(checkout_id, {"ann": PRICES["EUR"], "bob": "9.00"})
        assert created.status_code == 201, created.content

    def _reserve(self, checkout_id: str) -> None:
        created = self.world.order(checkout_id, {"ann": PRICES["EUR"], "bob": "9.00"}, capture_method="manual")
        assert created.status_code == 201, created.content
        self.world.pay(created)
        self.world.settle()

    def _sell(self, checkout_id: str, currency: str) -> None:
        self.world.sell(checkout_id, {"ann": PRICES[currency]}, currency=currency)


def _is_reserved(checkout: Checkout) -> bool:
    waiting = checkout.orders.filter(state=OrderState.AUTHORIZED)
    return any(order.captured_minor < order.amount_minor for order in waiting)


def _is_open(checkout: Checkout) -> bool:
    return checkout.orders.filter(state=OrderState.EXECUTING).exists()


def _is_paid(checkout: Checkout) -> bool:
    return all(order.refunded_minor < order.captured_minor for order in checkout.orders.all())
