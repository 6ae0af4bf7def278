"""The general ledger: all accounts' statements, each closing with the trial balance's, whole and page by page."""

from datetime import date, timedelta
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.chart import AccountType
from ledger.general_ledger import (
    AccountChoice,
    LedgerPage,
    NoAccounts,
    NoPlace,
    Place,
    general_ledger,
    general_ledger_page,
)
from ledger.reports import Period
from ledger.selectors import trial_balance
from ledger.services import seal_journal
from ledger.statements import LedgerRow, account_rows
from tests.committed import committed_db
from tests.ledger.history import DAYS, HISTORIES, Event, book, book_history, euros, forgotten, noon, sale, three_months

__all__ = ["committed_db"]
any_history = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
FEBRUARY = Period(since=date(2026, 2, 1), until=date(2026, 2, 28))


def closings(rows: list[LedgerRow]) -> dict[str, str]:
    return {row.account.code: row.account.balance.text for row in rows if row.is_closing}


def pages(period: Period, *, lines: int, accounts: int, choice: AccountChoice | None = None) -> list[LedgerPage]:
    """Return all pages, each asked for by the place that the one before names."""
    found: list[LedgerPage] = []
    place: Place | None = None
    while not found or place:
        found.append(general_ledger_page(period=period, choice=choice, place=place, lines=lines, accounts=accounts))
        following = found[-1].following
        place = Place.read(str(following)) if following else None
    return found


def rows_of_pages(found: list[LedgerPage]) -> list[tuple[object, ...]]:
    """Return what the pages show, as `shown` returns it of rows."""
    rows: list[tuple[object, ...]] = []
    for page in found:
        for part in page.parts:
            if not part.continued:
                rows.append((part.currency, part.code, "opening", part.brought))
            rows += [(part.currency, part.code, line.line_id, line.balance) for line in part.lines]
            if part.complete:
                rows.append((part.currency, part.code, "closing", part.carried))
    return rows


def shown(rows: list[LedgerRow]) -> list[tuple[object, ...]]:
    return [
        (
            row.account.currency,
            row.account.code,
            row.line.line_id if row.line else "closing" if row.is_closing else "opening",
            row.line.balance if row.line else row.account.balance,
        )
        for row in rows
    ]


@pytest.mark.django_db
class TestGeneralLedger:
    def test_holds_every_account_that_moved_or_held_something(self) -> None:
        three_months()

        rows = list(general_ledger(period=FEBRUARY, choice=AccountChoice(currency="EUR")))

        assert closings(rows) == {
            "payouts:in_transit": "60.00",
            "platform:commission": "15.00",
            "psp:stripe:clearing": "146.80",
            "psp:stripe:fees": "3.20",
            "seller:ann:available": "30.00",
            "seller:ann:pending": "0.00",
            "seller:bob:pending": "45.00",
        }

    def test_shows_each_line_with_its_entry_its_subject_and_the_other_side(self) -> None:
        three_months()

        [opening, line, closing] = general_ledger(period=FEBRUARY, choice=AccountChoice(under="platform:commission"))

        assert (opening.account.balance, closing.account.balance) == (euros(1_000), euros(1_500))
        assert line.line
        assert (line.line.recipe, line.line.reference, line.line.subject) == (
            "payment_captured",
            "ch_2",
            "checkout:ch_2",
        )
        assert line.line.counterparts == ("psp:stripe:clearing",)
        assert (line.line.debit, line.line.balance) == (euros(-500), euros(1_500))

    @pytest.mark.parametrize(
        ("choice", "codes"),
        [
            (AccountChoice(type=AccountType.ASSET), {"psp:stripe:clearing"}),
            (AccountChoice(type=AccountType.INCOME), {"platform:commission"}),
            (AccountChoice(under="psp:stripe"), {"psp:stripe:clearing", "psp:stripe:fees"}),
            (AccountChoice(under="psp:stripe:fees"), {"psp:stripe:fees"}),
            (AccountChoice(under="seller:ann:"), {"seller:ann:available", "seller:ann:pending"}),
            (AccountChoice(under="psp", type=AccountType.EXPENSE), {"psp:stripe:fees"}),
            (AccountChoice(currency="JPY"), set()),
        ],
    )
    def test_can_be_of_some_accounts(self, choice: AccountChoice, codes: set[str]) -> None:
        three_months()

        assert closings(list(general_ledger(period=FEBRUARY, choice=choice))).keys() == codes

    def test_does_not_take_one_sellers_account_for_anothers(self) -> None:
        for seller in ("ann", "anna", "a_n", "abn"):
            book(sale(f"ch_{seller}", euros(100), seller=seller, commission=euros(0)), on=date(2026, 1, 15))

        for seller in ("ann", "a_n"):
            rows = list(general_ledger(period=Period(), choice=AccountChoice(under=f"seller:{seller}")))
            assert closings(rows).keys() == {f"seller:{seller}:pending"}

    def test_refuses_a_code_below_which_there_is_nothing(self) -> None:
        three_months()

        with pytest.raises(NoAccounts, match="petty:cash"):
            list(general_ledger(period=FEBRUARY, choice=AccountChoice(under="petty:cash")))
        with pytest.raises(NoAccounts, match="seller:an"):
            general_ledger_page(period=FEBRUARY, choice=AccountChoice(under="seller:an"), lines=1, accounts=1)

    @any_history
    @given(events=HISTORIES, one=DAYS, other=DAYS)
    def test_is_all_accounts_statements_one_after_the_other(self, events: list[Event], one: date, other: date) -> None:
        with forgotten():
            book_history(events)
            period = Period(since=min(one, other), until=max(one, other))

            rows = list(general_ledger(period=period))

            accounts = list(dict.fromkeys((row.account.currency, row.account.code) for row in rows))
            assert accounts == sorted(accounts)
            assert rows == [
                row for currency, code in accounts for row in account_rows(code=code, currency=currency, period=period)
            ]

    @any_history
    @given(events=HISTORIES, one=DAYS, other=DAYS)
    def test_closes_each_account_as_the_trial_balance_has_it(self, events: list[Event], one: date, other: date) -> None:
        with forgotten():
            book_history(events)
            period = Period(since=min(one, other), until=max(one, other))

            rows = list(general_ledger(period=period))

            ends = ((period.until, True), (period.since - timedelta(days=1) if period.since else None, False))
            for day, is_closing in ends:
                said = {
                    (row.account.currency, row.account.code): row.account.balance
                    for row in rows
                    if row.line is None and row.is_closing == is_closing
                }
                held = {(found.currency, found.code): found.balance for found in trial_balance(on=day)}
                assert {key: amount for key, amount in said.items() if amount.minor} == {
                    key: amount for key, amount in held.items() if amount.minor
                }


