"""Trade over HTTP at a steady rate: orders that are created, paid on the provider's page, and told by its webhooks.

`python -m benchmarks.http_trade URL KEY RATE SECONDS THREADS` prints how many were offered, created, paid, and which.
"""

import json
import sys
import threading
import time
from itertools import count
from typing import Any

import urllib3

from config.web_server import RETRY_AFTER_S
from sandbox.storefront.buyer import Buyer, PageUnreadable
from sandbox.storefront.shop import Basket, Shop, ShopRefused

SELLERS = 50
# How often a shop repeats what the server was too busy for.
_TRIES = 5
# The demo storefront's published key (config/demo/storefronts.py).
KEY = "cf_test_demo_0123456789abcdefghijklmnop"


def seller(number: int) -> str:
    """Return the name of one of the sellers."""
    return f"bench-{number % SELLERS}"


def open_sellers(url: str, key: str) -> None:
    """Make the sellers known."""
    shop = Shop(url, key)
    for number in range(SELLERS):
        shop.register_seller(seller_id=seller(number), name=f"Seller {number}", country="DE")


class Trade:
    """What was offered, and what came of it."""

    def __init__(self, url: str, key: str, *, rate: float, seconds: float) -> None:
        self._url, self._key, self._rate, self._seconds = url, key, rate, seconds
        self._numbers, self._lock = count(), threading.Lock()
        self._run = f"t{time.time_ns()}"
        self.offered = self.created = self.late = self.repeated = 0
        self.paid: list[str] = []
        self.failed: list[str] = []

    def run(self, threads: int) -> dict[str, Any]:
        """Trade with so many buyers at once and return the counts."""
        self._started = time.perf_counter()
        buyers = [threading.Thread(target=self._buy) for _ in range(threads)]
        for buyer in buyers:
            buyer.start()
        for buyer in buyers:
            buyer.join()
        return {
            "offered": self.offered,
            "created": self.created,
            "late": self.late,
            "repeated": self.repeated,
            "paid": self.paid,
            "failed": self.failed[:20],
            "seconds": time.perf_counter() - self._started,
        }

    def _buy(self) -> None:
        shop, buyer = Shop(self._url, self._key), Buyer()
        while True:
            with self._lock:
                number = next(self._numbers)
            due = number / self._rate
            if due >= self._seconds:
                return
            waited = time.perf_counter() - self._started - due
            time.sleep(max(0.0, -waited))
            name = f"{self._run}-{number}"
            with self._lock:
                self.offered += 1
                self.late += waited > 1
            try:
                self._one(shop, buyer, name, number)
            except (urllib3.exceptions.HTTPError, ShopRefused, PageUnreadable) as error:
                with self._lock:
                    self.failed.append(f"{name}: {error}"[:200])

    def _one(self, shop: Shop, buyer: Buyer, name: str, number: int) -> None:
        basket = Basket(payment_order_id=name, seller_account=seller(number), amount="25.00", currency="EUR")
        created = self._ordered(shop, name, basket)
        with self._lock:
            self.created += 1
        outcome = buyer.pay(url=created["payment_page"]["url"])
        if outcome.status == "paid":
            with self._lock:
                self.paid.append(name)

    def _ordered(self, shop: Shop, name: str, basket: Basket) -> dict[str, Any]:
        """Create a payment as a shop does: whoever is told to come back sends the same again, under the same key."""
        for _ in range(_TRIES):
            try:
                return shop.create_payment(checkout_id=name, buyer_id="bea", baskets=[basket], key=name)
            except ShopRefused as refused:
                if refused.status != 503:
                    raise
            with self._lock:
                self.repeated += 1
            time.sleep(RETRY_AFTER_S)
        return shop.create_payment(checkout_id=name, buyer_id="bea", baskets=[basket], key=name)


if __name__ == "__main__":
    trade = Trade(sys.argv[1], sys.argv[2], rate=float(sys.argv[3]), seconds=float(sys.argv[4]))
    print(json.dumps(trade.run(int(sys.argv[5]))))
