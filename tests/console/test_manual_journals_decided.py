"""Manual journals in the console: decided by a second person, with the evidence at hand."""

import re
from collections.abc import Callable

import pytest
from django.contrib.admin.utils import quote
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ledger.models import JournalEntry, ManualJournal
from operations.models import Approval
from payments.models import Checkout
from tests.console.journals import ANN, LIST, WRITE, page, text_of, written
from tests.console.world import World

SignIn = Callable[[str], Client]


class TestApprove:
    def test_shows_what_is_decided_before_it_is(self, journal: ManualJournal, sign_in: SignIn) -> None:
        text = text_of(sign_in("anna").get(page("approve", journal)))

        for expected in (
            "Approve this manual journal of R$12.50?",
            "bank charges of March, statement page 4",
            "user:oscar",
            "Total R$12.50 R$12.50",
            "Balances before and after",
            "statement.pdf",
        ):
            assert expected in text
        assert ManualJournal.objects.get().state == "requested"

    def test_books_it_as_a_second_person(self, journal: ManualJournal, sign_in: SignIn) -> None:
        answer = sign_in("anna").post(page("approve", journal), {"note": "seen the statement"}, follow=True)

        entry = JournalEntry.objects.get(recipe="manual_journal")
        approval = Approval.objects.get(subject=f"manual_journal:{journal.pk}")
        assert "Approved and booked: R$12.50." in text_of(answer)
        assert (entry.reference, entry.actor) == (journal.pk, "user:anna")
        assert (approval.state, approval.checker, approval.note) == ("granted", "user:anna", "seen the statement")

    @pytest.mark.parametrize("hand", ["approve", "reject"])
    def test_is_not_for_the_maker_even_an_administrator(self, hand: str, market: World, sign_in: SignIn) -> None:
        mine = market.journal(maker="user:admin")
        browser = sign_in("admin")

        shown = browser.get(page("change", mine))
        asked = browser.get(page(hand, mine))
        browser.post(page(hand, mine), {"note": "mine", "reason": "mine is right"})

        why = "You wrote this journal: a second person must approve or reject it."
        assert why in text_of(shown)
        assert page(hand, mine) not in shown.content.decode()
        assert why in text_of(asked)
        assert ManualJournal.objects.get().state == "requested"
        assert Approval.objects.get(subject=f"manual_journal:{mine.pk}").state == "requested"

    def test_tells_in_a_sentence_when_the_money_has_gone(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")
        ann = market.seller(ANN).pk
        drafted = written(browser, (f"seller:{ann}:pending", "90", "", "BRL", ""), ("bank:main", "", "90", "BRL", ""))
        browser.post(page("submit", drafted))
        market.release(Checkout.objects.get())

        answer = sign_in("anna").post(page("approve", drafted), {"note": ""}, follow=True)

        assert f"seller:{ann}:pending has 0.00 BRL: this would take it to -90.00 BRL" in text_of(answer)
        assert ManualJournal.objects.get().state == "requested"
        assert Approval.objects.get(kind="ledger.manual_journal").state == "requested"

    def test_is_reached_from_the_list_of_approvals(self, journal: ManualJournal, sign_in: SignIn) -> None:
        listed = sign_in("anna").get(reverse("admin:operations_approval_changelist")).content.decode()

        assert quote(journal.pk) in listed


class TestReject:
    def test_books_nothing_and_keeps_the_reason(self, journal: ManualJournal, sign_in: SignIn) -> None:
        sign_in("anna").post(page("reject", journal), {"reason": "the page is missing"})

        assert ManualJournal.objects.get().state == "rejected"
        assert Approval.objects.get(subject=f"manual_journal:{journal.pk}").note == "the page is missing"
        assert not JournalEntry.objects.filter(recipe="manual_journal").exists()


class TestAttachment:
    def address(self, journal: ManualJournal) -> str:
        return reverse("admin:ledger_manualjournal_attachment", args=[journal.pk, journal.attachments.get().pk])

    def test_is_handed_over_as_a_download_and_never_shown(self, journal: ManualJournal, sign_in: SignIn) -> None:
        answer = sign_in("vera").get(self.address(journal))

        assert answer.content == b"%PDF-1.7 page 4"
        assert answer["Content-Type"] == "application/pdf"
        assert answer["Content-Disposition"] == 'attachment; filename="statement.pdf"'
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer["Content-Security-Policy"]

    def test_is_closed_to_people_without_the_books(self, journal: ManualJournal) -> None:
        from django.contrib.auth.models import User

        browser = Client()
        browser.force_login(User.objects.create(username="sven", is_staff=True))

        assert browser.get(self.address(journal)).status_code == 403
        assert Client().get(self.address(journal)).status_code == 302

    def test_is_found_only_under_its_own_journal(self, market: World, journal: ManualJournal, sign_in: SignIn) -> None:
        other = market.journal(amount="1.00")
        wrong = reverse("admin:ledger_manualjournal_attachment", args=[other.pk, journal.attachments.get().pk])

        assert sign_in("vera").get(wrong).status_code == 404


class TestPermission:
    def test_is_asked_of_every_role(self, market: World, sign_in: SignIn, subtests: pytest.Subtests) -> None:
        asked, drafted = market.journal(), market.journal(amount="2.00", submit=False)
        entry = JournalEntry.objects.get(recipe="payment_captured")
        hands = {
            reverse(WRITE): {"oscar"},
            page("submit", drafted): {"oscar"},
            page("edit", drafted): {"oscar"},
            page("withdraw", drafted): {"oscar"},
            page("approve", asked): {"anna"},
            page("reject", asked): {"anna"},
            reverse("admin:ledger_journalentry_reverse_entry", args=[entry.pk]): {"oscar"},
        }
        browsers = {name: sign_in(name) for name in ("vera", "oscar", "anna", "augusto")}
        for address, allowed in hands.items():
            with subtests.test(address=address):
                answers = {name: browser.get(address).status_code for name, browser in browsers.items()}
                posted = {browsers[name].post(address, {}).status_code for name in browsers.keys() - allowed}

                assert {name for name, status in answers.items() if status == 200} == allowed
                assert posted == {403}


class TestPages:
    def test_list_tells_what_is_needed_and_counts_what_waits(self, journal: ManualJournal, sign_in: SignIn) -> None:
        answer = sign_in("anna").get(reverse(LIST))

        text = text_of(answer)
        assert f"{journal.pk} Manual journal requested R$12.50 bank charges of March, statement page 4" in text
        assert "user:oscar 0 days" in text
        counted = re.findall(r"<span>([^<]+)</span>\s*<span class=\"[^\"]*\">\s*(\d+)", answer.content.decode())
        assert ("Manual journals", "1") in counted
        assert "Payout batches" not in dict(counted)

    def test_list_asks_as_often_for_many_rows_as_for_few(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("anna")
        market.journal()
        few = self.queries(browser)
        for number in range(8):
            market.journal(amount=f"{number + 2}.00", submit=bool(number % 2))

        assert self.queries(browser) == few

    def queries(self, browser: Client) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(reverse(LIST)).status_code == 200
        return len(asked)

    def test_row_tells_the_whole_story(self, journal: ManualJournal, sign_in: SignIn) -> None:
        sign_in("anna").post(page("approve", journal), {"note": "seen the statement"})
        entry = JournalEntry.objects.get(recipe="manual_journal")

        text = text_of(sign_in("augusto").get(page("change", journal)))

        for expected in (
            f"Journal entry {entry.pk}",
            "posted",
            "Total R$12.50 R$12.50",
            "statement.pdf",
            "seen the statement",
            "ledger.manual_journal.submitted",
        ):
            assert expected in text
        assert "Balances before and after" not in text

    def test_show_hostile_words_and_never_obey_them(self, market: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")
        hostile = "<script>alert(1)</script> \u202egnp.exe"
        drafted = written(
            browser,
            ("rounding", "1", "", "BRL", hostile),
            ("bank:main", "", "1", "BRL", ""),
            description=hostile,
            attachments=SimpleUploadedFile("<b>x\u202e.txt", b"x"),
        )

        for address in (reverse(LIST), page("change", drafted), page("submit", drafted), page("edit", drafted)):
            content = browser.get(address).content.decode()
            assert "<script>alert" not in content
            assert "<b>x" not in content
            assert "\u202e" not in content
