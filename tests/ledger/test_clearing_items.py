"""What set-based readers see of a provider's account: an item's net, and the fee that the books have by now."""

from datetime import date, timedelta

import pytest

from ledger import recipes
from ledger.entries import Entry
from ledger.models import JournalEntry
from ledger.money import Money
from operations import database
from tests.ledger.cast import dollars, euros
from tests.ledger.history import book as book_on
from tests.ledger.history import sale
from tests.ledger.test_posting import book, captured
from tests.ledger.test_recipes_treasury import exchanged, exchanged_back
from tests.ledger.test_returns import reversal_of

pytestmark = pytest.mark.django_db


def item(name: str = "ch_1") -> tuple[int, int]:
    """Return an item's net and fee, in cents."""
    query = "SELECT net_minor, fee_minor FROM ledger_clearing_item WHERE psp = 'stripe' AND item = %s"
    row = database.fetch_one(query, [name])
    return row["net_minor"], row["fee_minor"]


def charged(minor: int = 320) -> Entry:
    return recipes.provider_fee_charged(psp="stripe", balance_transaction="txn_1", source="ch_1", fee=euros(minor))


class TestTheFee:
    @pytest.fixture(autouse=True)
    def a_sale(self, db: None) -> None:
        book(captured())

    def test_is_what_was_charged(self) -> None:
        book(charged())

        assert item() == (9_680, 320)

    def test_is_what_was_expected_and_trued_up(self) -> None:
        book(recipes.provider_fee_estimated(psp="stripe", charge="ch_1", fee=euros(300)))
        book(
            recipes.provider_fee_trued_up(
                psp="stripe", balance_transaction="txn_1", charge="ch_1", estimated=euros(300), charged=euros(320)
            )
        )

        assert item() == (9_680, 320)

    def test_is_nothing_once_it_was_reversed(self) -> None:
        book(charged())
        book(reversal_of(charged()))

        assert item() == (10_000, 0)

    def test_is_back_when_the_reversal_was_reversed(self) -> None:
        book(charged())
        undone = reversal_of(charged())
        book(undone)
        book(reversal_of(undone))

        assert item() == (9_680, 320)

    def test_of_a_dispute_is_nothing_once_it_was_reversed(self) -> None:
        fee = recipes.dispute_fee_charged(psp="stripe", dispute="dp_1", fee=euros(2_000))
        book(fee)
        book(recipes.dispute_opened(psp="stripe", dispute="dp_1", amount=euros(10_000)))
        assert item("dp_1") == (-12_000, 2_000)

        book(reversal_of(fee))

        assert item("dp_1") == (-10_000, 0)

    def test_is_not_what_another_reversal_gave_back(self) -> None:
        book(charged())
        book(reversal_of(captured()))

        assert item() == (-320, 320)
        assert JournalEntry.objects.count() == 3


class TestTheFeeOfAnExchange:
    """100.00 EUR that were settled as 106.17 USD, of 108.34 at the rate: 2.17 were kept back."""

    @pytest.fixture(autouse=True)
    def a_sale(self, db: None) -> None:
        book(captured())
        book(exchanged(source="ch_1"))

    def items(self) -> list[tuple[str, int, int]]:
        query = "SELECT currency, net_minor, fee_minor FROM ledger_clearing_item WHERE item = 'ch_1' ORDER BY currency"
        return database.fetch_tuples(query)

    def test_is_what_was_kept_back_in_the_currency_of_settlement(self) -> None:
        assert self.items() == [("EUR", 0, 0), ("USD", 10_617, 217)]

    def test_is_nothing_once_the_exchange_was_reversed(self) -> None:
        undone = reversal_of(exchanged(source="ch_1"))
        book(undone)
        assert self.items() == [("EUR", 10_000, 0), ("USD", 0, 0)]

        book(reversal_of(undone))

        assert self.items() == [("EUR", 0, 0), ("USD", 10_617, 217)]

    def test_is_in_the_currency_of_presentment_where_it_was_kept_there(self) -> None:
        book(reversal_of(exchanged(source="ch_1")))

        book(exchanged(exchange="fx_2", source="ch_1", bought=dollars(10_726), fee=euros(100)))

        assert self.items() == [("EUR", 0, 100), ("USD", 10_726, 0)]

    def test_is_none_of_an_exchange_back(self) -> None:
        book(exchanged_back(source="ch_1"))

        assert self.items() == [("EUR", 4_000, 0), ("USD", 10_617 - 4_334, 217)]


class TestOneItem:
    def test_has_its_net_in_each_currency_and_its_first_moment(self) -> None:
        book_on(sale("ch_1", euros(100), commission=euros(1)), on=date(2026, 1, 10))
        book_on(charged(3), on=date(2026, 1, 12))
        book_on(sale("ch_1:usd", Money(70, "USD"), commission=Money(0, "USD")), on=date(2026, 1, 11))

        query = "SELECT currency, net_minor, since::date::text AS since FROM ledger_clearing_of('stripe', %s)"
        assert database.fetch_tuples(query, ["ch_1"]) == [("EUR", 97, "2026-01-10")]
        assert database.fetch_tuples(query, ["ch_1:usd"]) == [("USD", 70, "2026-01-11")]
        assert database.fetch_tuples(query, ["ch_2"]) == []

    def test_is_not_another_providers(self) -> None:
        book(captured())

        assert database.fetch_all("SELECT * FROM ledger_clearing_of('mollie', 'ch_1')") == []


class TestWhatMoved:
    def test_is_found_by_its_days(self) -> None:
        first = date(2026, 1, 10)
        for number in range(4):
            book_on(sale(f"ch_{number}", euros(100), commission=euros(1)), on=first + timedelta(days=number))
        book_on(recipes.rounding_booked(reference="r", account="bank:main", lost=euros(1)), on=first)

        query = "SELECT item FROM ledger_clearing_moved('stripe', %s) ORDER BY item"
        assert [row["item"] for row in database.fetch_all(query, [first + timedelta(days=2)])] == ["ch_2", "ch_3"]
        assert database.fetch_all("SELECT item FROM ledger_clearing_moved('mollie', %s)", [first]) == []
