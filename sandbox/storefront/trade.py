"""Playing carts through a payment API: the shop's backend and its buyers, several at a time."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sandbox.storefront.buyer import Buyer
from sandbox.storefront.carts import Cart
from sandbox.storefront.shop import Basket, Json, Shop

# Success, and the money is available at once: the provider's test card for this.
CARD = "4000000000000077"
_PAID, _HELD, _ON_THE_WAY = "SUCCESS", "IN_REVIEW", ("NOT_STARTED", "UNKNOWN")
T = TypeVar("T")
Progress = Callable[[], object]


class NotPaid(Exception):
    """A buyer paid, and the order did not become paid in time."""

    def __init__(self, *, payment_order_id: str, status: str) -> None:
        super().__init__(f"The payment {payment_order_id} is {status} although its buyer paid.")
        self.payment_order_id = payment_order_id
        self.status = status


class NoPage(Exception):
    """A payment was created, and the page to pay it on did not come in time."""

    def __init__(self, *, checkout_id: str) -> None:
        super().__init__(f"The payment of {checkout_id} has no page yet: does a worker run, and the provider answer?")
        self.checkout_id = checkout_id


@dataclass(kw_only=True)
class Trade:
    """A trading day: where the shop's API is, and how a cart is paid.

    `cards` are tried in turn on one page, as a buyer does whose first card is refused. A cart whose id is in
    `abandoned` is never paid, and neither is one that was `held`: there was no page, as somebody must look at it first.
    """

    base_url: str
    api_key: str
    currency: str
    buyers: int = 6
    cards: Callable[[Cart], Sequence[str]] = field(default=lambda cart: (CARD,))
    abandoned: frozenset[str] = frozenset()
    patience_s: float = 120
    held: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self._local = threading.local()

    def register_sellers(self, sellers: Iterable[tuple[str, str, str]], *, done: Progress) -> None:
        """Make sellers known: (id, name, country) each."""
        self._each(
            lambda who: self._shop().register_seller(seller_id=who[0], name=who[1], country=who[2]), sellers, done
        )

    def place_and_pay(self, carts: Iterable[Cart], *, done: Progress) -> None:
        """Create each cart's payment and let its buyer pay; a cart that is paid already is left alone."""
        self._each(self._place_and_pay, carts, done)

    def wait_until_paid(self, carts: Iterable[Cart], *, done: Progress) -> None:
        """Return when every payment order of the carts is paid. Raises NotPaid."""
        deadline = time.monotonic() + self.patience_s
        self._each(lambda cart: self._wait(cart, deadline), carts, done)

    def deliver(self, carts: Iterable[Cart], *, done: Progress) -> None:
        """Report each delivered cart's orders as delivered, as recorded, but not before they were ordered."""
        self._each(self._deliver, [cart for cart in carts if cart.delivered_at and self._went_on(cart)], done)

    def refund_canceled(self, carts: Iterable[Cart], *, done: Progress) -> None:
        """Refund each canceled cart's orders in full."""
        self._each(self._refund, [cart for cart in carts if cart.canceled and self._went_on(cart)], done)

    def _went_on(self, cart: Cart) -> bool:
        return cart.order_id not in self.abandoned | self.held

    def _each(self, act: Callable[[T], object], things: Iterable[T], done: Progress) -> None:
        with ThreadPoolExecutor(max_workers=self.buyers) as pool:
            for _ in pool.map(act, things):
                done()

    def _shop(self) -> Shop:
        if not hasattr(self._local, "shop"):
            self._local.shop = Shop(self.base_url, self.api_key)
        shop: Shop = self._local.shop
        return shop

    def _buyer(self) -> Buyer:
        if not hasattr(self._local, "buyer"):
            self._local.buyer = Buyer()
        buyer: Buyer = self._local.buyer
        return buyer

    def _place_and_pay(self, cart: Cart) -> None:
        payment = self._place(cart)
        states = {order["status"] for order in payment["payment_orders"]}
        if cart.order_id in self.abandoned or states == {_PAID}:
            return
        if states == {_HELD}:
            self.held.add(cart.order_id)
            return
        for card in self.cards(cart):
            outcome = self._buyer().pay(url=payment["payment_page"]["url"], card=card)
            if outcome.status != "declined":
                return

    def _place(self, cart: Cart) -> Json:
        """Create the payment; where its page is not there yet, ask again under the same key. Raises NoPage."""
        ids = cart.payment_order_ids()
        baskets = [
            Basket(payment_order_id=ids[seller], seller_account=seller, amount=f"{total:f}", currency=self.currency)
            for seller, total in cart.sellers.items()
        ]
        deadline = time.monotonic() + self.patience_s
        while True:
            payment = self._shop().create_payment(
                checkout_id=cart.order_id, buyer_id=cart.buyer_id, baskets=baskets, key=cart.order_id
            )
            if payment["payment_page"] or payment["payment_orders"][0]["status"] not in _ON_THE_WAY:
                return payment
            if time.monotonic() > deadline:
                raise NoPage(checkout_id=cart.order_id)
            time.sleep(0.2)

    def _wait(self, cart: Cart, deadline: float) -> None:
        if not self._went_on(cart):
            return
        for payment_order_id in cart.payment_order_ids().values():
            while (status := self._status(payment_order_id)) != _PAID:
                if time.monotonic() > deadline:
                    raise NotPaid(payment_order_id=payment_order_id, status=status)
                time.sleep(0.1)

    def _status(self, payment_order_id: str) -> str:
        return str(self._shop().payment(payment_order_id)["status"])

    def _deliver(self, cart: Cart) -> None:
        for payment_order_id in cart.payment_order_ids().values():
            ordered_at = str(self._shop().payment(payment_order_id)["created_at"])
            delivered_at = max(cart.delivered_at, ordered_at, key=datetime.fromisoformat)
            self._shop().report_delivery(payment_order_id=payment_order_id, delivered_at=delivered_at)

    def _refund(self, cart: Cart) -> None:
        for payment_order_id in cart.payment_order_ids().values():
            self._shop().refund(
                payment_order_id=payment_order_id, reason="order canceled", key=f"cancel:{payment_order_id}"
            )
