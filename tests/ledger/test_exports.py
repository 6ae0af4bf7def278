"""Exports: outside tools read them without an error and end at the same balances; strange text survives."""

import csv
import io
import json
import shutil
import subprocess
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from beancount import loader
from beancount.core import data
from beancount.core.account import is_valid
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledger import exports
from ledger.chart import AccountType
from ledger.exports.beancount import account_code, account_name
from ledger.reports import Period, PeriodReversed
from tests.committed import at_once, committed_db
from tests.ledger.history import (
    DAYS,
    HISTORIES,
    HOSTILE,
    TEXTS,
    Event,
    book,
    book_history,
    euros,
    forgotten,
    held,
    sale,
    three_months,
    told,
)

__all__ = ["committed_db"]

some = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
needs_hledger = pytest.mark.skipif(shutil.which("hledger") is None, reason="hledger is not installed here")
ENDS = (
    Period(),
    Period(since=date(2026, 2, 1)),
    Period(until=date(2026, 2, 28)),
    Period(since=date(2026, 2, 3), until=date(2026, 2, 10)),
)


def read_by_beancount(text: str) -> tuple[list[Any], list[Any]]:
    entries, errors, _ = loader.load_string(text)
    return entries, errors


def held_in_beancount(entries: list[Any]) -> dict[tuple[str, str], str]:
    codes = {entry.account: entry.meta["code"] for entry in entries if isinstance(entry, data.Open)}
    held: dict[tuple[str, str], Decimal] = {}
    for entry in transactions_of(entries):
        for posting in entry.postings:
            key = codes[posting.account], posting.units.currency
            held[key] = held.get(key, Decimal(0)) + posting.units.number
    return {key: f"{number:f}" for key, number in held.items() if number}


def transactions_of(entries: list[Any]) -> list[Any]:
    return [entry for entry in entries if isinstance(entry, data.Transaction)]


