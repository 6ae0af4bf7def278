"""What each story of the matrix is made of, and what all of them are judged by.

Each story is told so that it may break anywhere and be told again: everything that shop and buyer do, they do once more
under the same key. What came of it is judged by the provider's own record first, and by our books second.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django.utils import timezone

from ledger.selectors import count_entries
from ledger.services import verify_books
from operations.edges import money_tx
from operations.services import withdraw
from payments.models import Checkout, Seller
from payments.services import tidy_up
from tests.ledger_text import assert_posted
from tests.world import World

SELLER = {"seller_id": "ann", "name": "Ann", "country": "DE"}
Tables = Mapping[str, str]

SOLD: Tables = {
    "payment_captured": """
        debit   psp:stripe:clearing  100.00 EUR
        credit  seller:ann:pending    90.00 EUR
        credit  platform:commission   10.00 EUR
    """,
    "provider_fee_charged": """
        debit   psp:stripe:fees        3.20 EUR
        credit  psp:stripe:clearing    3.20 EUR
    """,
}
JOBS = ("jobs.claim", "jobs.settle")
INBOX = ("webhooks.receive",)


class Story:
    """One thing that a shop wants done, from before it was asked for to the end."""

    name: ClassVar[str]
    #: The provider's operations that go wrong at their first call: those that do something, and those that tell.
    writes: ClassVar[tuple[str, ...]]
    reads: ClassVar[tuple[str, ...]]
    #: Those of them whose amounts we have nothing of our own to hold against.
    unchecked: ClassVar[tuple[str, ...]] = ()
    #: The transactions and calls by which the story itself goes on, and those that it shares with every other.
    transactions: ClassVar[tuple[str, ...]]
    shared: ClassVar[tuple[str, ...]] = (*JOBS, *INBOX)
    calls: ClassVar[tuple[str, ...]]
    #: The calls that do something and are looked up before they are made again; what only a webhook leads to.
    acts: ClassVar[tuple[str, ...]]
    by_webhook: ClassVar[tuple[str, ...]] = ()
    #: The transactions and calls that are passed more than once even when nothing crashes.
    repeated: ClassVar[tuple[str, ...]]
    #: Whether it is a way that few payments take: what it shares with the straight one is crossed there.
    detour: ClassVar[bool] = False
    #: Whether the provider has messages about it.
    tells: ClassVar[bool] = True
    #: How much time passes from one try to the next.
    pace: ClassVar[timedelta] = timedelta(minutes=5)
    #: The settings that are other than usual.
    under: ClassVar[Mapping[str, Any]] = {}

    def prepare(self, world: World) -> None:
        """Do what comes before the story; nothing crashes there."""

    def go(self, world: World) -> Any:
        """Do what shop and buyer do, or do it again, and return the last answer."""
        raise NotImplementedError

    def ended(self, world: World) -> bool:
        """Tell whether the story has come to its end, as a client could know."""
        raise NotImplementedError

    def judge(self, world: World) -> None:
        """Assert that it was done exactly once."""
        raise NotImplementedError

    def points(self) -> list[str]:
        """Return every failpoint of the story."""
        return [*_around_calls(self.calls), *_around((*self.transactions, *self.shared))]

    def common(self) -> list[str]:
        """Return the failpoints that it shares with every other."""
        return _around(self.shared)

    def twice(self) -> list[str]:
        """Return the failpoints that are passed more than once even when nothing crashes."""
        return [point for point in self.points() if point.split(":")[1] in self.repeated]


def _around(transactions: tuple[str, ...]) -> list[str]:
    return [f"money_tx:{name}:{moment}" for name in transactions for moment in ("before_commit", "after_commit")]


def _around_calls(calls: tuple[str, ...]) -> list[str]:
    return [f"psp.call:{name}:{moment}" for name in calls for moment in ("before_send", "after_response")]


def make_known(world: World) -> None:
    """Make the seller known to us alone: of these stories none needs her account at the provider."""
    assert world.shop.post("/v1/sellers", SELLER).status_code == 201
    with money_tx("test"):
        withdraw(kind="payments.open_seller_account", key=Seller.objects.get().pk, now=timezone.now())


def judge_books(tables: Tables, *, entries: int | None = None) -> None:
    """Assert that the books hold these entries and no other, and are right; and that the janitor finds nothing.

    `entries` is how many they are where a table stands for more than one.
    """
    names = {seller.id: "ann" for seller in Seller.objects.all()}
    assert_posted(f"checkout:{Checkout.objects.get().pk}", tables, names=names)
    assert count_entries() == (entries or len(tables))
    found = tidy_up(now=timezone.now())
    assert (found.revived, found.asked) == (0, 0)
    assert verify_books(actor="system:test", now=timezone.now()).green


def charges(world: World) -> list[tuple[str, int, int]]:
    """Return what the provider's record says of every charge: its state, what was taken, and what was given back."""
    found = world.provider.ledger()["charges"]
    return [(charge["status"], charge["amount_captured"], charge["amount_refunded"]) for charge in found]
