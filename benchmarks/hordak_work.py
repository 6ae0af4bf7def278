"""The same transfers with django-hordak: an account's `transfer_to`, in a transaction, on accounts of its own."""

import random
from collections.abc import Callable

from django.db import transaction
from hordak.models import Account
from moneyed import Money

ACCOUNTS = 10_000


def seed() -> None:
    """Open the accounts: 10,000 to choose from, and one that takes part in every hot transfer.

    In bulk, each the root of a tree of its own: one by one, hordak's tree takes ten minutes.
    """
    Account.objects.bulk_create(
        Account(
            name=f"a{number}",
            code=str(number),
            type="LI",
            currencies=["EUR"],
            lft=1,
            rght=2,
            level=0,
            tree_id=number + 1,
        )
        for number in range(ACCOUNTS + 1)
    )


def make(kind: str, chance: random.Random, name: str) -> tuple[Callable[[int], None], int]:
    """Return one step of a kind of work, and how many transfers it makes."""
    ids = list(Account.objects.order_by("id").values_list("id", flat=True))
    accounts = Account.objects.in_bulk(ids)
    hot = accounts[ids[-1]]

    def step(_: int) -> None:
        first, second = chance.sample(ids[:-1], 2)
        amount = Money(chance.randint(1, 1000), "EUR")
        with transaction.atomic():
            accounts[first].transfer_to(hot if kind == "hordak_hot" else accounts[second], amount, description=name)

    return step, 1
