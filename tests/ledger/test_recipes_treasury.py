"""Deposits, unknown receipts, currencies, and what people write by hand: booked as the table says, or refused."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import recipes
from ledger.chart import UnknownAccount
from ledger.entries import Entry, Line, NotBalanced, credit, debit, remainders
from ledger.exchanges import Exchange
from ledger.money import Money
from tests.ledger.cast import NOON, dollars, euros, yen
from tests.ledger_text import assert_entry


class TestDepositSent:
    def test_is_on_its_way_to_our_bank(self) -> None:
        entry = recipes.deposit_sent(psp="stripe", payout="po_9", amount=euros(50_000))

        assert entry.reference == "po_9"
        assert_entry(
            entry,
            """
            debit   deposits:in_transit  500.00 EUR  po_9
            credit  psp:stripe:clearing  500.00 EUR  po_9
            """,
        )


class TestDepositArrived:
    @pytest.mark.parametrize(("was_sent", "source"), [(False, "psp:stripe:clearing"), (True, "deposits:in_transit")])
    def test_comes_from_the_provider_or_from_what_was_on_its_way(self, was_sent: bool, source: str) -> None:
        entry = recipes.deposit_arrived(
            psp="stripe", bank_account="main", payout="po_9", amount=euros(50_000), was_sent=was_sent
        )

        assert entry.reference == "po_9"
        assert_entry(entry, f"debit bank:main 500.00 EUR po_9\n credit {source} 500.00 EUR po_9")


class TestDepositFailed:
    def test_is_at_the_provider_again(self) -> None:
        assert_entry(
            recipes.deposit_failed(psp="stripe", payout="po_9", amount=euros(50_000)),
            """
            debit   psp:stripe:clearing  500.00 EUR  po_9
            credit  deposits:in_transit  500.00 EUR  po_9
            """,
        )


class TestUnidentifiedReceived:
    @pytest.mark.parametrize(
        ("where", "account"), [({"psp": "stripe"}, "psp:stripe:clearing"), ({"account": "bank:main"}, "bank:main")]
    )
    def test_waits_until_somebody_knows_what_it_is(self, where: dict[str, Any], account: str) -> None:
        entry = recipes.unidentified_received(reference="ch_x", amount=euros(700), **where)

        assert entry.reference == "ch_x"
        assert_entry(entry, f"debit {account} 7.00 EUR ch_x\n credit suspense:unidentified 7.00 EUR ch_x")

    def test_refuses_to_know_no_place(self) -> None:
        with pytest.raises(recipes.BadArgument, match="account and psp"):
            recipes.unidentified_received(reference="ch_x", amount=euros(700))


class TestUnidentifiedIdentified:
    def test_goes_where_it_belongs(self) -> None:
        entry = recipes.unidentified_identified(
            reference="ch_x",
            account="seller:ann:receivable",
            amount=euros(700),
            item="ord_1",
            description="ann paid her debt by bank transfer",
        )

        assert (entry.reference, entry.description) == ("ch_x", "ann paid her debt by bank transfer")
        assert_entry(
            entry,
            """
            debit   suspense:unidentified  7.00 EUR  ch_x
            credit  seller:ann:receivable  7.00 EUR  ord_1
            """,
        )

    def test_may_go_in_parts(self) -> None:
        parts = [
            recipes.unidentified_identified(reference="ch_x", account="platform:commission", amount=euros(1), part=part)
            for part in (1, 2, 3)
        ]

        assert [entry.reference for entry in parts] == ["ch_x", "ch_x:2", "ch_x:3"]
        assert {entry.lines[0].item for entry in parts} == {"ch_x"}

    def test_refuses_to_go_where_it_is(self) -> None:
        with pytest.raises(recipes.BadArgument, match="must be another than the one where"):
            recipes.unidentified_identified(reference="ch_x", account="suspense:unidentified", amount=euros(1))

    def test_refuses_an_unknown_account_and_a_part_before_the_first(self) -> None:
        with pytest.raises(UnknownAccount):
            recipes.unidentified_identified(reference="ch_x", account="petty:cash", amount=euros(1))
        with pytest.raises(recipes.BadArgument, match="part counts from 1"):
            recipes.unidentified_identified(reference="ch_x", account="rounding", amount=euros(1), part=0)


class TestUnidentifiedReturned:
    @pytest.mark.parametrize(
        ("where", "account"), [({"psp": "stripe"}, "psp:stripe:clearing"), ({"account": "bank:main"}, "bank:main")]
    )
    def test_is_sent_back(self, where: dict[str, Any], account: str) -> None:
        entry = recipes.unidentified_returned(reference="ch_x", returned="re_x", amount=euros(700), **where)

        assert entry.reference == "re_x"
        assert_entry(entry, f"debit suspense:unidentified 7.00 EUR ch_x\n credit {account} 7.00 EUR re_x")


class TestRoundingBooked:
    def test_is_an_expense_when_a_cent_is_lost(self) -> None:
        entry = recipes.rounding_booked(reference="rnd_1", account="bank:main", lost=euros(1), item="po_9")

        assert entry.reference == "rnd_1"
        assert_entry(
            entry,
            """
            debit   rounding   0.01 EUR  po_9
            credit  bank:main  0.01 EUR  po_9
            """,
        )

    def test_swaps_the_sides_when_a_cent_is_gained(self) -> None:
        assert_entry(
            recipes.rounding_booked(reference="rnd_1", account="bank:main", lost=yen(-1)),
            """
            credit  rounding   1 JPY  -
            debit   bank:main  1 JPY  -
            """,
        )

    @pytest.mark.parametrize("minor", [100, -100])
    def test_is_of_some_minor_units(self, minor: int) -> None:
        recipes.rounding_booked(reference="rnd_1", account="bank:main", lost=yen(minor))

    @pytest.mark.parametrize("minor", [101, -101])
    def test_refuses_what_no_rounding_explains(self, minor: int) -> None:
        with pytest.raises(recipes.BadArgument, match=f"lost is {minor} JPY: more than 100 minor units"):
            recipes.rounding_booked(reference="rnd_1", account="bank:main", lost=yen(minor))

    def test_refuses_nothing_and_its_own_account(self) -> None:
        with pytest.raises(recipes.NothingToBook):
            recipes.rounding_booked(reference="rnd_1", account="bank:main", lost=euros(0))
        with pytest.raises(recipes.BadArgument, match="must be another than the rounding account"):
            recipes.rounding_booked(reference="rnd_1", account="rounding", lost=euros(1))


def rate(text: str = "1.0834", base: str = "EUR", quote: str = "USD") -> recipes.RateSnapshot:
    return recipes.RateSnapshot(base=base, quote=quote, rate=Decimal(text), source="stripe", at=NOON)


def exchanged(**changes: Any) -> Any:
    facts: dict[str, Any] = {"sold": euros(10_000), "bought": dollars(10_617), "fee": dollars(217), "rate": rate()}
    return recipes.currency_exchanged(**{"psp": "stripe", "exchange": "fx_1"} | facts | changes)


class TestCurrencyExchanged:
    def test_balances_in_both_currencies_and_keeps_the_rate(self) -> None:
        entry = exchanged()

        assert entry.reference == "fx_1"
        assert entry.description == (
            "100.00 EUR for 106.17 USD: 1 EUR = 1.0834 USD (stripe, 2026-03-14T12:00:00+00:00)"
        )
        assert remainders(entry.lines) == {}
        assert entry.exchange == Exchange(
            presentment=euros(10_000), settlement=dollars(10_617), ledger=dollars(10_834), fee=dollars(217), rate=rate()
        )
        assert_entry(
            entry,
            """
            debit   fx:stripe:trading    100.00 EUR  fx_1
            credit  psp:stripe:clearing  100.00 EUR  fx_1
            debit   psp:stripe:clearing  106.17 USD  fx_1
            debit   psp:stripe:fees        2.17 USD  fx_1
            credit  fx:stripe:trading    108.34 USD  fx_1
            """,
        )

    def test_takes_a_fee_in_the_currency_that_was_sold(self) -> None:
        assert_entry(
            exchanged(fee=euros(200), bought=dollars(10_617)),
            """
            debit   fx:stripe:trading     98.00 EUR  fx_1
            debit   psp:stripe:fees        2.00 EUR  fx_1
            credit  psp:stripe:clearing  100.00 EUR  fx_1
            debit   psp:stripe:clearing  106.17 USD  fx_1
            credit  fx:stripe:trading    106.17 USD  fx_1
            """,
        )

    @pytest.mark.parametrize(("bought", "side"), [(10_833, "debit"), (10_835, "credit")])
    def test_books_what_rounding_left(self, bought: int, side: str) -> None:
        entry = exchanged(bought=dollars(bought), fee=None)

        assert [
            ("debit" if line.amount.minor > 0 else "credit", abs(line.amount.minor))
            for line in entry.lines
            if line.account == "rounding"
        ] == [(side, 1)]

    def test_reads_a_rate_the_other_way_round(self) -> None:
        entry = exchanged(sold=dollars(10_834), bought=euros(10_000), fee=None)

        assert [line.amount for line in entry.lines if line.account == "fx:stripe:trading"] == [
            dollars(10_834),
            euros(-10_000),
        ]

    def test_knows_the_decimals_of_each_currency(self) -> None:
        entry = exchanged(sold=euros(10_000), bought=yen(16_250), fee=None, rate=rate("162.5", quote="JPY"))

        assert [line.amount for line in entry.lines if line.account == "fx:stripe:trading"] == [
            euros(10_000),
            yen(-16_250),
        ]

    @pytest.mark.parametrize("bought", [10_615, 10_619])
    def test_refuses_amounts_that_the_rate_does_not_explain(self, bought: int) -> None:
        with pytest.raises(recipes.RateDoesNotFit, match=r"100\.00 EUR is 108\.34 USD"):
            exchanged(bought=dollars(bought))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"bought": euros(10_000)}, "bought must be in another currency than EUR"),
            ({"fee": yen(1)}, "fee must be in EUR or USD, not JPY"),
            ({"rate": rate(base="GBP")}, "rate is of GBP in USD, not of EUR and USD"),
            ({"rate": rate("0")}, "rate must be more than zero"),
            ({"rate": rate("-1")}, "rate must be more than zero"),
            ({"rate": rate("NaN")}, "rate must be more than zero"),
            ({"rate": rate("Infinity")}, "rate must be more than zero"),
            ({"rate": rate("1.0834000000000000001")}, "rate must have at most 18 digits"),
            ({"rate": rate("0.0000000000000000001")}, "rate must have at most 18 digits"),
            ({"rate": replace(rate(), source="")}, "rate must say its source"),
            ({"rate": replace(rate(), at=NOON.replace(tzinfo=None))}, "with a time zone"),
        ],
    )
    def test_refuses_what_is_no_exchange(self, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(recipes.BadArgument, match=message):
            exchanged(**changes)

    @pytest.mark.parametrize("changes", [{"sold": euros(0)}, {"bought": dollars(-1)}, {"fee": euros(10_000)}])
    def test_refuses_to_sell_or_buy_nothing(self, changes: dict[str, Any]) -> None:
        with pytest.raises(recipes.AmountNotPositive):
            exchanged(**changes)

    def test_refuses_a_fee_below_zero(self) -> None:
        with pytest.raises(recipes.AmountNegative, match="fee"):
            exchanged(fee=dollars(-1))

    @given(sold=st.integers(1, 10**12), numerator=st.integers(1, 10**8), fee=st.integers(0, 100))
    def test_balances_whatever_the_rate_and_leaves_at_most_one_unit(self, sold: int, numerator: int, fee: int) -> None:
        applied = Decimal(numerator).scaleb(-4)
        bought = sold * numerator // 10**4 - fee
        if bought <= 0:
            return

        entry = exchanged(sold=euros(sold), bought=dollars(bought), fee=dollars(fee), rate=rate(str(applied)))

        assert remainders(entry.lines) == {}
        assert sum(abs(line.amount.minor) for line in entry.lines if line.account == "rounding") <= 1


def exchanged_back(**changes: Any) -> Entry:
    """Return the exchange by which 40.00 EUR went back to a buyer for 43.34 USD."""
    named = {"psp": "stripe", "exchange": "txn_2", "source": "re_1"}
    facts: dict[str, Any] = {**named, "presented": euros(4_000), "taken": dollars(4_334), "rate": rate()}
    return recipes.currency_exchanged_back(**facts | changes)


class TestCurrencyExchangedBack:
    def test_takes_from_our_currency_what_goes_back_in_the_buyers(self) -> None:
        assert exchanged_back().reference == "txn_2"
        assert_entry(
            exchanged_back(),
            """
            debit   psp:stripe:clearing  40.00 EUR  re_1
            credit  fx:stripe:trading    40.00 EUR  re_1
            debit   fx:stripe:trading    43.34 USD  re_1
            credit  psp:stripe:clearing  43.34 USD  re_1
            """,
        )

    @pytest.mark.parametrize(("taken", "rounding"), [(4_335, "debit rounding 0.01"), (4_333, "credit rounding 0.01")])
    def test_books_what_rounding_took_or_left(self, taken: int, rounding: str) -> None:
        [*_, last] = exchanged_back(taken=dollars(taken)).lines

        assert last == (debit if rounding.startswith("debit") else credit)("rounding", dollars(1), "re_1")

    def test_is_checked_in_our_currency_however_small_the_unit_of_the_other_is(self) -> None:
        won, cents = Money(1_004, "KRW"), euros(67)

        entry = exchanged_back(presented=won, taken=cents, rate=rate("0.00067", base="KRW", quote="EUR"))

        assert remainders(entry.lines) == {}

    @pytest.mark.parametrize("taken", [4_332, 4_336])
    def test_refuses_amounts_that_the_rate_does_not_explain(self, taken: int) -> None:
        with pytest.raises(recipes.RateDoesNotFit, match=r"40\.00 EUR is 43\.34 USD"):
            exchanged_back(taken=dollars(taken))

    @pytest.mark.parametrize("changes", [{"presented": euros(0)}, {"taken": dollars(0)}])
    def test_refuses_to_give_or_take_nothing(self, changes: dict[str, Any]) -> None:
        with pytest.raises(recipes.AmountNotPositive):
            exchanged_back(**changes)

    def test_refuses_one_currency(self) -> None:
        with pytest.raises(recipes.BadArgument, match="another currency than EUR"):
            exchanged_back(taken=euros(4_000))


BALANCED = (
    debit("losses:write_off", euros(500), "ord_1"),
    credit("bank:main", euros(500)),
    debit("bank:main", yen(7)),
    credit("equity:opening", yen(7)),
)


class TestManualJournal:
    def test_is_what_the_person_wrote(self) -> None:
        entry = recipes.manual_journal(
            journal="mj_1",
            lines=BALANCED,
            description="paid from petty cash",
            subject="journal:mj_1",
            value_date=date(2026, 3, 1),
        )

        assert (entry.recipe, entry.reference, entry.description) == ("manual_journal", "mj_1", "paid from petty cash")
        assert (entry.subject, entry.value_date) == ("journal:mj_1", date(2026, 3, 1))
        assert entry.lines == BALANCED

    def test_refuses_what_does_not_balance_in_each_currency(self) -> None:
        crossed = (debit("bank:main", euros(7)), credit("equity:opening", yen(7)))

        with pytest.raises(NotBalanced, match="manual_journal mj_1 does not balance: 7 EUR remain"):
            recipes.manual_journal(journal="mj_1", lines=crossed, description="x")

    @pytest.mark.parametrize("lines", [(), (debit("bank:main", euros(1)),)])
    def test_refuses_fewer_than_two_lines(self, lines: tuple[Line, ...]) -> None:
        with pytest.raises(recipes.TooFewLines, match=f"mj_1 has {len(lines)} lines"):
            recipes.manual_journal(journal="mj_1", lines=lines, description="x")

    def test_refuses_a_line_of_zero_by_its_number(self) -> None:
        with pytest.raises(recipes.ZeroLine, match="line 5 on rounding is zero"):
            recipes.manual_journal(
                journal="mj_1", lines=[*BALANCED, debit("rounding", Money(0, "EUR"))], description="x"
            )

    def test_refuses_an_account_that_is_not_of_the_chart(self) -> None:
        with pytest.raises(UnknownAccount, match="petty:cash"):
            recipes.manual_journal(
                journal="mj_1",
                lines=[debit("petty:cash", euros(1)), credit("bank:main", euros(1))],
                description="x",
            )


class TestEntryReversed:
    def test_mirrors_each_line_with_its_item(self) -> None:
        entry = recipes.entry_reversed(entry_id=42, lines=BALANCED, description="booked twice by hand")

        assert (entry.recipe, entry.reference) == ("entry_reversed", "entry:42")
        assert_entry(
            entry,
            """
            credit  losses:write_off  5.00 EUR  ord_1
            debit   bank:main         5.00 EUR  -
            credit  bank:main         7 JPY     -
            debit   equity:opening    7 JPY     -
            """,
        )

    def test_of_a_reversal_reinstates_the_entry(self) -> None:
        once = recipes.entry_reversed(entry_id=42, lines=BALANCED, description="a mistake")

        twice = recipes.entry_reversed(entry_id=43, lines=once.lines, description="it was none")

        assert twice.lines == BALANCED

    def test_refuses_lines_that_are_no_entry(self) -> None:
        with pytest.raises(NotBalanced):
            recipes.entry_reversed(entry_id=42, lines=BALANCED[:3], description="x")
        with pytest.raises(recipes.TooFewLines):
            recipes.entry_reversed(entry_id=42, lines=BALANCED[:1], description="x")
