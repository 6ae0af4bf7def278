"""Invented carts of a believable day: the same seed invents the same day."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sandbox.storefront.carts import Cart
from sandbox.storefront.trade import CARD

SELLERS = (
    ("alder-books", "Alder & Sons Books", "DE"),
    ("bergamot-tea", "Bergamot Tea House", "FR"),
    ("casa-ceramics", "Casa Ceramics", "ES"),
    ("dunes-outdoor", "Dunes Outdoor", "NL"),
    ("elm-furniture", "Elm Street Furniture", "AT"),
    ("fjord-knits", "Fjord Knits", "FI"),
    ("garden-party", "Garden Party", "BE"),
    ("hazel-toys", "Hazel Toys", "IE"),
)
INSUFFICIENT_FUNDS = "4000000000009995"
GENERIC_DECLINE = "4000000000000002"


@dataclass(frozen=True, kw_only=True)
class InventedDay:
    """Carts, which cards each buyer tries, and who walks away without paying."""

    carts: list[Cart]
    cards: dict[str, Sequence[str]]
    abandoned: frozenset[str]


def invent_day(*, run: str, orders: int, delivered_at: str, seed: int = 7) -> InventedDay:
    """Invent a day of orders. `run` makes their ids unique, `delivered_at` dates the deliveries."""
    dice = random.Random(seed)
    carts: list[Cart] = []
    cards: dict[str, Sequence[str]] = {}
    abandoned: set[str] = set()
    for number in range(1, orders + 1):
        order_id = f"{run}-{number:04d}"
        fate = dice.random()
        canceled = 0.03 <= fate < 0.06
        chosen = dice.sample([seller for seller, _, _ in SELLERS], k=dice.choices((1, 2, 3), weights=(80, 15, 5))[0])
        cart = Cart(
            order_id=order_id,
            buyer_id=f"buyer-{dice.randrange(1, 900):04d}",
            sellers={seller: Decimal(dice.randrange(590, 24_000)).scaleb(-2) for seller in chosen},
            delivered_at="" if canceled or fate > 0.85 else delivered_at,
            canceled=canceled,
        )
        carts.append(cart)
        if fate < 0.03:
            abandoned.add(order_id)
        cards[order_id] = _cards(dice)
    kept = [
        cart if cart.order_id not in abandoned else Cart(**{**vars(cart), "delivered_at": "", "canceled": False})
        for cart in carts
    ]
    return InventedDay(carts=kept, cards=cards, abandoned=frozenset(abandoned))


def _cards(dice: random.Random) -> Sequence[str]:
    """Return the cards a buyer tries: one in twelve is refused first."""
    if dice.random() < 1 / 12:
        return (dice.choice((INSUFFICIENT_FUNDS, GENERIC_DECLINE)), CARD)
    return (CARD,)