def hledger(text: str, *arguments: str) -> str:
    answer = subprocess.run(
        ["hledger", "-f", "-", *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def held_in_hledger(text: str) -> dict[tuple[str, str], str]:
    table = hledger(text, "balance", "--flat", "--no-total", "--layout", "bare", "-O", "csv")
    return {
        (row["account"], row["commodity"]): row["balance"]
        for row in csv.DictReader(io.StringIO(table))
        if row["balance"].strip("-0.")
    }


@pytest.mark.django_db
class TestBeancount:
    @pytest.mark.parametrize("period", ENDS, ids=str)
    def test_reads_the_books_without_an_error_and_ends_at_the_same_balances(self, period: Period) -> None:
        three_months()

        entries, errors = read_by_beancount("".join(exports.beancount_journal(since=period.since, until=period.until)))

        assert errors == []
        assert held_in_beancount(entries) == held(period.until)

    def test_would_notice_a_difference_of_one_minor_unit(self) -> None:
        three_months()
        text = "".join(exports.beancount_journal())
        wrong = text.replace(
            "balance Assets:Psp:Stripe:Clearing  86.80 EUR", "balance Assets:Psp:Stripe:Clearing  86.81 EUR"
        )

        _, errors = read_by_beancount(wrong)

        assert [type(error).__name__ for error in errors] == ["BalanceError"]

    def test_is_told_what_each_entry_was(self) -> None:
        book(sale("ch_1", euros(10_000), commission=euros(1_000), value_date=date(2026, 1, 13)), on=date(2026, 1, 15))

        entries, _ = read_by_beancount("".join(exports.beancount_journal()))

        [sold] = transactions_of(entries)
        assert (sold.date, sold.payee) == (date(2026, 1, 15), "payment_captured")
        assert sold.links == frozenset({"checkout/ch_1"})
        assert {name: sold.meta[name] for name in ("recipe", "reference", "subject", "actor", "value-date")} == {
            "recipe": "payment_captured",
            "reference": "ch_1",
            "subject": "checkout:ch_1",
            "actor": "system:test",
            "value-date": date(2026, 1, 13),
        }
        assert [posting.meta.get("item") for posting in sold.postings] == ["ch_1", "ord_ch_1", "ord_ch_1"]

    def test_of_empty_books_is_a_file_without_entries(self) -> None:
        assert read_by_beancount("".join(exports.beancount_journal())) == ([], [])

    @some
    @given(texts=st.lists(TEXTS, min_size=1, max_size=4, unique=True))
    @example(texts=list(HOSTILE))
    def test_keeps_every_text_as_it_was(self, texts: list[str]) -> None:
        with forgotten():
            for text in texts:
                book(told(text), on=date(2026, 1, 15))

            entries, errors = read_by_beancount("".join(exports.beancount_journal()))

            assert errors == []
            assert [
                (
                    entry.narration,
                    entry.meta["reference"],
                    entry.meta["subject"],
                    entry.postings[0].meta.get("item", ""),
                )
                for entry in transactions_of(entries)
            ] == [(text, text, text, text) for text in texts]

    @some
    @given(events=HISTORIES, one=DAYS, other=DAYS)
    def test_ends_at_the_same_balances_for_any_history_and_period(
        self, events: list[Event], one: date, other: date
    ) -> None:
        with forgotten():
            book_history(events)
            period = Period(since=min(one, other), until=max(one, other))

            text = "".join(exports.beancount_journal(since=period.since, until=period.until))

            entries, errors = read_by_beancount(text)
            assert errors == []
            assert held_in_beancount(entries) == held(period.until)


class TestAccountName:
    def test_reads_like_the_account(self) -> None:
        assert account_name("seller:sel_06f:pending", AccountType.LIABILITY) == "Liabilities:Seller:Sel-06f:Pending"
        assert account_name("rounding", AccountType.EXPENSE) == "Expenses:Rounding"

    @given(
        st.lists(
            st.lists(st.text("aAxX09_.-é", min_size=1, max_size=6), min_size=1, max_size=3).map(":".join),
            min_size=2,
            max_size=6,
            unique=True,
        )
    )
    def test_is_beancounts_leads_back_and_is_nobody_elses(self, codes: list[str]) -> None:
        names = [account_name(code, AccountType.ASSET) for code in codes]

        assert all(is_valid(name) for name in names), names
        assert [account_code(name) for name in names] == codes
        assert len(set(names)) == len(codes)


@pytest.mark.django_db
@needs_hledger
class TestHledger:
    @pytest.mark.parametrize("period", ENDS, ids=str)
    def test_checks_the_books_strictly_and_ends_at_the_same_balances(self, period: Period) -> None:
        three_months()

        text = "".join(exports.hledger_journal(since=period.since, until=period.until))

        hledger(text, "check", "--strict")
        assert held_in_hledger(text) == held(period.until)

    def test_would_notice_a_difference_of_one_minor_unit(self) -> None:
        three_months()
        text = "".join(exports.hledger_journal())

        with pytest.raises(AssertionError, match=r"difference: *0.01"):
            hledger(text.replace("= 86.80 EUR", "= 86.81 EUR"), "check", "--strict")

    @settings(some, max_examples=12)
    @given(texts=st.lists(TEXTS, min_size=1, max_size=6, unique=True))
    @example(texts=list(HOSTILE))
    def test_keeps_every_text_percent_encoded(self, texts: list[str]) -> None:
        with forgotten():
            for text in texts:
                book(told(text), on=date(2026, 1, 15))
            text = "".join(exports.hledger_journal())

            hledger(text, "check", "--strict")
            read = json.loads(hledger(text, "print", "-O", "json"))

        found = [
            {unquote(value) for name, value in entry["ttags"] if name in ("reference", "subject", "description")}
            | {unquote(value) for name, value in entry["tpostings"][0]["ptags"] if name == "item"}
            for entry in read[:-1]
        ]
        assert found == [{text} if text else set() for text in texts]
        assert {entry["tdate"] for entry in read[:-1]} == {"2026-01-15"}
        assert {posting["pdate"] for entry in read for posting in entry["tpostings"]} == {None}

    @settings(some, max_examples=8)
    @given(events=HISTORIES, one=DAYS, other=DAYS)
    def test_ends_at_the_same_balances_for_any_history_and_period(
        self, events: list[Event], one: date, other: date
    ) -> None:
        with forgotten():
            book_history(events)
            period = Period(since=min(one, other), until=max(one, other))

            text = "".join(exports.hledger_journal(since=period.since, until=period.until))

            hledger(text, "check", "--strict")
            assert held_in_hledger(text) == held(period.until)


class TestAnExport:
    def test_refuses_a_period_that_ends_before_it_begins(self) -> None:
        with pytest.raises(PeriodReversed):
            next(exports.beancount_journal(since=date(2026, 1, 2), until=date(2026, 1, 1)))

    def test_is_one_moments_view_however_long_it_takes(self, committed_db: None) -> None:
        three_months()
        pieces = exports.beancount_journal()
        begun = [next(pieces) for _ in range(6)]

        [refused] = at_once([lambda: book(sale("ch_9", euros(700), commission=euros(70)), on=date(2026, 1, 16))])
        text = "".join([*begun, *pieces])

        assert isinstance(refused, int)
        _, errors = read_by_beancount(text)
        assert errors == []
        assert "ch_9" not in text
        assert "ch_9" in "".join(exports.beancount_journal())
