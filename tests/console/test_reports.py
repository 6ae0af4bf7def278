"""The reports' pages: the same figures as the books, on any day, for whoever may see them; and the same as CSV."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ledger.admin import reports
from ledger.entries import Entry, credit, debit
from ledger.explain import explain_balance
from ledger.models import Account
from ledger.money import Money
from ledger.reports import Period, balance_sheet, income_statement
from ledger.selectors import balance, trial_balance, wallet
from ledger.services import post
from operations.edges import money_tx
from tests.console.world import World, brl, eur

SignIn = Callable[[str], Client]
CLEARING = {"account": "psp:stripe:clearing", "currency": "BRL"}
EVERY_PAGE = {
    "trial_balance": {},
    "balance_sheet": {},
    "income_statement": {},
    "statement": CLEARING,
    "general_ledger": {},
    "seller_statement": {"seller": "sel_x", "currency": "BRL"},
    "explain": CLEARING,
}


def address(page: str, **facts: object) -> str:
    return f"{reverse(f'admin:ledger_account_{page}')}?{urlencode(facts)}"


def text_of(browser: Client, page: str, **facts: object) -> str:
    answer = browser.get(address(page, **facts))
    assert answer.status_code == 200
    return answer.content.decode()


def csv_of(browser: Client, page: str, **facts: object) -> tuple[Any, list[dict[str, str]]]:
    answer: Any = browser.get(address(page, **facts, download="csv"))
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content).decode()
    return answer, list(csv.DictReader(io.StringIO(content, newline=""), strict=True))


def totals(text: str) -> list[list[str]]:
    """Return the amounts in the last line of each table."""
    return [re.findall(r"-?(?:R\$|€)[\d,.]+", found) for found in re.findall(r"<tfoot>.*?</tfoot>", text, re.DOTALL)]


class TestEveryReport:
    def test_has_a_page_for_each_address(self) -> None:
        assert {page.address.replace("-", "_") for page in reports.PAGES} == set(EVERY_PAGE)

    @pytest.mark.parametrize("page", EVERY_PAGE)
    def test_is_shown_to_whoever_may_see_the_books(self, page: str, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera"), page, **EVERY_PAGE[page])

        assert "<table" in text
        assert "Download CSV" in text

    @pytest.mark.parametrize("page", EVERY_PAGE)
    @pytest.mark.parametrize("download", [{}, {"download": "csv"}], ids=["page", "csv"])
    def test_is_closed_to_everybody_else(self, page: str, download: dict[str, str], world: World) -> None:
        browser = Client()
        browser.force_login(User.objects.create(username="sven", is_staff=True))
        asked = address(page, **EVERY_PAGE[page], **download)

        assert browser.get(asked).status_code == 403
        assert Client().get(asked).status_code == 302

    @pytest.mark.parametrize("page", EVERY_PAGE)
    def test_takes_no_orders(self, page: str, world: World, sign_in: SignIn) -> None:
        assert sign_in("admin").post(address(page, **EVERY_PAGE[page])).status_code == 403

    @pytest.mark.parametrize("page", EVERY_PAGE)
    def test_can_be_downloaded(self, page: str, world: World, sign_in: SignIn) -> None:
        answer, rows = csv_of(sign_in("vera"), page, **EVERY_PAGE[page])

        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert re.fullmatch(r'attachment; filename="[a-zA-Z0-9-]+\.csv"', answer["Content-Disposition"])
        assert rows

    def test_begins_as_an_empty_form_where_it_needs_an_account(self, world: World, sign_in: SignIn) -> None:
        text = sign_in("vera").get(reverse("admin:ledger_account_statement")).content.decode()

        assert "required" not in re.sub(r"<input[^>]*>|<select[^>]*>", "", text)
        assert "<table" not in text

    @pytest.mark.parametrize(
        ("page", "facts", "problem"),
        [
            ("trial_balance", {"on": "2026-02-30"}, "Business day: Enter a valid date"),
            ("trial_balance", {"on": "2026-02-01", "effective_on": "2026-02-01"}, "Choose one of the three"),
            ("balance_sheet", {"currency": "XYZ"}, "Currency: Select a valid choice"),
            ("income_statement", {"since": "2026-02-02", "until": "2026-02-01"}, "begins on 2026-02-02"),
            ("statement", {**CLEARING, "account": "petty:cash"}, "is not an account of the chart"),
            ("explain", {**CLEARING, "account": ""}, "Account: This field is required"),
            ("general_ledger", {"under": "petty:cash"}, "No account of the books is petty:cash"),
            ("general_ledger", {"type": "money"}, "Type: Select a valid choice"),
            ("general_ledger", {"place": "over there"}, "is no place in the general ledger"),
        ],
    )
    def test_names_what_is_wrong_with_a_question(
        self, page: str, facts: dict[str, str], problem: str, world: World, sign_in: SignIn
    ) -> None:
        for download in ({}, {"download": "csv"}):
            text = text_of(sign_in("vera"), page, **facts, **download)

            assert problem in text
            assert "<table" not in text

    def test_asks_no_more_often_for_many_sellers_than_for_a_few(self, world: World, sign_in: SignIn) -> None:
        browser = sign_in("vera")
        few = {page: self.queries(browser, page) for page in EVERY_PAGE}
        for number in range(8):
            world.sale((f"Shop {number}", brl(1_000 + number)), fee_minor=60)

        many = {page: self.queries(browser, page) for page in EVERY_PAGE}

        assert many == few

    def queries(self, browser: Client, page: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(address(page, **EVERY_PAGE[page])).status_code == 200
        return len(asked)


class TestTrialBalance:
    def test_goes_back_to_a_business_day(self, world: World, sign_in: SignIn) -> None:
        day = (world.now - timedelta(days=10)).date()

        text = text_of(sign_in("vera"), "trial_balance", on=day)

        debits = sum(found.debit_minor for found in trial_balance(currency="BRL", on=day) if found.debit_minor > 0)
        assert debits == 15_050
        assert totals(text) == [[str(brl(debits).display)] * 2]

    def test_goes_back_to_what_was_recorded_by_a_moment(self, world: World, sign_in: SignIn) -> None:
        moment = world.now - timedelta(days=5)

        text = text_of(sign_in("vera"), "trial_balance", at=f"{moment:%Y-%m-%dT%H:%M:%S}")

        assert totals(text) == [[str(brl(15_050).display)] * 2]

    def test_goes_by_value_date(self, world: World, sign_in: SignIn) -> None:
        day = (world.now - timedelta(days=30)).date()
        lines = (debit("bank:main", brl(700)), credit("platform:commission", brl(700)))
        entry = Entry(recipe="payment_captured", reference="late", lines=lines, value_date=day)
        with money_tx("test"):
            post(entry, actor="system:test", now=world.now)
        browser = sign_in("vera")

        assert totals(text_of(browser, "trial_balance", effective_on=day)) == [[str(brl(700).display)] * 2]
        assert "R$700" not in text_of(browser, "trial_balance", on=day)

    def test_leads_into_each_currency_and_each_account(self, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera"), "trial_balance").replace("&amp;", "&")

        for target in (
            address("balance_sheet", currency="BRL"),
            address("income_statement", currency="BRL"),
            address("statement", **CLEARING),
            address("explain", **CLEARING),
            address("explain", account="platform:commission", currency="BRL"),
        ):
            assert f'href="{target}"' in text

    def test_is_downloaded_as_it_is_shown(self, world: World, sign_in: SignIn) -> None:
        day = (world.now - timedelta(days=10)).date()

        answer, rows = csv_of(sign_in("vera"), "trial_balance", on=day)

        assert f"trial-balance-{day}.csv" in answer["Content-Disposition"]
        found = {(row["account"], row["currency"]): int(row["debit_minor"]) for row in rows}
        assert found == {(each.code, each.currency): each.debit_minor for each in trial_balance(on=day)}


class TestBalanceSheet:
    def test_ends_in_the_same_total_on_both_sides(self, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera"), "balance_sheet", currency="BRL")

        total = str(balance_sheet(currency="BRL").total_assets.display)
        assert totals(text) == [[total], [total]]
        assert "Result so far" in text

    def test_goes_back_to_a_day_on_which_there_was_nothing(self, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera"), "balance_sheet", on=world.now.date() - timedelta(days=60))

        assert "No assets." in text


class TestIncomeStatement:
    def test_ends_in_the_periods_result(self, world: World, sign_in: SignIn) -> None:
        period = Period(since=world.now.date() - timedelta(days=25), until=world.now.date() - timedelta(days=15))

        text = text_of(sign_in("vera"), "income_statement", since=period.since, until=period.until)

        assert income_statement(currency="BRL", period=period).result == brl(1_505 - 451)
        assert totals(text) == [[str(brl(1_505 - 451).display)]]

    def test_is_this_months_unless_asked_otherwise(self, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera"), "income_statement")

        assert f'value="{world.now.date().replace(day=1)}"' in text
        assert f'value="{world.now.date()}"' in text


class TestStatement:
    def test_goes_from_opening_to_closing(self, world: World, sign_in: SignIn) -> None:
        since = world.now.date() - timedelta(days=10)

        text = text_of(sign_in("vera"), "statement", **CLEARING, since=since, until=world.now.date())

        assert re.search(r"Opening balance.*?R\$145\.99", text, re.DOTALL)
        assert totals(text) == [[str(balance(code=CLEARING["account"], currency="BRL").display)]]
        assert text.count("ch_test_00002") == 2

    def test_says_what_it_leaves_out(self, world: World, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reports, "LINES_SHOWN", 1)
        browser = sign_in("vera")

        text = text_of(browser, "statement", **CLEARING, since="2020-01-01")
        _, rows = csv_of(browser, "statement", **CLEARING, since="2020-01-01")

        assert "4 further lines" in text
        assert [row["row"] for row in rows] == ["opening", *["line"] * 5, "closing"]
        assert totals(text) == [[str(brl(int(rows[-1]["balance_minor"])).display)]]

    def test_shows_strange_text_and_never_obeys_it(self, world: World, sign_in: SignIn) -> None:
        hostile = "=<script>alert(1)</script>\u202egnp.exe"
        lines = (debit("bank:main", eur(700), hostile), credit("platform:commission", eur(700), hostile))
        with money_tx("test"):
            post(
                Entry(recipe="payment_captured", reference=hostile, lines=lines, subject=hostile),
                actor="system:test",
                now=world.now,
            )
        browser = sign_in("vera")

        for page in ("statement", "explain"):
            text = text_of(browser, page, account="bank:main", currency="EUR")
            assert "&lt;script&gt;alert(1)&lt;/script&gt;[U+202E]gnp.exe" in text
            assert "<script>alert" not in text
            _, rows = csv_of(browser, page, account="bank:main", currency="EUR")
            assert {row["item"] for row in rows if row["item"]} == {f"'{hostile}"}


class TestGeneralLedger:
    def test_goes_through_every_account_to_the_balances_of_the_trial_balance(
        self, world: World, sign_in: SignIn
    ) -> None:
        text = text_of(sign_in("vera"), "general_ledger", currency="BRL", since="2020-01-01", until="")

        held = [found for found in trial_balance(currency="BRL") if found.code in text]
        assert totals(text) == [[str(found.balance.display)] for found in held]
        assert len(held) >= 5
        assert f"1 to {len(held)} of {len(held)}" in text

    def test_has_all_rows_on_its_pages_together(
        self, world: World, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        facts = {"under": "psp:stripe", "currency": "BRL", "since": "2020-01-01"}
        browser = sign_in("vera")
        whole = text_of(browser, "general_ledger", **facts)
        monkeypatch.setattr(reports, "LINES_ON_A_PAGE", 2)

        pages = [text_of(browser, "general_ledger", **facts)]
        while following := re.search(r'href="([^"]*)">Next page', pages[-1]):
            pages.append(browser.get(following[1].replace("&amp;", "&")).content.decode())

        lines = r'href="[^"]*/journalentry/(\d+)/'
        assert len(pages) > 2
        assert "Brought from the page before" in pages[1]
        assert [found for page in pages for found in re.findall(lines, page)] == re.findall(lines, whole)
        assert totals(pages[-1])[-1] == totals(whole)[-1]
        assert "First page" in pages[-1]
        assert "Next page" not in pages[-1]

    def test_shows_the_other_side_of_each_line(self, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera"), "general_ledger", under="psp:stripe:fees", since="2020-01-01")

        assert "psp:stripe:clearing" in text

    def test_is_downloaded_whole_whatever_page_is_shown(
        self, world: World, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reports, "LINES_ON_A_PAGE", 1)

        _, rows = csv_of(
            sign_in("vera"), "general_ledger", type="expense", since="2020-01-01", place="BRL//0/psp:stripe:fees"
        )

        assert {row["account"] for row in rows} == {"psp:stripe:fees"}
        closing = balance(code="psp:stripe:fees", currency="BRL")
        assert [row["balance_minor"] for row in rows if row["row"] == "closing"] == [str(closing.minor)]


class TestSellerStatement:
    def test_closes_with_the_sellers_wallet(self, world: World, sign_in: SignIn) -> None:
        seller = world.seller("Bob's Books").pk
        browser = sign_in("vera")

        text = text_of(browser, "seller_statement", seller=seller, currency="BRL", since="2020-01-01")
        _, rows = csv_of(browser, "seller_statement", seller=seller, currency="BRL", since="2020-01-01")

        held = wallet(seller=seller, currency="BRL")
        parts = (held.pending, held.available, held.reserved, held.receivable)
        assert totals(text)[0][:4] == [str(part.display) for part in parts]
        assert [rows[-1][f"{name}_minor"] for name in ("pending", "available", "reserved", "receivable")] == [
            str(part.minor) for part in parts
        ]

    def test_is_found_from_each_of_the_sellers_accounts(self, world: World, sign_in: SignIn) -> None:
        seller = world.seller("Bob's Books").pk

        text = text_of(sign_in("vera"), "statement", account=f"seller:{seller}:pending", currency="BRL")

        assert f"seller-statement/?seller={seller}&amp;currency=BRL" in text


class TestExplain:
    def test_sums_its_items_to_the_balance(self, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera"), "explain", **CLEARING)

        held = str(balance(code=CLEARING["account"], currency="BRL").display)
        assert totals(text) == [[held]]
        assert "nothing: exact to the minor unit" in text
        assert "ch_test_00001" in text

    def test_says_how_much_of_the_balance_it_does_not_show_one_by_one(
        self, world: World, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reports, "ITEMS_SHOWN", 1)
        browser = sign_in("vera")

        text = text_of(browser, "explain", **CLEARING)
        _, rows = csv_of(browser, "explain", **CLEARING)

        explained = explain_balance(code=CLEARING["account"], currency="BRL", now=world.now)
        assert "2 younger items" in text
        assert totals(text) == [[str(explained.balance.display)]]
        assert [row["item"] for row in rows if row["row"] == "item"] == [item.item for item in explained.items]
        assert sum(int(row["amount_minor"]) for row in rows[:-1]) == int(rows[-1]["amount_minor"])

    def test_explains_an_income_by_month(self, world: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera"), "explain", account="platform:commission", currency="BRL")

        # Of the month of its latest sale: on the first of a month that is the one before.
        assert f"{world.now - timedelta(days=1, hours=2):%Y-%m}" in text
        assert totals(text) == [[str(Money(2_404, "BRL").display)]]


class TestAccountPage:
    @pytest.mark.parametrize("page", ["statement", "explain"])
    def test_leads_to_the_accounts_reports(self, page: str, world: World, sign_in: SignIn) -> None:
        account = Account.objects.get(code="psp:stripe:clearing", currency="BRL")
        browser = sign_in("vera")
        shown = browser.get(reverse("admin:ledger_account_change", args=[account.pk])).content.decode()

        [hand] = set(re.findall(rf'href="([^"]*/to-{page}[^"]*)"', shown))
        answer = browser.get(hand)

        assert answer["Location"] == address(page, **CLEARING)
