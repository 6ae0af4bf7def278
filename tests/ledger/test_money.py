"""Money is integer minor units of a currency."""

from fractions import Fraction

import pytest
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import BadAmount, CurrencyMismatch, Money, UnknownCurrency, basis_points, parse_amount


class TestParseAmount:
    @pytest.mark.parametrize(
        ("text", "currency", "minor"),
        [("12.30", "EUR", 1230), ("0.01", "EUR", 1), ("500", "JPY", 500), ("1.005", "BHD", 1005), ("7", "BRL", 700)],
    )
    def test_reads_major_units_with_the_currencys_decimals(self, text: str, currency: str, minor: int) -> None:
        assert parse_amount(text, currency) == Money(minor, currency)

    @pytest.mark.parametrize(
        "text",
        [
            *("0", "0.00", "-1", "+1", "1e2", "1_0", " 10 ", "10.", ".5", "01", "1,00", "١٠", "１０"),
            *("NaN", "Infinity", "", "1.005", "9" * 20, "10.00 ", "0x10", "1\n"),
        ],
    )
    def test_refuses_whatever_is_not_plain_digits_within_bounds(self, text: str) -> None:
        with pytest.raises(BadAmount):
            parse_amount(text, "EUR")

    @pytest.mark.parametrize(("text", "currency"), [("10.00", "JPY"), ("10.0001", "BHD"), ("10.001", "USD")])
    def test_refuses_more_decimals_than_the_currency_has(self, text: str, currency: str) -> None:
        with pytest.raises(BadAmount, match="at most"):
            parse_amount(text, currency)

    @pytest.mark.parametrize("currency", ["usd", "XXX", "ZZZ", "", "XAU", "CHE", "EURO"])
    def test_refuses_what_is_no_currency_to_be_paid_in(self, currency: str) -> None:
        with pytest.raises(UnknownCurrency):
            parse_amount("1", currency)

    @given(st.integers(min_value=1, max_value=10**15), st.sampled_from(["JPY", "EUR", "BHD"]))
    def test_reads_back_every_amount_that_money_shows(self, minor: int, currency: str) -> None:
        money = Money(minor, currency)

        assert parse_amount(money.text, currency) == money


class TestMoney:
    def test_refuses_anything_but_an_integer(self) -> None:
        with pytest.raises(TypeError):
            Money(1.0, "EUR")  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            Money(True, "EUR")

    def test_refuses_to_add_two_currencies(self) -> None:
        with pytest.raises(CurrencyMismatch):
            Money(1, "EUR") + Money(1, "USD")


class TestWriting:
    @pytest.mark.parametrize(
        ("minor", "currency", "locale", "written"),
        [
            *((123_456, "RSD", "sr", "1.234,56 RSD"), (123_456, "IQD", "en", "IQD123.456")),
            *((-123_456, "ALL", "de", "-1.234,56 ALL"), (5, "MGA", "en", "MGA0.05"), (100, "YER", "en", "YER1.00")),
            *((500, "JPY", "en", "¥500"), (1_005, "BHD", "en", "BHD1.005"), (0, "EUR", "de", "0,00 €")),
        ],
    )
    def test_has_the_decimals_that_the_currency_is_counted_with(
        self, minor: int, currency: str, locale: str, written: str
    ) -> None:
        money = Money(minor, currency)

        assert money.localised(locale).replace("\xa0", " ") == written
        assert str(money.display) == money.localised("en")

    @given(st.integers(-(10**15), 10**15), st.sampled_from(["JPY", "EUR", "BHD"]), st.sampled_from(["en", "hi", "ar"]))
    def test_is_what_people_of_a_locale_are_used_to(self, minor: int, currency: str, locale: str) -> None:
        money = Money(minor, currency)

        assert money.localised(locale) == format_currency(money.decimal, currency, locale=locale)


class TestAllocate:
    def test_gives_the_remainder_to_the_largest_fractions_first(self) -> None:
        parts = Money(100, "EUR").allocate([1, 1, 1])

        assert [part.minor for part in parts] == [34, 33, 33]

    @given(
        st.integers(min_value=-(10**12), max_value=10**12),
        st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=8).filter(any),
    )
    def test_loses_and_invents_nothing_and_stays_within_one_unit_of_the_fair_share(
        self, minor: int, weights: list[int]
    ) -> None:
        parts = Money(minor, "EUR").allocate(weights)

        assert sum(part.minor for part in parts) == minor
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part.minor - Fraction(minor * weight, sum(weights))) < 1


class TestBasisPoints:
    @pytest.mark.parametrize(("minor", "bps", "share"), [(1000, 1000, 100), (5, 1000, 1), (4, 1000, 0), (-5, 1000, -1)])
    def test_rounds_half_a_unit_away_from_zero(self, minor: int, bps: int, share: int) -> None:
        assert basis_points(Money(minor, "EUR"), bps).minor == share
