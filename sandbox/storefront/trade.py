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
from sandbox.storefront.shop import Basket, Shop

# Success, and the money is available at once: the provider's test card for this.
CARD = "4000000000000077"
_PAID = "SUCCESS"
T = TypeVar("T")
Progress = Callable[[], object]


class NotPaid(Exception):
    """A buyer paid, and the order did not become paid in time."""

    def __init__(self, *, payment_order_id: str, status: str) -> None:
        super().__init__(f"The payment {payment_order_id} is {status} although its buyer paid.")
        self.payment_order_id = payment_order_id
        self.status = status


@dataclass(kw_only=True)
class Trade:
    """A trading day: where the shop's API is, and how a cart is paid.

    `cards` are tried in turn on one page, as a buyer does whose first card is refused. A cart whose id is in
    `abandoned` is never paid.
    """

    base_url: str
    api_key: str
    currency: str
    buyers: int = 6
    cards: Callable[[Cart], Sequence[str]] = field(default=lambda cart: (CARD,))
    abandoned: frozenset[str] = frozenset()
    patience_s: float = 120

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
        self._each(self._deliver, [cart for cart in carts if cart.delivered_at], done)

    def refund_canceled(self, carts: Iterable[Cart], *, done: Progress) -> None:
        """Refund each canceled cart's orders in full."""
        self._each(self._refund, [cart for cart in carts if cart.canceled], done)

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
        ids = cart.payment_order_ids()
        baskets = [
            Basket(payment_order_id=ids[seller], seller_account=seller, amount=f"{total:f}", currency=self.currency)
            for seller, total in cart.sellers.items()
        ]
        payment = self._shop().create_payment(
            checkout_id=cart.order_id, buyer_id=cart.buyer_id, baskets=baskets, key=cart.order_id
        )
        if cart.order_id in self.abandoned or self._status(next(iter(ids.values()))) == _PAID:
            return
        for card in self.cards(cart):
            outcome = self._buyer().pay(url=payment["payment_page"]["url"], card=card)
            if outcome.status != "declined":
                return

    def _wait(self, cart: Cart, deadline: float) -> None:
        if cart.order_id in self.abandoned:
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
