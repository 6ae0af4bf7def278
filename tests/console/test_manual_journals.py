"""Manual journals in the console: written on a form, previewed, changed, withdrawn; entries reversed."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ledger.models import JournalEntry, ManualJournal
from ledger.selectors import balance
from operations.models import Approval
from tests.console.journals import ANN, CHARGES, REASON, WRITE, filled, page, text_of, written
from tests.console.world import World, brl

SignIn = Callable[[str], Client]


class TestWriteJournal:
    def test_offers_twenty_lines_and_the_accounts_there_are(self, market: World, sign_in: SignIn) -> None:
        content = sign_in("oscar").get(reverse(WRITE)).content.decode()

        assert len(re.findall(r'name="line-\d+-account"', content)) == 20
        assert '<option value="psp:stripe:clearing">what the provider holds for us</option>' in content
        assert re.search(r'<option value="seller:[^"]+:pending">', content)
        assert '<option value="BRL">' in content

    def test_goes_on_to_a_preview_that_books_nothing(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")

        answer = browser.post(reverse(WRITE), filled())

        drafted = ManualJournal.objects.get()
        assert answer["Location"] == page("submit", drafted)
        assert (drafted.maker, drafted.state, drafted.description) == ("user:oscar", "drafted", REASON)
        assert not JournalEntry.objects.filter(recipe="manual_journal").exists()

    def test_keeps_the_files_that_were_chosen(self, market: World, sign_in: SignIn) -> None:
        files = [SimpleUploadedFile("a.pdf", b"%PDF-a"), SimpleUploadedFile("b.csv", b"day;sum")]

        drafted = written(sign_in("oscar"), attachments=files)

        assert [file.name for file in drafted.attachments.order_by("pk")] == ["a.pdf", "b.csv"]

    def test_is_one_draft_when_the_button_is_pressed_twice(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")

        answers = [browser.post(reverse(WRITE), filled()) for _ in range(2)]

        assert answers[0]["Location"] == answers[1]["Location"] == page("submit", ManualJournal.objects.get())

    def test_has_a_key_of_its_own_each_time_it_is_opened(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")

        keys = {
            re.findall(r'name="key" value="([^"]+)"', browser.get(reverse(WRITE)).content.decode())[0] for _ in "ab"
        }

        assert len(keys) == 2

    def test_shows_the_form_again_naming_the_remainder_with_all_that_was_typed(
        self, market: World, sign_in: SignIn
    ) -> None:
        typed = filled(("rounding", "3.20", "", "BRL", "page 9"), ("bank:main", "", "3.15", "BRL", "my item"))

        answer = sign_in("oscar").post(reverse(WRITE), {**typed, "value_date": "2026-01-05"})

        content = answer.content.decode()
        assert answer.status_code == 200
        [alert] = re.findall(r'role="alert">(.*?)</div>', content, re.DOTALL)
        assert "in BRL the debits are 0.05 more than the credits" in alert
        for value in ("rounding", "3.20", "page 9", "bank:main", "3.15", "my item", "BRL", "2026-01-05", "form-1"):
            assert f'value="{value}"' in content
        assert REASON in content
        assert not ManualJournal.objects.exists()

    def test_names_each_bad_field_at_the_top_and_in_its_place(self, market: World, sign_in: SignIn) -> None:
        lines = (("petty:cash", "1", "", "BRL", ""), ("", "", "", "", ""), ("bank:main", "", "1,5", "BRL", ""))

        content = sign_in("oscar").post(reverse(WRITE), filled(*lines)).content.decode()

        [alert] = re.findall(r'role="alert">(.*?)</div>', content, re.DOTALL)
        shown = html.unescape(alert)
        assert "Line 1, account: 'petty:cash' is not an account of the chart." in shown
        assert "Line 3, credit: '1,5' is not an amount of BRL" in shown
        first, _, third = re.findall(r'aria-label="Line [123]">(.*?)(?=<div class="cf-line")', content, re.DOTALL)[:3]
        assert "is not an account" in first
        assert "is not an amount" in third

    @pytest.mark.parametrize(
        ("head", "told"),
        [
            ({"description": "short"}, "Reason: Ensure this value has at least 10 characters"),
            ({"description": ""}, "Reason: This field is required."),
            ({"value_date": "2999-01-01"}, "The value date 2999-01-01 is in the future"),
            ({"value_date": "soon"}, "Value date: Enter a valid date"),
            ({"attachments": SimpleUploadedFile("run.exe", b"MZ")}, "is none of pdf, png"),
            ({"attachments": SimpleUploadedFile("big.txt", b"x" * (5 * 1024 * 1024 + 1))}, "is larger than 5 MB"),
        ],
    )
    def test_refuses_what_does_not_belong_into_the_books(
        self, head: dict[str, Any], told: str, market: World, sign_in: SignIn
    ) -> None:
        answer = sign_in("oscar").post(reverse(WRITE), filled(**head))

        assert answer.status_code == 200
        assert told in text_of(answer)
        assert not ManualJournal.objects.exists()

    def test_says_that_files_must_be_chosen_again(self, market: World, sign_in: SignIn) -> None:
        lines = (CHARGES[0], ("bank:main", "", "3.19", "BRL", ""))

        answer = sign_in("oscar").post(
            reverse(WRITE), filled(*lines, attachments=SimpleUploadedFile("a.pdf", b"%PDF-a"))
        )

        assert "Choose the attachments again" in text_of(answer)

    def test_gives_the_themes_script_a_place_for_the_name_of_a_chosen_file(
        self, market: World, sign_in: SignIn
    ) -> None:
        # The script looks three parents up from a file's field, and fails where no field of text is below.
        content = sign_in("oscar").get(reverse(WRITE)).content.decode()

        assert re.search(
            r'<span><span><input type="file"[^>]*></span><input type="text" hidden disabled></span>', content
        )

    def test_opens_the_further_lines_when_something_stands_there(self, market: World, sign_in: SignIn) -> None:
        blank = ("", "", "", "", "")
        lines = (CHARGES[0], *[blank] * 7, ("bank:main", "", "3.19", "BRL", ""))

        content = sign_in("oscar").post(reverse(WRITE), filled(*lines)).content.decode()

        assert "<details open>" in content


class TestPreview:
    def test_shows_the_balanced_table_and_the_balances_before_and_after(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")
        drafted = written(
            browser, ("losses:write_off", "40.00", "", "BRL", ""), ("psp:stripe:clearing", "", "40.00", "BRL", "ch_1")
        )

        text = text_of(browser.get(page("submit", drafted)))

        assert "Debits and credits in BRL" in text
        assert "Total R$40.00 R$40.00" in text
        assert "losses:write_off debts given up R$0.00 R$40.00 new account" in text
        assert "psp:stripe:clearing what the provider holds for us R$100.00 R$60.00" in text
        assert "A second person is asked" in text

    def test_has_one_table_with_its_totals_for_each_currency(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")
        drafted = written(browser, *CHARGES, ("rounding", "", "7", "JPY", ""), ("bank:main", "7", "", "JPY", ""))

        text = text_of(browser.get(page("submit", drafted)))

        assert "Debits and credits in BRL" in text
        assert "Debits and credits in JPY" in text
        assert "Total ¥7 ¥7" in text

    def test_asks_a_second_person_when_it_is_submitted(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")
        drafted = written(browser)

        answer = browser.post(page("submit", drafted), follow=True)

        assert "waits for a second person" in text_of(answer)
        assert ManualJournal.objects.get().state == "requested"
        assert Approval.objects.get(kind="ledger.manual_journal").maker == "user:oscar"

    def test_says_how_much_one_person_may_book_alone(self, market: World, sign_in: SignIn, settings: Any) -> None:
        settings.MANUAL_JOURNAL_LIMIT_MINOR = {"BRL": 319}
        browser = sign_in("oscar")

        text = text_of(browser.get(page("submit", written(browser))))

        assert "A second person is asked to approve it: one person alone may book at most R$3.19." in text

    def test_books_at_once_within_the_limit(self, market: World, sign_in: SignIn, settings: Any) -> None:
        settings.MANUAL_JOURNAL_LIMIT_MINOR = {"BRL": 320}
        browser = sign_in("oscar")
        drafted = written(browser)
        previewed = text_of(browser.get(page("submit", drafted)))

        answer = browser.post(page("submit", drafted), follow=True)

        assert "Book it now" in previewed
        assert "Booked: R$3.20, as journal entry" in text_of(answer)
        assert balance(code="rounding", currency="BRL") == brl(320)

    def test_says_what_a_seller_cannot_bear_and_offers_to_change_it(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")
        ann = f"seller:{market.seller(ANN).pk}:pending"
        drafted = written(browser, (ann, "90.01", "", "BRL", ""), ("bank:main", "", "90.01", "BRL", ""))

        shown = browser.get(page("submit", drafted))
        posted = browser.post(page("submit", drafted), follow=True)

        assert "has 90.00 BRL: this would take it to -0.01 BRL" in text_of(shown)
        assert "Submit for approval" not in text_of(shown)
        assert page("edit", drafted) in shown.content.decode()
        assert "this would take it to -0.01 BRL" in text_of(posted)
        assert ManualJournal.objects.get().state == "drafted"

    def test_is_submitted_by_nobody_but_the_maker(self, market: World, sign_in: SignIn) -> None:
        drafted = market.journal(maker="user:olga", submit=False)
        browser = sign_in("oscar")

        shown = text_of(browser.get(page("submit", drafted)))
        browser.post(page("submit", drafted))

        assert "only they can submit it" in shown
        assert ManualJournal.objects.get().state == "drafted"


class TestChangeDraft:
    def test_begins_with_what_the_draft_says_and_keeps_the_rest(self, market: World, sign_in: SignIn) -> None:
        drafted = market.journal(submit=False)
        browser = sign_in("oscar")
        shown = browser.get(page("edit", drafted)).content.decode()

        answer = browser.post(page("edit", drafted), filled())

        assert 'value="12.50"' in shown
        assert "Attached already, and kept: <bdi>statement.pdf</bdi>." in " ".join(shown.split())
        assert answer["Location"] == page("submit", drafted)
        found = ManualJournal.objects.get()
        assert (found.totals["BRL"], found.description, found.attachments.count()) == (brl(320), REASON, 1)

    @pytest.mark.parametrize("who", ["admin", "anna"])
    def test_is_for_its_maker_only(self, who: str, market: World, sign_in: SignIn) -> None:
        drafted = market.journal(submit=False)

        assert sign_in(who).post(page("edit", drafted), filled()).status_code == 403
        assert ManualJournal.objects.get().totals["BRL"] == brl(1_250)

    def test_ends_with_its_submission(self, journal: ManualJournal, sign_in: SignIn) -> None:
        assert sign_in("oscar").post(page("edit", journal), filled()).status_code == 403


class TestWithdraw:
    def test_calls_a_draft_off(self, market: World, sign_in: SignIn) -> None:
        drafted = market.journal(maker="user:olga", submit=False)

        sign_in("oscar").post(page("withdraw", drafted), {"note": "Olga is on leave"})

        assert ManualJournal.objects.get().state == "withdrawn"


class TestReverseEntry:
    def hand(self, entry: JournalEntry) -> str:
        return reverse("admin:ledger_journalentry_reverse_entry", args=[entry.pk])

    def drafted(self, browser: Client, entry: JournalEntry) -> ManualJournal:
        answer = browser.post(self.hand(entry), {"description": "booked twice by mistake"})
        found = ManualJournal.objects.get(reverses=entry, state="drafted")
        assert answer["Location"] == page("submit", found)
        return found

    def test_shows_every_line_mirrored(self, market: World, sign_in: SignIn) -> None:
        entry = JournalEntry.objects.get(recipe="payment_captured")

        text = text_of(sign_in("oscar").get(self.hand(entry)))

        assert f"Reverse journal entry {entry.pk}?" in text
        assert re.search(r"psp:stripe:clearing ch_test_00001 R\$100\.00", text)
        assert "Total R$100.00 R$100.00" in text
        assert "no money moves at the provider" in text

    def test_goes_through_the_same_preview_and_second_person(self, market: World, sign_in: SignIn) -> None:
        entry = JournalEntry.objects.get(recipe="payment_captured")
        browser = sign_in("oscar")
        drafted = self.drafted(browser, entry)
        previewed = text_of(browser.get(page("submit", drafted)))

        browser.post(page("submit", drafted))
        sign_in("anna").post(page("approve", drafted), {"note": ""})

        mirror = JournalEntry.objects.get(recipe="entry_reversed")
        assert "Preview: reversal of R$100.00" in previewed
        assert mirror.reference == f"entry:{entry.pk}"
        assert balance(code="psp:stripe:clearing", currency="BRL") == brl(0)

    def test_is_not_offered_twice(self, market: World, sign_in: SignIn) -> None:
        entry = JournalEntry.objects.get(recipe="payment_captured")
        browser = sign_in("oscar")
        drafted = self.drafted(browser, entry)
        address = reverse("admin:ledger_journalentry_change", args=[entry.pk])

        shown = browser.get(address)
        again = browser.post(self.hand(entry), {"description": "booked twice by mistake"}, follow=True)

        assert self.hand(entry) not in shown.content.decode()
        assert f"A reversal of this entry is drafted, and not booked yet: {drafted.pk}." in text_of(shown)
        assert "is reversed already, or is about to be" in text_of(again)
        assert f'href="{page("change", ManualJournal.objects.get())}">See the reversal' in (
            browser.get(self.hand(entry)).content.decode()
        )
        assert ManualJournal.objects.count() == 1

    def test_links_the_two_entries_to_each_other(self, market: World, sign_in: SignIn) -> None:
        entry = JournalEntry.objects.get(recipe="payment_captured")
        browser = sign_in("oscar")
        drafted = self.drafted(browser, entry)
        browser.post(page("submit", drafted))
        sign_in("anna").post(page("approve", drafted), {"note": ""})
        mirror = JournalEntry.objects.get(recipe="entry_reversed")

        first, second = (
            text_of(browser.get(reverse("admin:ledger_journalentry_change", args=[pk]))) for pk in (entry.pk, mirror.pk)
        )

        assert f"This entry is reversed by journal entry {mirror.pk}" in first
        assert f"This entry reverses journal entry {entry.pk}." in second

    def test_keeps_the_reason_when_the_file_is_refused(self, market: World, sign_in: SignIn) -> None:
        entry = JournalEntry.objects.get(recipe="payment_captured")
        given = {"description": "booked twice by mistake", "attachments": SimpleUploadedFile("a.exe", b"MZ")}

        answer = sign_in("oscar").post(self.hand(entry), given)

        assert answer.status_code == 200
        assert "booked twice by mistake" in text_of(answer)
        assert "is none of pdf" in text_of(answer)
        assert not ManualJournal.objects.exists()
