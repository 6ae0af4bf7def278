"""Payouts that come back: no more than was paid, to the seller who was paid, whoever reports it and however often."""

import threading
from functools import partial
from typing import Any

import pytest
from django.db import connections

from config.embedded.processes import wait_until
from ledger import recipes
from ledger.entries import Entry
from ledger.models import JournalEntry
from ledger.recipes import entry_reversed
from ledger.selectors import balance, wallet
from ledger.services import ReturnedMoreThanPaid, post, post_batch, verify_books
from operations.edges import money_tx
from tests.committed import at_once, committed_db, somebody_waits_for_a_lock
from tests.ledger.cast import NOON, euros
from tests.ledger.test_posting import book, captured, released, reserved

__all__ = ["committed_db"]


def paid(minor: int = 5_000, *, transfer: str = "tr_1", payout: str = "pay_1") -> Entry:
    return recipes.payout_paid(psp="stripe", payout=payout, transfer=transfer, amount=euros(minor))


def returned(minor: int, *, reversal: str = "trr_1", payout: str = "pay_1", seller: str = "ann") -> Entry:
    return recipes.payout_returned(psp="stripe", seller=seller, payout=payout, reversal=reversal, amount=euros(minor))


def captured_by(seller: str) -> Entry:
    sale = recipes.Sale(order=f"ord_{seller}", seller=seller, gross=euros(10_000), commission=euros(0))
    return recipes.payment_captured(psp="stripe", charge=f"ch_{seller}", sales=[sale])


def released_to(seller: str) -> Entry:
    return recipes.funds_released(seller=seller, order=f"ord_{seller}", amount=euros(5_000))


def available(seller: str = "ann") -> str:
    return wallet(seller=seller, currency="EUR").available.text


def reversal_of(entry: Entry) -> Entry:
    found = JournalEntry.objects.get(recipe=entry.recipe, reference=entry.reference)
    return entry_reversed(entry_id=found.pk, lines=entry.lines, description="a mistake")


def a_paid_payout() -> None:
    """Book a payout of 50.00 to ann, paid."""
    for entry in (captured(), released(), reserved(), paid()):
        book(entry)


@pytest.mark.django_db
class TestAReturn:
    @pytest.fixture(autouse=True)
    def a_payout(self, db: None) -> None:
        a_paid_payout()

    def test_brings_back_what_was_paid_whole_or_in_parts(self) -> None:
        book(returned(2_000, reversal="trr_1"))
        book(returned(3_000, reversal="trr_2"))

        assert available() == "50.00"
        assert not book(returned(3_000, reversal="trr_2"))

    @pytest.mark.parametrize(
        "entry",
        [
            returned(5_001),
            returned(1, payout="pay_2"),
            returned(1, seller="bob"),
        ],
        ids=["more than was paid", "of a payout that nobody made", "to another seller"],
    )
    def test_is_refused_where_it_is_no_return_of_what_was_paid(self, entry: Entry) -> None:
        book(captured_by("bob"))

        with pytest.raises(ReturnedMoreThanPaid, match="payout_returned trr_1"):
            book(entry)
        assert (available(), available("bob")) == ("0.00", "0.00")

    def test_is_refused_once_all_of_it_is_back(self) -> None:
        book(returned(4_000, reversal="trr_1"))

        with pytest.raises(ReturnedMoreThanPaid, match="trr_2"):
            book(returned(1_001, reversal="trr_2"))

    def test_is_refused_before_anything_was_paid(self) -> None:
        book(captured_by("ann"))
        book(released_to("ann"))
        book(reserved("pay_2"))

        with pytest.raises(ReturnedMoreThanPaid):
            book(returned(1, payout="pay_2"))

    def test_is_refused_within_a_batch(self) -> None:
        entries = [returned(3_000, reversal="trr_1"), returned(3_000, reversal="trr_2")]

        with pytest.raises(ReturnedMoreThanPaid), money_tx("test"):
            post_batch(entries, actor="system:test", now=NOON)
        assert available() == "0.00"

    def test_makes_room_again_when_it_is_reversed(self) -> None:
        book(returned(5_000))
        book(reversal_of(returned(5_000)))

        assert book(returned(5_000, reversal="trr_2"))
        assert available() == "50.00"

    def test_is_refused_of_a_payment_that_was_reversed(self) -> None:
        book(reversal_of(paid()))

        with pytest.raises(ReturnedMoreThanPaid):
            book(returned(1))

    def test_keeps_the_payment_from_being_reversed_unless_it_is_itself(self) -> None:
        book(returned(1))

        with pytest.raises(ReturnedMoreThanPaid):
            book(reversal_of(paid()))
        book(reversal_of(returned(1)))
        assert book(reversal_of(paid()))

    def test_leaves_books_that_are_proved(self) -> None:
        book(returned(5_000))

        assert verify_books(actor="system:test", now=NOON).green
        assert balance(code="payouts:in_transit", currency="EUR") == euros(0)


class TestReturnsAtOnce:
    def test_bring_back_no_more_than_was_paid(self, committed_db: None) -> None:
        a_paid_payout()

        found = at_once([partial(book, returned(3_000, reversal=f"trr_{number}")) for number in range(6)])

        assert sum(one is True for one in found) == 1
        assert sum(isinstance(one, ReturnedMoreThanPaid) for one in found) == 5
        assert available() == "30.00"

    @pytest.mark.parametrize("first", ["the return", "the reversal"])
    def test_wait_for_a_reversal_of_the_payment_and_then_see_it(self, first: str, committed_db: None) -> None:
        a_paid_payout()
        back, undone = returned(1), reversal_of(paid())
        one, other = (back, undone) if first == "the return" else (undone, back)
        result: list[Any] = []

        def meanwhile() -> None:
            try:
                result.append(book(other))
            except ReturnedMoreThanPaid as error:
                result.append(error)
            finally:
                connections.close_all()

        second = threading.Thread(target=meanwhile)
        with money_tx("test"):
            post(one, actor="system:test", now=NOON)
            second.start()
            wait_until(lambda: bool(result) or somebody_waits_for_a_lock(), timeout_s=10)
        second.join(timeout=20)

        assert isinstance(result[0], ReturnedMoreThanPaid)
