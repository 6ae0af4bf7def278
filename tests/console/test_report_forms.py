"""A report before and around its tables: what is asked, what is suggested, what is said."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ledger.services import lock_day
from operations.edges import money_tx
from tests.console.journals import text_of
from tests.console.world import World

SignIn = Callable[[str], Client]


class TestReports:
    @pytest.mark.parametrize(
        ("report", "facts", "said"),
        [
            ("trial_balance", {}, "As the books stand now."),
            ("trial_balance", {"on": "2026-03-31"}, "At the end of business day 2026-03-31."),
            ("trial_balance", {"at": "2026-03-31T12:00:00"}, "As the books stood at 2026-03-31 12:00:00 UTC."),
            ("trial_balance", {"effective_on": "2026-03-31"}, "By value date, to the end of 2026-03-31."),
            ("balance_sheet", {"on": "2026-03-31"}, "At the end of business day 2026-03-31."),
            ("income_statement", {"since": "2026-03-01", "until": ""}, "Business days from 2026-03-01 to now."),
            ("general_ledger", {"until": "2026-03-31"}, "Business days from the beginning to 2026-03-31."),
            ("statement", {}, "Choose an account above, and press Show."),
            ("explain", {}, "Choose an account above, and press Show."),
            ("seller_statement", {}, "Choose a seller above, and press Show."),
        ],
    )
    def test_say_what_they_are_about(
        self, report: str, facts: dict[str, Any], said: str, market: World, sign_in: SignIn
    ) -> None:
        assert said in text_of(sign_in("vera").get(reverse(f"admin:ledger_account_{report}"), facts))

    def test_suggest_accounts_and_sellers_by_name(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("vera")
        ann = market.seller("Ann's Lamps").pk

        accounts = browser.get(reverse("admin:ledger_account_statement")).content.decode()
        sellers = browser.get(reverse("admin:ledger_account_seller_statement")).content.decode()

        assert f'<option value="seller:{ann}:pending">Ann&#x27;s Lamps: earned' in accounts
        assert f'<option value="{ann}">Ann&#x27;s Lamps</option>' in sellers

    def test_go_by_themselves_to_the_day_that_the_books_are_in(self, market: World, sign_in: SignIn) -> None:
        # After the day is closed, what happens on it is booked into the next one: a statement to "today" hides it.
        today = market.now.date()
        with money_tx("test"):
            lock_day(business_date=today, actor="user:oscar", now=market.now)

        text = sign_in("vera").get(reverse("admin:ledger_account_income_statement")).content.decode()

        assert f'value="{today + timedelta(days=1)}"' in text
