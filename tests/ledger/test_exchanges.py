"""What the books keep of a currency exchange: three amounts, the fee and the rate, to be read back digit for digit."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import recipes
from ledger.entries import Entry
from ledger.exchanges import Exchange, RateSnapshot
from ledger.models import JournalEntry
from ledger.money import Money, exponent
from ledger.selectors import exchange_of, exchanges
from ledger.services import ReferenceReused, post, post_batch, verify_books
from operations import database
from operations.edges import money_tx
from tests.ledger.cast import NOON, dollars, euros, yen
from tests.ledger.history import forgotten
from tests.ledger.test_posting import captured
from tests.ledger.test_recipes_treasury import exchanged, exchanged_back, rate

pytestmark = pytest.mark.django_db


def book(entry: Entry, *, at: datetime = NOON) -> int:
    with money_tx("test"):
        return post(entry, actor="system:test", now=at).entry_id


class TestAnExchange:
    def test_is_read_back_with_three_amounts_the_fee_and_the_rate(self) -> None:
        entry_id = book(exchanged())

        assert exchange_of(entry_id=entry_id) == Exchange(
            presentment=euros(10_000),
            settlement=dollars(10_617),
            ledger=dollars(10_834),
            fee=dollars(217),
            rate=RateSnapshot(base="EUR", quote="USD", rate=Decimal("1.0834"), source="stripe", at=NOON),
        )

    @pytest.mark.parametrize(
        "text", ["1.0834", "1.083400", "108.34E-2", "1083400E-6", "1.08340000000000000"], ids=lambda text: text
    )
    def test_keeps_the_rate_as_exact_as_it_was_said(self, text: str) -> None:
        found = exchange_of(entry_id=book(exchanged(rate=rate(text))))

        assert found
        assert f"{found.rate.rate:f}" == f"{Decimal(text):f}"

    def test_keeps_the_moment_of_the_rate_to_the_microsecond_in_any_zone(self) -> None:
        at = datetime.fromisoformat("2026-03-14T14:00:00.123456+02:00")
        said = RateSnapshot(base="EUR", quote="USD", rate=Decimal("1.0834"), source='“ecb”, 14:00 \\ "x"', at=at)

        found = exchange_of(entry_id=book(exchanged(rate=said)))

        assert found
        assert found.rate == said

    def test_is_nothing_that_another_event_has(self) -> None:
        assert exchange_of(entry_id=book(captured())) is None

    def test_is_found_by_the_days_on_which_it_was_booked(self) -> None:
        first = book(exchanged())
        second = book(exchanged(exchange="fx_2"), at=NOON + timedelta(days=1))

        assert list(exchanges(since=NOON.date(), until=NOON.date() + timedelta(days=1))) == [first, second]
        assert list(exchanges(since=NOON.date() + timedelta(days=1), until=date(2026, 12, 31))) == [second]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"rate": rate("1.08340")}, "rate"),
            ({"rate": RateSnapshot(base="EUR", quote="USD", rate=Decimal("1.0834"), source="ecb", at=NOON)}, "rate"),
            ({"bought": dollars(10_618)}, "number of lines"),
            ({"bought": dollars(10_615), "fee": dollars(219)}, "amount in line 2"),
        ],
    )
    def test_refuses_other_facts_under_the_same_reference_naming_the_field(
        self, changes: dict[str, Any], field: str
    ) -> None:
        book(exchanged())

        with pytest.raises(ReferenceReused, match=f"another {field}"):
            book(exchanged(**changes))

    def test_is_written_once_however_often_it_is_told(self) -> None:
        assert book(exchanged()) == book(exchanged())

    def test_can_come_in_a_batch(self) -> None:
        entries = [captured(), exchanged(), exchanged(exchange="fx_2", rate=rate("1.08341"))]
        book(entries[1])
        with money_tx("test"):
            posted = post_batch(entries, actor="system:test", now=NOON)

        assert [one.created for one in posted] == [True, False, True]
        assert [exchange_of(entry_id=one.entry_id) for one in posted] == [None, *(one.exchange for one in entries[1:])]
        assert verify_books(actor="system:test", now=NOON).green

    def test_back_is_read_back_too_and_proved(self) -> None:
        entry = exchanged_back()

        assert exchange_of(entry_id=book(entry)) == entry.exchange
        assert verify_books(actor="system:test", now=NOON).green

    def test_can_be_reversed(self) -> None:
        entry = exchanged()
        undone = recipes.entry_reversed(entry_id=book(entry), lines=entry.lines, description="a mistake")

        book(undone)

        assert verify_books(actor="system:test", now=NOON).green

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        sold=st.integers(1, 10**12),
        digits=st.integers(1, 10**9),
        scale=st.integers(0, 9),
        fee=st.integers(0, 100),
        pair=st.permutations(["EUR", "JPY", "BHD", "USD"]),
        inverse=st.booleans(),
        over=st.integers(-1, 1),
        at=st.integers(0, 4 * 10**15).map(lambda micros: NOON + timedelta(microseconds=micros)),
    )
    def test_is_taken_and_read_back_whatever_the_rate(
        self, sold: int, digits: int, scale: int, fee: int, pair: list[str], inverse: bool, over: int, at: datetime
    ) -> None:
        """The database converts by itself, and comes to what the recipe came to."""
        ours, theirs = pair[:2]
        applied = Decimal(digits).scaleb(-scale)
        base, quote = (theirs, ours) if inverse else (ours, theirs)
        said = RateSnapshot(base=base, quote=quote, rate=applied, source="test", at=at)
        times, by = applied.as_integer_ratio()
        times, by = (by, times) if inverse else (times, by)
        numerator, denominator = sold * times * 10 ** exponent(theirs), by * 10 ** exponent(ours)
        bought = (2 * numerator + denominator) // (2 * denominator) - fee + over
        if not 0 < bought < 10**17:
            return
        entry = recipes.currency_exchanged(
            psp="stripe",
            exchange="fx_1",
            sold=Money(sold, ours),
            bought=Money(bought, theirs),
            fee=Money(fee, theirs),
            rate=said,
        )
        with forgotten():
            assert exchange_of(entry_id=book(entry)) == entry.exchange
            assert JournalEntry.objects.count() == 1


class TestConverting:
    @pytest.mark.parametrize("shift", range(-18, 19))
    def test_is_exact_for_every_scale(self, shift: int) -> None:
        """A power of ten that is not exact to the last digit would show in the largest amounts."""
        amount, digits = 10**15 - 1, 1
        into = amount * 10**shift if shift >= 0 else (2 * amount + 10**-shift) // (2 * 10**-shift)
        if into >= 2**62:
            return
        asked = "SELECT ledger_converts(%s, %s, %s, %s, false) AS well"

        assert database.fetch_one(asked, [amount, into, digits, shift])["well"]
        assert not database.fetch_one(asked, [amount, into + 1, digits, shift])["well"]
        assert not database.fetch_one(asked, [amount, into - 1, digits, shift])["well"]

    def test_rounds_half_a_unit_up(self) -> None:
        asked = "SELECT ledger_converts(1, %s, 5, -1, false) AS well"

        assert [database.fetch_one(asked, [into])["well"] for into in (0, 1)] == [False, True]

    def test_knows_amounts_of_yen_and_dinars(self) -> None:
        said = RateSnapshot(base="JPY", quote="BHD", rate=Decimal("0.002513"), source="test", at=NOON)
        entry = recipes.currency_exchanged(
            psp="stripe", exchange="fx_9", sold=yen(1_000), bought=Money(2_513, "BHD"), rate=said
        )

        assert exchange_of(entry_id=book(entry)) == entry.exchange
