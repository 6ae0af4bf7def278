"""What stands around every page: the header, empty lists, dates, and the pages that say no."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from config.console import SECTIONS, Page
from ledger.models import Account, JournalEntry
from tests.console.journals import LIST, page, text_of
from tests.console.world import World

SignIn = Callable[[str], Client]


class TestLogIn:
    def test_leads_to_the_first_page_where_nobody_asked_for_another(self, market: World) -> None:
        User.objects.create_superuser("root", password="opens-every-drawer")
        browser = Client()

        answer = browser.post(reverse("admin:login"), {"username": "root", "password": "opens-every-drawer"})

        assert answer["Location"] == reverse("admin:index")


class TestLists:
    def test_that_are_empty_say_so_and_offer_nothing(self, market: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("oscar").get(reverse(LIST)))

        assert "There are no manual journals so far." in text
        assert "Create a new item" not in text
        assert "Show everything" not in text

    def test_that_found_nothing_lead_back_to_everything(self, market: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("oscar").get(reverse("admin:ledger_journalentry_changelist"), {"q": "no such thing"}))

        assert "Nothing matches" in text
        assert "Show everything" in text

    def test_offer_to_show_all_only_where_something_is_left_out(self, market: World, sign_in: SignIn) -> None:
        browser, address = sign_in("vera"), reverse("admin:ledger_account_changelist")

        assert "( Show all )" not in text_of(browser.get(address))
        assert "( Show all )" in text_of(browser.get(address, {"q": "psp:"}))

    def test_write_days_like_moments(self, market: World, sign_in: SignIn) -> None:
        entry = JournalEntry.objects.latest("pk")

        text = text_of(sign_in("vera").get(reverse("admin:ledger_journalentry_changelist")))

        assert f" {entry.business_date:%Y-%m-%d} {entry.recorded_at:%Y-%m-%d %H:%M}" in text


class TestWhatTheConsoleCallsThings:
    @pytest.mark.parametrize("page", [page for pages in SECTIONS.values() for page in pages if not page.query], ids=str)
    def test_is_the_same_over_a_list_as_beside_it(self, page: Page, market: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("admin").get(reverse(f"admin:{page.url}")))

        over = re.search(r"dock_to_right (?:[^.]{0,40} chevron_right )?([^.]{0,60}?) Test ", text)
        words = re.findall(r"\w{4,}", page.title.lower())

        assert over is not None
        assert any(word in over[1].lower() for word in words), over[1]
        assert "human task" not in text


class TestRefusals:
    def test_have_a_way_back(self, market: World, sign_in: SignIn) -> None:
        journal = market.journal()
        browser = sign_in("oscar")

        for address, status in (
            (page("approve", journal), 403),
            (reverse(LIST) + "mj_nobody/withdraw/", 404),
            (reverse("admin:index") + "nowhere/", 404),
        ):
            answer = browser.get(address)
            assert answer.status_code == status
            assert f'href="{reverse("admin:index")}"' in answer.content.decode()

    def test_are_machine_readable_outside_the_console(self, client: Client) -> None:
        assert client.get("/nowhere")["Content-Type"] == "application/problem+json"


class TestAccountPage:
    def test_says_in_words_what_the_database_guards(self, market: World, sign_in: SignIn) -> None:
        account = Account.objects.get(code="psp:stripe:clearing")

        text = text_of(sign_in("vera").get(reverse("admin:ledger_account_change", args=[account.pk])))

        assert "Never below zero" in text
        assert "Guarded" not in text


class TestFirstPage:
    def test_tells_which_journals_wait_for_a_second_person(self, market: World, sign_in: SignIn) -> None:
        before = text_of(sign_in("anna").get(reverse("admin:index")))
        market.journal()
        after = text_of(sign_in("anna").get(reverse("admin:index")))

        assert "Journals for a second person none nothing waits" in before
        assert "Journals for a second person 1 not booked until approved" in after
