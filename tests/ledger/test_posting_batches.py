"""Many entries in one round trip: the same books as one by one."""

import pytest
from django.utils import timezone

from ledger import recipes
from ledger.entries import Entry
from ledger.models import Hold, JournalLine
from ledger.selectors import balance, trial_balance, wallet
from ledger.services import (
    BatchRepeats,
    HoldExceeded,
    InsufficientFunds,
    ReferenceReused,
    post,
    post_batch,
    verify_books,
)
from operations.edges import NotInTransaction, money_tx
from tests.ledger.test_posting import book, captured, euros, released, reserved

pytestmark = pytest.mark.django_db


def book_all(*entries: Entry) -> list[bool]:
    with money_tx("test"):
        return [posted.created for posted in post_batch(entries, actor="system:test", now=timezone.now())]


def paid(payout: str = "pay_1", minor: int = 5_000) -> Entry:
    return recipes.payout_paid(psp="stripe", payout=payout, transfer=f"tr_{payout}", amount=euros(minor))


class TestPostBatch:
    def test_writes_them_all_in_the_order_given(self) -> None:
        assert book_all(captured(), released(), reserved("pay_1", 2_000), reserved("pay_2", 3_000)) == [True] * 4

        assert wallet(seller="ann", currency="EUR").available == euros(0)
        assert balance(code="payouts:in_transit", currency="EUR") == euros(5_000)
        after = JournalLine.objects.filter(account__code="seller:ann:available").order_by("id")
        assert [line.balance_after_minor for line in after] == [5_000, 3_000, 0]
        assert verify_books(actor="system:test", now=timezone.now()).findings == ()

    def test_makes_the_same_books_as_one_by_one(self) -> None:
        entries = captured(), released(), reserved(), paid(), captured("ch_2", 777, 7)
        book_all(*entries)
        together = trial_balance()

        assert [book(entry) for entry in entries] == [False] * 5
        assert trial_balance() == together

    def test_leaves_alone_what_stands_already(self) -> None:
        book(captured())

        assert book_all(captured(), captured("ch_2")) == [False, True]
        assert wallet(seller="ann", currency="EUR").pending == euros(18_000)

    def test_writes_nothing_when_one_of_them_cannot_be_borne(self) -> None:
        book(captured())

        with pytest.raises(InsufficientFunds, match="funds_released or payout_reserved ord_1 or pay_1 would"):
            book_all(captured("ch_2"), released(), reserved("pay_1", 5_001))

        assert wallet(seller="ann", currency="EUR").pending == euros(9_000)

    def test_does_not_let_a_later_entry_pay_for_an_earlier_one(self) -> None:
        book(captured())

        with pytest.raises(InsufficientFunds):
            book_all(reserved(), released())

    def test_resolves_a_hold_once(self) -> None:
        book_all(captured(), released(), reserved())

        with pytest.raises(HoldExceeded, match="payout_paid or payout_not_paid tr_pay_1 or pay_1 would"):
            book_all(paid(), recipes.payout_not_paid(seller="ann", payout="pay_1", amount=euros(5_000)))

    def test_resolves_no_hold_before_it_is_held(self) -> None:
        book(captured())
        book(released())

        with pytest.raises(HoldExceeded):
            book_all(paid(), reserved())
        assert book_all(reserved(), paid()) == [True, True]

    def test_moves_holds_on_accounts_before_and_after_the_sellers(self) -> None:
        unknown = recipes.unidentified_received(psp="stripe", reference="py_1", amount=euros(300))
        book_all(captured(), released(), reserved(), unknown)

        held = {hold.account.code: hold.held_minor for hold in Hold.objects.select_related("account")}
        assert held == {"payouts:in_transit": 5_000, "suspense:unidentified": 300}

    def test_refuses_other_content_under_a_reference_that_stands(self) -> None:
        book(captured())

        with pytest.raises(ReferenceReused):
            book_all(captured("ch_2"), captured(gross=10_001))

    def test_refuses_the_same_event_twice_in_one_batch(self) -> None:
        with pytest.raises(BatchRepeats):
            book_all(captured(), captured())

    def test_refuses_to_work_outside_its_callers_transaction(self) -> None:
        with pytest.raises(NotInTransaction):
            post_batch([captured()], actor="system:test", now=timezone.now())

    def test_keeps_every_character_of_an_item(self) -> None:
        odd = 'a"b\\c{d},e\nf NULL ü 💶'
        sale = recipes.Sale(order=odd, seller="ann", gross=euros(100), commission=euros(1))
        book_all(recipes.payment_captured(psp="stripe", charge=odd, sales=[sale], subject=odd))
        book(recipes.payment_captured(psp="stripe", charge="ch_2", sales=[sale], subject=odd))

        assert set(JournalLine.objects.exclude(item="ch_2").values_list("item", flat=True)) == {odd}


class TestHolds:
    def test_resolve_exactly_once(self) -> None:
        for entry in (captured(), released(), reserved(), paid()):
            book(entry)

        with pytest.raises(HoldExceeded):
            book(recipes.payout_not_paid(seller="ann", payout="pay_1", amount=euros(5_000)))

    def test_resolve_in_parts_up_to_what_is_held(self) -> None:
        for entry in (captured(), released(), reserved(), paid(minor=3_000)):
            book(entry)

        assert book(recipes.payout_not_paid(seller="ann", payout="pay_1", amount=euros(2_000)))
        assert wallet(seller="ann", currency="EUR").available == euros(2_000)

    def test_nothing_leaves_for_an_item_that_holds_nothing(self) -> None:
        for entry in (captured(), released(), reserved("pay_1")):
            book(entry)

        with pytest.raises(HoldExceeded):
            book(paid("pay_2"))


class TestADeposit:
    """What the provider sent to our bank arrives or fails; never both, whichever is told first."""

    SENT = recipes.deposit_sent(psp="stripe", payout="po_9", amount=euros(50_000))
    OTHER = recipes.deposit_sent(psp="stripe", payout="po_10", amount=euros(70_000))
    ARRIVED = recipes.deposit_arrived(
        psp="stripe", bank_account="main", payout="po_9", amount=euros(50_000), was_sent=True
    )
    FAILED = recipes.deposit_failed(psp="stripe", payout="po_9", amount=euros(50_000))

    @pytest.mark.parametrize(("first", "second"), [(ARRIVED, FAILED), (FAILED, ARRIVED)], ids=["arrived", "failed"])
    @pytest.mark.parametrize("together", [False, True], ids=["one by one", "in a batch"])
    def test_does_not_end_in_two_ways(self, first: Entry, second: Entry, together: bool) -> None:
        book_all(self.SENT, self.OTHER)
        if not together:
            book(first)

        with pytest.raises(HoldExceeded):
            book_all(first, second) if together else book(second)

        # Nothing of the other deposit was taken for it.
        assert balance(code="deposits:in_transit", currency="EUR").minor >= 70_000

    @pytest.mark.parametrize("end", [ARRIVED, FAILED], ids=["arrived", "failed"])
    def test_that_was_never_recorded_as_sent_takes_nothing_out_of_transit(self, end: Entry) -> None:
        book(self.OTHER)

        with pytest.raises(HoldExceeded):
            book(end)

    def test_that_failed_after_all_does_so_once_its_arrival_is_reversed(self) -> None:
        book(self.SENT)
        with money_tx("test"):
            arrived = post(self.ARRIVED, actor="system:test", now=timezone.now())
        book(recipes.entry_reversed(entry_id=arrived.entry_id, lines=self.ARRIVED.lines, description="it came back"))

        assert book(self.FAILED)
        assert {account.debit_minor for account in trial_balance()} == {0}
