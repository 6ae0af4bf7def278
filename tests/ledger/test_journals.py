"""Manual journals: drafted whole or not at all, booked by one person within a limit, above it by two."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger import recipes
from ledger.models import JournalEntry, ManualJournal
from ledger.services import (
    AlreadyReversed,
    AttachmentRefused,
    EntryMissing,
    FormSentTwice,
    JournalNotBalanced,
    LinesAreFixed,
    LinesRefused,
    NotTheMaker,
    ReversalWaits,
    TextRefused,
    TypedLine,
    Upload,
    ValueDateRefused,
    WrongNumberOfLines,
    draft_journal,
    revise_journal,
    withdraw_journal,
)
from operations.lifecycle import IllegalTransition
from operations.selectors import audit_trail
from operations.services import reject_approval
from tests.ledger.test_posting import book, captured, euros
from tests.ledger.written import (
    CHARGES,
    PDF,
    REASON,
    SALE,
    approval_of,
    booked,
    credit,
    debit,
    draft,
    reversal,
    state,
    submit,
    the_sale,
)
from tests.ledger_text import assert_balances
from tests.snapshot import nothing_changes
from tests.world import CHECKER, MAKER

pytestmark = pytest.mark.django_db


class TestDraftJournal:
    def test_keeps_what_was_written_and_books_nothing(self) -> None:
        journal = draft(debit("rounding", "12.50", item="page 4"), credit("bank:main", "12.5"), attachments=[PDF])

        lines = [(line.account, str(line.amount), line.item) for line in journal.entry_lines]
        assert lines == [("rounding", "12.50 EUR", "page 4"), ("bank:main", "-12.50 EUR", "")]
        assert (state(journal), journal.maker, journal.description) == ("drafted", MAKER, REASON)
        assert journal.totals == {"EUR": euros(1_250)}
        assert not JournalEntry.objects.exists()

    def test_keeps_the_evidence_byte_for_byte(self) -> None:
        journal = draft(attachments=[PDF, Upload(name="notes.txt", content="Grüße".encode())])

        kept = {file.name: (file.content_type, bytes(file.content)) for file in journal.attachments.all()}
        assert kept == {
            "statement.pdf": ("application/pdf", PDF.content),
            "notes.txt": ("text/plain", "Grüße".encode()),
        }

    def test_keeps_the_same_file_once(self) -> None:
        assert draft(attachments=[PDF, PDF]).attachments.count() == 1

    def test_balances_each_currency_by_itself(self) -> None:
        journal = draft(
            debit("bank:main", "10"), credit("fx:stripe:trading", "10"),
            debit("fx:stripe:trading", "1800", "JPY"), credit("bank:main", "1800", "JPY"),
        )  # fmt: skip

        assert {currency: total.text for currency, total in journal.totals.items()} == {"EUR": "10.00", "JPY": "1800"}

    def test_leaves_blank_lines_out(self) -> None:
        blank = TypedLine(account="", debit="", credit="", currency="EUR")

        assert len(draft(blank, CHARGES[0], blank, CHARGES[1], blank).entry_lines) == 2

    def test_tells_the_audit_trail(self) -> None:
        journal = draft(attachments=[PDF])

        [told] = audit_trail(subject=f"manual_journal:{journal.pk}")
        assert (told.action, told.actor) == ("ledger.manual_journal.drafted", MAKER)
        assert told.facts == {"total": "12.50 EUR", "lines": 2, "attachments": 1}

    def test_takes_a_form_that_is_sent_twice_as_one_journal(self) -> None:
        first = draft(key="form-1", attachments=[PDF])

        assert draft(key="form-1", attachments=[PDF]).pk == first.pk
        assert ManualJournal.objects.count() == 1

    @pytest.mark.parametrize(
        "other",
        [
            {"description": "bank charges of April, page 5"},
            {"value_date": date(2026, 1, 2)},
            {"attachments": []},
            {"actor": "user:olga"},
            {"lines": (debit("rounding", "12.51"), credit("bank:main", "12.51"))},
        ],
        ids=lambda other: next(iter(other)),
    )
    def test_refuses_other_content_from_a_form_that_was_sent(self, other: dict[str, Any]) -> None:
        first = draft(key="form-1", attachments=[PDF])

        with nothing_changes(), pytest.raises(FormSentTwice, match=first.pk):
            draft(**{"key": "form-1", "attachments": [PDF], **other})


class TestDraftJournalRefuses:
    """Bad input names its field, and nothing is kept of it."""

    @pytest.mark.parametrize(
        ("line", "field", "problem"),
        [
            (debit("petty:cash", "1"), "account", "is not an account of the chart"),
            (debit("", "1"), "account", "an account is needed"),
            (debit("bank:" + "x" * 200, "1"), "account", "at most 120 characters"),
            (debit("bank:main\n", "1"), "account", "is not an account of the chart"),
            (debit("seller:nobody:available", "1"), "account", "the books know no seller 'nobody'"),
            (debit("seller:an:available", "1"), "account", "the books know no seller 'an'"),
            (debit("bank:main", ""), "debit", "as a debit or as a credit"),
            (
                TypedLine(account="bank:main", debit="1", credit="1", currency="EUR"),
                "debit",
                "as a debit or as a credit",
            ),
            (debit("bank:main", "1,50"), "debit", "'1,50' is not an amount of EUR"),
            (debit("bank:main", "-1"), "debit", "is not an amount of EUR"),
            (debit("bank:main", "1e3"), "debit", "is not an amount of EUR"),
            (debit("bank:main", "١"), "debit", "is not an amount of EUR"),
            (debit("bank:main", "0.00"), "debit", "more than zero"),
            (debit("bank:main", "1.005"), "debit", "at most 2 decimals"),
            (debit("bank:main", "1.5", "JPY"), "debit", "at most 0 decimals"),
            (debit("bank:main", "9" * 18), "debit", "too large"),
            (credit("bank:main", "1.005"), "credit", "at most 2 decimals"),
            (debit("bank:main", "1", ""), "currency", "a currency is needed"),
            (debit("bank:main", "1", "EURO"), "currency", "'EURO' is not the ISO 4217 code"),
            (debit("bank:main", "1", "eur"), "currency", "'eur' is not the ISO 4217 code"),
            (debit("bank:main", "1", "XAU"), "currency", "'XAU' is not the ISO 4217 code"),
            (debit("payouts:in_transit", "1"), "item", "the balance consists of items: the payout"),
            (debit("bank:main", "1", item="x" * 101), "item", "has 101 characters"),
            (debit("bank:main", "1", item="a\x00b"), "item", "control character"),
            (debit("bank:main", "1", item="4242 4242 4242 4242"), "item", "looks like a card number"),
        ],
    )
    def test_a_line_that_cannot_be_read(self, line: TypedLine, field: str, problem: str) -> None:
        book(captured())

        with nothing_changes(), pytest.raises(LinesRefused, match=problem) as caught:
            draft(credit("rounding", "1"), line)
        assert [(found.line, found.field) for found in caught.value.problems] == [(2, field)]

    def test_every_line_at_once_under_the_number_it_was_typed(self) -> None:
        blank = TypedLine(account="", debit="", credit="", currency="")

        with pytest.raises(LinesRefused) as caught:
            draft(debit("petty:cash", "x"), blank, credit("bank:main", "1", "EURO"))

        found = [(problem.line, problem.field) for problem in caught.value.problems]
        assert found == [(1, "account"), (1, "debit"), (3, "currency")]
        assert "Line 1, account:" in str(caught.value)

    def test_what_does_not_balance_naming_the_remainder_of_each_currency(self) -> None:
        lines = (debit("bank:main", "10"), credit("rounding", "9.50"), credit("bank:main", "1800", "JPY"))

        with nothing_changes(), pytest.raises(JournalNotBalanced) as caught:
            draft(*lines)
        assert str(caught.value) == (
            "The journal does not balance: in EUR the debits are 0.50 more than the credits; "
            "in JPY the credits are 1800 more than the debits."
        )
        assert {currency: left.minor for currency, left in caught.value.remainders.items()} == {
            "EUR": 50,
            "JPY": -1_800,
        }

    @pytest.mark.parametrize("pairs", [0, 11])
    def test_too_few_and_too_many_lines(self, pairs: int) -> None:
        with nothing_changes(), pytest.raises(WrongNumberOfLines, match=f"this one has {2 * pairs}"):
            draft_journal(lines=CHARGES * pairs, description=REASON, actor=MAKER, now=timezone.now())

    @pytest.mark.parametrize(
        ("description", "problem"),
        [
            ("  too short ", "needs at least 10 characters"),
            ("x" * 501, "has 501 characters"),
            ("a bell \x07 rings in it", "control character"),
            ("paid with 4242424242424242 on Monday", "looks like a card number"),
        ],
    )
    def test_a_reason_that_says_nothing_or_must_not_be_kept(self, description: str, problem: str) -> None:
        with nothing_changes(), pytest.raises(TextRefused, match=f"The reason .*{problem}"):
            draft(description=description)

    def test_a_value_date_in_the_future(self) -> None:
        now = timezone.now()

        with nothing_changes(), pytest.raises(ValueDateRefused, match="in the future"):
            draft(value_date=now.date() + timedelta(days=1), now=now)
        assert draft(value_date=now.date(), now=now).value_date == now.date()

    def test_a_value_date_with_a_mistyped_year(self) -> None:
        with nothing_changes(), pytest.raises(ValueDateRefused, match="more than ten years ago"):
            draft(value_date=date(226, 3, 1))

    @pytest.mark.parametrize(
        ("name", "content", "problem"),
        [
            ("page.html", b"<script>", "is none of pdf, png"),
            ("noextension", b"text", "is none of"),
            ("pdf", b"%PDF-", "is none of"),
            ("invoice.pdf", b"<html>", "what is in it is not"),
            ("photo.png", b"\xff\xd8\xff", "what is in it is not"),
            ("notes.txt", b"a\x00b", "what is in it is not"),
            ("empty.pdf", b"", "is empty"),
            ("large.txt", b"x" * (5 * 1024 * 1024 + 1), "is larger than 5 MB"),
            ("../../passwd.txt", b"x", "without a folder"),
            ("C:\\temp\\a.txt", b"x", "without a folder"),
            ("a\nb.txt", b"x", "control character"),
            ("x" * 147 + ".txt", b"x", "has 151 characters"),
        ],
    )
    def test_an_attachment_that_is_not_what_it_should_be(self, name: str, content: bytes, problem: str) -> None:
        with nothing_changes(), pytest.raises(AttachmentRefused, match=problem):
            draft(attachments=[PDF, Upload(name=name, content=content)])

    def test_too_many_attachments(self) -> None:
        files = [Upload(name=f"{number}.txt", content=str(number).encode()) for number in range(6)]

        with nothing_changes(), pytest.raises(AttachmentRefused, match="one too many"):
            draft(attachments=files)


class TestDraftReversal:
    def test_mirrors_every_line_with_its_item(self) -> None:
        entry = the_sale()

        journal = reversal(entry.pk, attachments=[PDF])

        assert [(line.account, line.amount.text, line.item) for line in journal.entry_lines] == [
            ("psp:stripe:clearing", "-100.00", "ch_1"),
            ("seller:ann:pending", "90.00", "ord_1"),
            ("platform:commission", "10.00", "ord_1"),
        ]
        assert (journal.reverses_id, state(journal), journal.attachments.count()) == (entry.pk, "drafted", 1)
        assert_balances(SALE, names={})

    def test_refuses_an_entry_that_is_not_there(self) -> None:
        with nothing_changes(), pytest.raises(EntryMissing):
            reversal(4_711)

    def test_refuses_a_second_one_while_the_first_is_open(self) -> None:
        entry = the_sale()
        first = reversal(entry.pk)

        with nothing_changes(), pytest.raises(ReversalWaits, match=first.pk):
            reversal(entry.pk, actor="user:olga")

    def test_may_be_drafted_again_when_the_first_was_withdrawn_or_rejected(self) -> None:
        entry = the_sale()
        withdraw_journal(journal_id=reversal(entry.pk).pk, actor=MAKER, now=timezone.now())
        refused = submit(reversal(entry.pk))
        reject_approval(approval_id=approval_of(refused).pk, checker=CHECKER, now=timezone.now(), note="no")

        assert state(reversal(entry.pk)) == "drafted"

    def test_refuses_what_is_reversed_already(self) -> None:
        entry = the_sale()
        booked(reversal(entry.pk))

        with nothing_changes(), pytest.raises(AlreadyReversed):
            reversal(entry.pk)

    def test_refuses_what_a_program_reversed(self) -> None:
        fee = recipes.provider_fee_charged(psp="stripe", balance_transaction="txn_1", source="ch_1", fee=euros(320))
        book(fee)
        entry = JournalEntry.objects.get()
        book(recipes.entry_reversed(entry_id=entry.pk, lines=fee.lines, description="by a program"))

        with nothing_changes(), pytest.raises(AlreadyReversed):
            reversal(entry.pk)

    def test_needs_a_reason(self) -> None:
        entry = the_sale()

        with nothing_changes(), pytest.raises(TextRefused):
            reversal(entry.pk, reason="oops")


class TestReviseJournal:
    def revise(self, journal: ManualJournal, **facts: Any) -> ManualJournal:
        given = {
            "journal_id": journal.pk,
            "lines": (debit("losses:write_off", "3"), credit("bank:main", "3")),
            "description": "a debt that nobody will pay",
            "actor": MAKER,
            "now": timezone.now(),
            **facts,
        }
        return revise_journal(**given)

    def test_replaces_what_the_draft_says_and_adds_to_its_evidence(self) -> None:
        journal = draft(attachments=[PDF])

        self.revise(journal, attachments=[PDF, Upload(name="mail.eml", content=b"From: ann")])

        found = ManualJournal.objects.get()
        assert [line.account for line in found.entry_lines] == ["losses:write_off", "bank:main"]
        assert found.description == "a debt that nobody will pay"
        assert {file.name for file in found.attachments.all()} == {"statement.pdf", "mail.eml"}

    def test_is_for_the_maker_only(self) -> None:
        journal = draft()

        with nothing_changes(), pytest.raises(NotTheMaker):
            self.revise(journal, actor=CHECKER)

    def test_refuses_what_is_submitted(self) -> None:
        journal = submit(draft())

        with nothing_changes(), pytest.raises(IllegalTransition, match="is requested: revise is not possible"):
            self.revise(journal)

    def test_refuses_to_write_the_lines_of_a_reversal_by_hand(self) -> None:
        journal = reversal(the_sale().pk)

        with nothing_changes(), pytest.raises(LinesAreFixed):
            self.revise(journal)

    def test_refuses_more_evidence_than_a_journal_can_have(self) -> None:
        journal = draft(attachments=[Upload(name=f"{n}.txt", content=b"%d" % n) for n in range(5)])

        with nothing_changes(), pytest.raises(AttachmentRefused, match="one too many"):
            self.revise(journal, attachments=[PDF])
