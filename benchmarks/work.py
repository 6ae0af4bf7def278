"""What a client does once, by kind: always through the public doors, with every guard on."""

import random
from collections.abc import Callable

from django.utils import timezone

from benchmarks.clients import BATCH, SELLERS
from ledger import recipes
from ledger.entries import Entry
from ledger.money import Money
from ledger.posting import write
from ledger.services import post, post_batch
from operations.edges import money_tx

CURRENCY = "EUR"


def seller(number: int) -> str:
    """Return the name of one of the sellers."""
    return f"s{number:05d}"


def fund() -> None:
    """Give every seller pending money, so that no transfer is refused."""
    amount = Money(10**12, CURRENCY)
    for first in range(0, SELLERS, 100):
        sales = [
            recipes.Sale(order=f"fund-{n}", seller=seller(n), gross=amount, commission=Money(0, CURRENCY))
            for n in range(first, first + 100)
        ]
        with money_tx("bench.fund"):
            entry = recipes.payment_captured(psp="bench", charge=f"fund-{first}", sales=sales)
            post(entry, actor="system:bench", now=timezone.now())
            for n in range(first, first + 100):
                released = recipes.funds_released(seller=seller(n), order=f"fund-{n}", amount=Money(1, CURRENCY))
                post(released, actor="system:bench", now=timezone.now())


def make(kind: str, chance: random.Random, name: str) -> tuple[Callable[[int], None], int]:
    """Return one step of a kind of work, and how many transfers it makes.

    `one` posts in one round trip; `tx` in a transaction of Django's, as the application does it beside the change
    of a state; `batch` posts a hundred at once.
    """

    def transfer(number: object) -> Entry:
        """Move money between two of 10,000 guarded accounts."""
        return recipes.funds_released(
            seller=seller(chance.randrange(SELLERS)),
            order=f"{name}-{number}",
            amount=Money(chance.randint(1, 1000), CURRENCY),
        )

    def capture(number: object) -> Entry:
        """Book a sale: two hot accounts of the platform and one of 5,000 sellers."""
        sale = recipes.Sale(
            order=f"{name}-{number}",
            seller=seller(chance.randrange(SELLERS)),
            gross=Money(chance.randint(1000, 9000), CURRENCY),
            commission=Money(100, CURRENCY),
        )
        return recipes.payment_captured(psp="bench", charge=f"{name}-{number}", sales=[sale])

    def one(entry: Entry) -> None:
        write(entry, actor="system:bench", now=timezone.now())

    def tx(entry: Entry) -> None:
        with money_tx("bench"):
            post(entry, actor="system:bench", now=timezone.now())

    def batch(number: int) -> None:
        entries = [transfer(f"{number}-{position}") for position in range(BATCH)]
        with money_tx("bench"):
            post_batch(entries, actor="system:bench", now=timezone.now())

    return {
        "random": (lambda number: one(transfer(number)), 1),
        "random_tx": (lambda number: tx(transfer(number)), 1),
        "capture": (lambda number: one(capture(number)), 1),
        "capture_tx": (lambda number: tx(capture(number)), 1),
        "batch": (batch, BATCH),
    }[kind]
