"""Reports: what they say of a told history, and what holds for any history and any cut through it."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from ledger.chart import UnknownAccount
from ledger.money import Money
from ledger.reports import (
    Period,
    PeriodReversed,
    ReportLine,
    balance_sheet,
    income_statement,
    seller_statement,
)
from ledger.selectors import balance, trial_balance, wallet
from ledger.statements import account_statement
from tests.ledger.history import DAYS, HISTORIES, Event, book, book_history, euros, forgotten, sale, three_months

pytestmark = pytest.mark.django_db
any_history = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
FEBRUARY = Period(since=date(2026, 2, 1), until=date(2026, 2, 28))


def shown(lines: tuple[ReportLine, ...]) -> dict[str, str]:
    return {line.name: line.amount.text for line in lines}


class TestPeriod:
    def test_refuses_to_end_before_it_begins(self) -> None:
        with pytest.raises(PeriodReversed, match="2026-02-02"):
            Period(since=date(2026, 2, 2), until=date(2026, 2, 1))

    def test_may_be_one_day_or_all_days(self) -> None:
        assert Period(since=date(2026, 2, 1), until=date(2026, 2, 1)).day_before == date(2026, 1, 31)
        assert Period().day_before is None
        assert Period(since=date.min).day_before is None


class TestAccountStatement:
    def test_opens_with_what_was_before_and_carries_each_line_on(self) -> None:
        three_months()

        statement = account_statement(code="seller:ann:available", currency="EUR", period=FEBRUARY)

        assert statement.opening == euros(0)
        assert [(line.recipe, line.item, line.debit.text, line.balance.text) for line in statement.lines] == [
            ("funds_released", "ord_ch_1", "-90.00", "90.00"),
            ("payout_reserved", "pay_1", "60.00", "30.00"),
        ]
        assert [line.counterparts for line in statement.lines] == [("seller:ann:pending",), ("payouts:in_transit",)]
        assert statement.closing == euros(3_000)

    def test_takes_the_days_at_both_ends_in(self) -> None:
        three_months()

        statement = account_statement(
            code="psp:stripe:clearing", currency="EUR", period=Period(since=date(2026, 1, 20), until=date(2026, 2, 3))
        )

        assert statement.opening == euros(10_000)
        assert [line.business_date for line in statement.lines] == [date(2026, 1, 20), date(2026, 2, 3)]
        assert statement.closing == euros(14_680)

    def test_says_how_many_lines_it_leaves_out_and_what_they_moved(self) -> None:
        three_months()

        statement = account_statement(code="psp:stripe:clearing", currency="EUR", period=Period(), limit=1)

        assert [line.reference for line in statement.lines] == ["ch_1"]
        assert (statement.omitted_lines, statement.omitted) == (3, euros(8_680 - 10_000))
        assert statement.closing == euros(8_680)

    def test_leaves_nothing_out_where_the_lines_are_as_many_as_asked_for(self) -> None:
        three_months()

        statement = account_statement(code="psp:stripe:clearing", currency="EUR", period=Period(), limit=4)

        assert (len(statement.lines), statement.omitted_lines, statement.omitted) == (4, 0, euros(0))

    def test_is_empty_for_an_account_that_was_never_used(self) -> None:
        statement = account_statement(code="bank:main", currency="EUR", period=Period())

        assert (statement.opening, statement.lines, statement.closing) == (euros(0), (), euros(0))

    def test_refuses_what_is_no_account(self) -> None:
        with pytest.raises(UnknownAccount, match="petty:cash"):
            account_statement(code="petty:cash", currency="EUR", period=Period())

    @any_history
    @given(events=HISTORIES, one=DAYS, other=DAYS)
    def test_sums_from_opening_to_closing_for_any_cut(self, events: list[Event], one: date, other: date) -> None:
        with forgotten():
            book_history(events)
            period = Period(since=min(one, other), until=max(one, other))

            for found in trial_balance():
                statement = account_statement(code=found.code, currency=found.currency, period=period)

                sign = 1 if found.type.debit_normal else -1
                moved = sum(sign * line.debit.minor for line in statement.lines)
                assert statement.opening.minor + moved == statement.closing.minor
                assert statement.closing == balance(code=found.code, currency=found.currency, on=period.until)
                assert all(min(one, other) <= line.business_date <= max(one, other) for line in statement.lines)


class TestBalanceSheet:
    def test_says_what_there_is_and_whose_it_is(self) -> None:
        three_months()

        sheet = balance_sheet(currency="EUR", on=date(2026, 2, 28))

        assert shown(sheet.assets) == {"psp:stripe:clearing": "146.80"}
        assert shown(sheet.liabilities) == {
            "payouts:in_transit": "60.00",
            "seller:{seller}:available": "30.00",
            "seller:{seller}:pending": "45.00",
        }
        assert shown(sheet.equity) == {}
        assert sheet.result == euros(1_180)
        assert (sheet.total_assets, sheet.difference) == (euros(14_680), euros(0))

    def test_counts_the_sellers_on_one_line(self) -> None:
        three_months()

        sheet = balance_sheet(currency="EUR", on=date(2026, 2, 3))

        [pending] = [line for line in sheet.liabilities if line.name == "seller:{seller}:pending"]
        assert (pending.accounts, pending.amount) == (2, euros(13_500))

    def test_of_a_currency_has_nothing_of_another(self) -> None:
        three_months()

        sheet = balance_sheet(currency="JPY")

        assert shown(sheet.assets) == {"psp:stripe:clearing": "2000"}
        assert (sheet.result, sheet.difference) == (Money(200, "JPY"), Money(0, "JPY"))

    @any_history
    @given(events=HISTORIES, day=DAYS)
    def test_balances_for_any_history_on_any_day(self, events: list[Event], day: date) -> None:
        with forgotten():
            book_history(events)

            for currency in ("EUR", "JPY"):
                sheet = balance_sheet(currency=currency, on=day)

                assert sheet.total_assets == sheet.total_liabilities + sheet.total_equity
                assert sheet.difference.minor == 0


class TestIncomeStatement:
    def test_has_what_moved_in_the_period_only(self) -> None:
        three_months()

        january = income_statement(currency="EUR", period=Period(until=date(2026, 1, 31)))
        february = income_statement(currency="EUR", period=FEBRUARY)

        assert (shown(january.income), shown(january.expenses)) == (
            {"platform:commission": "10.00"},
            {"psp:stripe:fees": "3.20"},
        )
        assert (january.result, february.result) == (euros(680), euros(500))

    @any_history
    @given(events=HISTORIES, one=DAYS, other=DAYS)
    def test_is_what_the_balance_sheets_result_grew_by(self, events: list[Event], one: date, other: date) -> None:
        with forgotten():
            book_history(events)
            period = Period(since=min(one, other), until=max(one, other))

            for currency in ("EUR", "JPY"):
                earned = income_statement(currency=currency, period=period).result

                before = balance_sheet(currency=currency, on=min(one, other) - timedelta(days=1)).result
                after = balance_sheet(currency=currency, on=period.until).result
                assert before + earned == after


class TestSellerStatement:
    def test_tells_by_kind_of_event_what_moved_each_part_of_the_wallet(self) -> None:
        three_months()

        statement = seller_statement(seller="ann", currency="EUR", period=FEBRUARY)

        assert (statement.opening.pending, statement.opening.available) == (euros(9_000), euros(0))
        assert [
            (each.recipe, each.entries, each.pending.text, each.available.text) for each in statement.movements
        ] == [
            ("funds_released", 1, "-90.00", "90.00"),
            ("payout_reserved", 1, "0.00", "-60.00"),
        ]
        assert (statement.closing.pending, statement.closing.available) == (euros(0), euros(3_000))

    def test_counts_a_debt_against_the_seller(self) -> None:
        book(sale("ch_1", euros(10_000), commission=euros(1_000)), on=date(2026, 1, 15))
        book_history([Event(kind="refund", day=1, seller="ann", minor=500, currency="EUR")])

        statement = seller_statement(seller="ann", currency="EUR", period=Period())

        [refunded] = [each for each in statement.movements if each.recipe == "refund_succeeded"]
        assert (refunded.pending, refunded.receivable, refunded.net) == (euros(-500), euros(500), euros(-1_000))
        assert statement.closing.receivable == euros(500)

    @any_history
    @given(events=HISTORIES, cut=DAYS)
    def test_equals_the_wallet_to_the_cent(self, events: list[Event], cut: date) -> None:
        with forgotten():
            book_history(events)

            for seller in ("ann", "bob"):
                before = seller_statement(seller=seller, currency="EUR", period=Period(until=cut))
                after = seller_statement(seller=seller, currency="EUR", period=Period(since=cut + timedelta(days=1)))

                assert before.closing == after.opening
                assert after.closing == wallet(seller=seller, currency="EUR")