@pytest.mark.django_db
class TestGeneralLedgerPage:
    def test_ends_where_its_lines_are_used_up_and_says_what_follows(self) -> None:
        three_months()

        page = general_ledger_page(
            period=Period(), choice=AccountChoice(under="psp:stripe:clearing"), lines=3, accounts=9
        )

        [part] = page.parts
        assert [line.reference for line in part.lines] == ["ch_1", "txn_1", "ch_2"]
        assert not part.complete
        assert page.following == Place(
            currency="EUR",
            code="psp:stripe:clearing",
            day=part.lines[-1].business_date,
            line_id=part.lines[-1].line_id,
        )

    def test_brings_the_balance_of_the_page_before(self) -> None:
        three_months()
        choice = AccountChoice(under="psp:stripe:clearing")

        first, second = islice(pages(Period(), choice=choice, lines=3, accounts=9), 2)

        assert (second.parts[0].continued, second.parts[0].brought) == (True, first.parts[0].carried)
        assert second.parts[0].carried == euros(8_680)

    def test_counts_the_accounts(self) -> None:
        three_months()

        found = pages(FEBRUARY, lines=100, accounts=3)

        assert [(page.first, page.last, page.accounts) for page in found] == [(1, 3, 7), (4, 6, 7), (7, 7, 7)]

    def test_is_empty_where_nothing_was_booked(self) -> None:
        page = general_ledger_page(period=FEBRUARY, lines=1, accounts=1)

        assert (page.parts, page.accounts, page.following) == ((), 0, None)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "EUR",
            "EUR//x/bank:main",
            "EUR/2026-02-30/1/b",
            "EUR/2026-02-03/0/b",
            "EUR//1/b",
            "EUR//-1/b",
            "E//" + "9" * 30 + "/b",
        ],
    )
    def test_refuses_what_is_no_place(self, text: str) -> None:
        with pytest.raises(NoPlace):
            Place.read(text)

    @pytest.mark.parametrize("text", ["EUR//0/bank:main", "EUR/2026-01-15/1/psp:stripe:clearing"])
    def test_refuses_a_place_that_the_period_has_not(self, text: str) -> None:
        three_months()

        with pytest.raises(NoPlace, match="is no place in the general ledger"):
            general_ledger_page(period=FEBRUARY, place=Place.read(text), lines=1, accounts=1)

    @any_history
    @given(events=HISTORIES, one=DAYS, other=DAYS, lines=st.integers(1, 5), accounts=st.integers(1, 4))
    def test_has_one_after_the_other_all_rows_of_the_general_ledger(
        self, events: list[Event], one: date, other: date, lines: int, accounts: int
    ) -> None:
        with forgotten():
            book_history(events)
            period = Period(since=min(one, other), until=max(one, other))

            found = pages(period, lines=lines, accounts=accounts)

            assert rows_of_pages(found) == shown(list(general_ledger(period=period)))
            assert all(len(page.parts) <= accounts for page in found)
            assert all(sum(len(part.lines) for part in page.parts) <= lines for page in found)


class TestSealedBooks:
    def test_open_and_close_from_checkpoints_as_from_lines(self, committed_db: None) -> None:
        three_months()
        before = list(general_ledger(period=FEBRUARY))
        in_pages = pages(FEBRUARY, lines=2, accounts=2)

        assert seal_journal(now=noon(date(2026, 3, 31)))

        assert list(general_ledger(period=FEBRUARY)) == before
        assert pages(FEBRUARY, lines=2, accounts=2) == in_pages
