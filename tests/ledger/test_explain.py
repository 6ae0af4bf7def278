"""A balance explained: its parts, their age and causes; and that they sum to it, whatever happened."""

import json
from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings

from ledger import recipes
from ledger.chart import UnknownAccount
from ledger.entries import credit, debit
from ledger.explain import as_json, explain_balance
from ledger.selectors import balance, open_items, trial_balance
from tests.ledger.history import (
    HISTORIES,
    Event,
    book,
    book_history,
    euros,
    forgotten,
    noon,
    released,
    sale,
    three_months,
)

pytestmark = pytest.mark.django_db
NOW = noon(date(2026, 4, 1))


class TestExplainBalance:
    def test_names_each_open_item_with_its_age_its_subject_and_what_moved_it(self) -> None:
        three_months()

        explained = explain_balance(code="seller:bob:pending", currency="EUR", now=NOW)

        [item] = explained.items
        assert (item.item, item.subject, item.amount) == ("ord_ch_2", "checkout:ch_2", euros(4_500))
        assert (item.since, item.age) == (noon(date(2026, 2, 3)), timedelta(days=57))
        assert [(entry.recipe, entry.reference, entry.amount) for entry in item.entries] == [
            ("payment_captured", "ch_2", euros(4_500))
        ]

    def test_shows_every_entry_that_moved_an_item_that_is_still_open(self) -> None:
        three_months()

        explained = explain_balance(code="psp:stripe:clearing", currency="EUR", now=NOW, oldest_first=False)

        assert [
            (item.item, item.amount.text, [(entry.recipe, entry.amount.text) for entry in item.entries])
            for item in explained.items
        ] == [
            ("ch_1", "96.80", [("payment_captured", "100.00"), ("provider_fee_charged", "-3.20")]),
            ("ch_2", "50.00", [("payment_captured", "50.00")]),
            ("tr_1", "-60.00", [("payout_paid", "-60.00")]),
        ]

    def test_takes_a_lump_sum_from_the_oldest_items_first(self) -> None:
        three_months()

        explained = explain_balance(code="psp:stripe:clearing", currency="EUR", now=NOW)

        assert [(item.item, item.net.text, item.amount.text) for item in explained.items] == [
            ("ch_1", "96.80", "36.80"),
            ("ch_2", "50.00", "50.00"),
        ]
        assert (explained.taken_items, explained.taken) == (1, euros(-6_000))

    def test_leaves_out_items_that_a_lump_sum_took_whole(self) -> None:
        for charge in ("ch_1", "ch_2", "ch_3"):
            book(sale(charge, euros(1_000), commission=euros(100)), on=date(2026, 1, 15))
            book(released(charge, euros(900)), on=date(2026, 1, 16))
        book(recipes.payout_reserved(seller="ann", payout="pay_1", amount=euros(1_800)), on=date(2026, 1, 17))

        explained = explain_balance(code="seller:ann:available", currency="EUR", now=NOW)

        assert [item.item for item in explained.items] == ["ord_ch_3"]

    def test_shows_both_of_two_items_that_belong_to_each_other_by_mistake(self) -> None:
        trading = "fx:stripe:trading"
        opened = [debit(trading, euros(500), "fx_1"), credit("bank:main", euros(500))]
        settled = [debit("bank:main", euros(500)), credit(trading, euros(500), "fx_2")]
        for journal, lines in (("mj_1", opened), ("mj_2", settled)):
            book(recipes.manual_journal(journal=journal, lines=lines, description="by hand"), on=date(2026, 1, 15))

        explained = explain_balance(code=trading, currency="EUR", now=NOW)

        assert [(item.item, item.amount) for item in explained.items] == [("fx_1", euros(500)), ("fx_2", euros(-500))]
        assert (explained.balance, explained.remainder, explained.taken_items) == (euros(0), euros(0), 0)

    def test_leaves_out_items_that_cancelled_out(self) -> None:
        three_months()

        assert explain_balance(code="seller:ann:pending", currency="EUR", now=NOW).items == ()
        assert explain_balance(code="payouts:in_transit", currency="EUR", now=NOW).items == ()

    def test_sums_what_it_does_not_show(self) -> None:
        three_months()

        explained = explain_balance(code="psp:stripe:clearing", currency="EUR", now=NOW, limit=1)

        assert [item.item for item in explained.items] == ["ch_1"]
        assert (explained.more_items, explained.more, explained.remainder) == (1, euros(5_000), euros(0))

    def test_explains_an_income_by_kind_of_event_and_month(self) -> None:
        three_months()

        explained = explain_balance(code="platform:commission", currency="EUR", now=NOW)

        assert [(each.month, each.recipe, each.entries, each.amount) for each in explained.months] == [
            (date(2026, 1, 1), "payment_captured", 1, euros(1_000)),
            (date(2026, 2, 1), "payment_captured", 1, euros(500)),
        ]
        assert explained.remainder == euros(0)

    def test_of_an_account_that_was_never_used_is_nothing(self) -> None:
        explained = explain_balance(code="bank:main", currency="EUR", now=NOW)

        assert (explained.balance, explained.items, explained.remainder) == (euros(0), (), euros(0))

    def test_refuses_what_is_no_account(self) -> None:
        with pytest.raises(UnknownAccount, match="petty:cash"):
            explain_balance(code="petty:cash", currency="EUR", now=NOW)

    @settings(
        max_examples=20,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(events=HISTORIES)
    def test_sums_to_the_balance_exactly_whatever_happened(self, events: list[Event]) -> None:
        with forgotten():
            book_history(events)

            for found in trial_balance():
                for oldest_first in (True, False):
                    for limit in (None, 1):
                        explained = explain_balance(
                            code=found.code,
                            currency=found.currency,
                            now=NOW,
                            limit=limit,
                            oldest_first=oldest_first,
                        )
                        assert explained.balance == balance(code=found.code, currency=found.currency)
                        assert explained.remainder.minor == 0, (found, explained)
                    if explained.oldest_first:
                        # Only what is on the balance's own side is left, and no more of an item than it held.
                        assert all(item.amount.minor * explained.balance.minor > 0 for item in explained.items)
                        assert all(abs(item.amount.minor) <= abs(item.net.minor) for item in explained.items)

    def test_agrees_item_by_item_with_the_open_items(self) -> None:
        three_months()

        explained = explain_balance(code="psp:stripe:clearing", currency="EUR", now=NOW, oldest_first=False)

        assert [(item.item, item.amount) for item in explained.items] == [
            (item.item, item.debit) for item in open_items(code="psp:stripe:clearing", currency="EUR")
        ]


class TestAsJson:
    def test_is_plain_and_exact(self) -> None:
        three_months()

        told = as_json(explain_balance(code="psp:stripe:clearing", currency="EUR", now=NOW))

        assert json.loads(json.dumps(told)) == told
        assert (told["balance"], told["balance_minor"], told["remainder_minor"]) == ("86.80", 8_680, 0)
        assert sum(item["amount_minor"] for item in told["items"]) == 8_680
        assert told["items"][0]["age_days"] == 76


class TestTheCommand:
    def explain(self, *arguments: str) -> str:
        out = StringIO()
        call_command("explain_balance", *arguments, stdout=out)
        return out.getvalue()

    def test_prints_items_causes_and_that_they_sum(self) -> None:
        three_months()

        text = self.explain("psp:stripe:clearing", "--currency", "EUR")

        for expected in ("ch_1", "checkout:ch_1", "payment captured #", "36.80", "60.00", "exactly"):
            assert expected in text

    def test_explains_each_currency_that_the_account_was_used_in(self) -> None:
        three_months()

        told = json.loads(self.explain("psp:stripe:clearing", "--json"))

        assert [(each["currency"], each["balance"]) for each in told["balances"]] == [("EUR", "86.80"), ("JPY", "2000")]

    def test_prints_months_for_an_income(self) -> None:
        three_months()

        text = self.explain("platform:commission", "--currency", "EUR")

        assert "2026-02" in text
        assert "exactly" in text

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (("petty:cash",), "petty:cash"),
            (("bank:main",), "Nothing was ever booked"),
            (("bank:main", "--currency", "euro"), "euro"),
            (("bank:main", "--currency", "EUR", "--limit", "0"), "--limit"),
        ],
    )
    def test_says_what_is_wrong_with_a_question(self, arguments: tuple[str, ...], problem: str) -> None:
        with pytest.raises(CommandError, match=problem):
            self.explain(*arguments)
