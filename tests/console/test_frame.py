"""What stands around every page: the header, empty lists, dates, and the pages that say no."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.console import SECTIONS, Page
from config.problems import server_error
from ledger.models import Account, JournalEntry
from tests.console.journals import LIST, page, text_of
from tests.console.world import World

SignIn = Callable[[str], Client]


def broken(*_: object, **__: object) -> dict[str, object]:
    """Fail, as a page with a bug would."""
    raise LookupError("no such table")


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
        assert " to view" not in text.partition("|")[0]


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

    def test_of_a_step_stand_in_the_frame_and_say_which_right_is_missing_and_whom_to_ask(
        self, market: World, sign_in: SignIn
    ) -> None:
        answer = sign_in("oscar").get(page("approve", market.journal()))

        text = text_of(answer)
        assert answer.status_code == 403
        assert "Payout batches" in text, "the sidebar is there"
        assert "Not allowed" in text
        assert (
            "Your role does not let you approve or reject what somebody else proposed (operations.change_approval)."
            in text
        )
        assert "Roles that do: approver." in text
        assert "Ask an administrator for it: admin." in text

    def test_of_a_page_name_the_page(self, market: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("vera").get(reverse("admin:operations_job_changelist")))

        assert "see Jobs and dead letters (operations.view_job)" in text
        assert "Roles that do: approver, auditor, finance operator." in text

    def test_of_what_makes_no_sense_do_not_send_for_a_right(self, market: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("admin").post(reverse("admin:ledger_account_changelist"), {"action": "delete"}))

        assert "makes no sense" in text
        assert "Ask an administrator" not in text

    def test_of_what_is_not_there_stand_in_the_frame(self, market: World, sign_in: SignIn) -> None:
        text = text_of(sign_in("oscar").get(reverse("admin:index") + "nowhere/"))

        assert "Not found" in text
        assert "Payout batches" in text

    def test_of_a_form_that_was_open_too_long_say_so(self, market: World, sign_in: SignIn) -> None:
        browser = Client(enforce_csrf_checks=True)
        answer = browser.post(reverse("admin:login"), {"username": "oscar", "password": "x"})

        assert answer.status_code == 403
        assert "Open the page afresh" in text_of(answer)

    def test_of_what_went_wrong_here_need_no_database(
        self, market: World, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        browser = sign_in("oscar")
        browser.raise_request_exception = False
        monkeypatch.setattr("config.console.first_page", broken)

        with CaptureQueriesContext(connection) as asked:
            request = RequestFactory().get(reverse("admin:index"))
            alone = server_error(request)
        answer = browser.get(reverse("admin:index"), headers={"X-Request-Id": "req_of_this_test"})

        assert (len(asked), alone.status_code) == (0, 500)
        assert (answer.status_code, answer["Content-Type"]) == (500, "text/html; charset=utf-8")
        assert "Something went wrong here" in text_of(answer)
        assert "req_of_this_test" in text_of(answer)
        assert "no such table" not in text_of(answer)

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
