"""Manual journals on their way into the books: by one person within a limit, by two above it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger import recipes
from ledger.journals.effects import effects
from ledger.models import JournalEntry
from ledger.selectors import balance
from ledger.services import (
    AlreadyReversed,
    HoldTooSmall,
    JournalMissing,
    NotTheMaker,
    WouldOverdraw,
    lock_day,
    submit_journal,
    verify_books,
    withdraw_journal,
)
from operations.edges import money_tx
from operations.lifecycle import IllegalTransition
from operations.models import Approval
from operations.selectors import audit_trail
from operations.services import NotASecondPerson, reject_approval
from tests.ledger.test_posting import book, captured, euros
from tests.ledger.written import (
    CHARGES,
    REASON,
    SALE,
    approval_of,
    approve,
    booked,
    credit,
    debit,
    draft,
    reversal,
    state,
    submit,
    the_sale,
)
from tests.ledger_text import assert_balances, assert_posted
from tests.snapshot import nothing_changes
from tests.world import CHECKER, MAKER

pytestmark = pytest.mark.django_db


class TestSubmitJournal:
    def test_asks_a_second_person_and_books_nothing(self) -> None:
        journal = submit(draft())

        approval = approval_of(journal)
        assert state(journal) == "requested"
        assert (approval.maker, approval.reason, approval.payload) == (MAKER, REASON, {"journal": journal.pk})
        assert not JournalEntry.objects.exists()

    def test_books_at_once_what_is_within_the_limit(self, settings: Any) -> None:
        settings.MANUAL_JOURNAL_LIMIT_MINOR = {"EUR": 1_250}

        journal = submit(draft())

        assert state(journal) == "posted"
        assert not Approval.objects.exists()
        assert_balances("debit rounding 12.50 EUR\n credit bank:main 12.50 EUR", names={})

    @pytest.mark.parametrize(
        "limits", [{}, {"EUR": 1_249}, {"EUR": 99_999}, {"JPY": 99_999}], ids=["none", "less", "one", "other"]
    )
    def test_needs_a_limit_for_each_of_its_currencies(self, limits: dict[str, int], settings: Any) -> None:
        settings.MANUAL_JOURNAL_LIMIT_MINOR = limits

        journal = submit(draft(*CHARGES, debit("bank:main", "1", "JPY"), credit("rounding", "1", "JPY")))

        assert state(journal) == "requested"

    def test_is_for_the_maker_only(self) -> None:
        journal = draft()

        with nothing_changes(), pytest.raises(NotTheMaker):
            submit(journal, by=CHECKER)

    def test_works_once(self) -> None:
        journal = submit(draft())

        with nothing_changes(), pytest.raises(IllegalTransition, match="is requested: submit is not possible"):
            submit(journal)

    def test_refuses_what_does_not_exist(self) -> None:
        with nothing_changes(), pytest.raises(JournalMissing):
            submit_journal(journal_id="mj_none", actor=MAKER, now=timezone.now())

    @pytest.mark.parametrize("limits", [{}, {"EUR": 100_000}], ids=["with a second person", "at once"])
    def test_refuses_to_take_a_seller_below_zero_naming_the_account(self, limits: Any, settings: Any) -> None:
        settings.MANUAL_JOURNAL_LIMIT_MINOR = limits
        book(captured())
        journal = draft(debit("seller:ann:pending", "90.01"), credit("bank:main", "90.01"))

        with nothing_changes(), pytest.raises(WouldOverdraw) as caught:
            submit(journal)
        assert str(caught.value) == (
            "seller:ann:pending has 90.00 EUR: this would take it to -0.01 EUR, and it must not go below zero."
        )

    def test_refuses_to_take_more_than_is_held_under_an_item(self) -> None:
        book(captured())
        book(recipes.funds_released(seller="ann", order="ord_1", amount=euros(9_000)))
        book(recipes.payout_reserved(seller="ann", payout="pay_1", amount=euros(5_000)))
        journal = draft(debit("payouts:in_transit", "50", item="pay_2"), credit("bank:main", "50"))

        with nothing_changes(), pytest.raises(HoldTooSmall, match=r"holds 0\.00 EUR under 'pay_2'"):
            submit(journal)


class TestWithdrawJournal:
    def test_leaves_nothing_to_do(self) -> None:
        journal = draft()

        withdraw_journal(journal_id=journal.pk, actor="user:olga", now=timezone.now(), reason="Oscar is on leave")

        assert state(journal) == "withdrawn"
        with pytest.raises(IllegalTransition):
            submit(journal)

    def test_refuses_what_a_second_person_was_asked_about(self) -> None:
        journal = submit(draft())

        with nothing_changes(), pytest.raises(IllegalTransition, match="withdraw is not possible"):
            withdraw_journal(journal_id=journal.pk, actor=MAKER, now=timezone.now())


class TestApproval:
    def test_books_the_journal_exactly_as_it_stands(self) -> None:
        spring = timezone.now().date() - timedelta(days=40)
        journal = draft(debit("rounding", "12.50", item="page 4"), credit("bank:main", "12.50"), value_date=spring)

        entry = booked(journal)

        assert_posted(
            f"manual_journal:{journal.pk}",
            {"manual_journal": "debit rounding 12.50 EUR\n credit bank:main 12.50 EUR"},
            names={},
        )
        assert (entry.reference, entry.description, entry.value_date) == (journal.pk, REASON, spring)
        assert (entry.actor, entry.lines.get(position=0).item) == (CHECKER, "page 4")
        assert state(journal) == "posted"

    def test_is_not_for_the_maker(self) -> None:
        journal = submit(draft())

        with nothing_changes(), pytest.raises(NotASecondPerson):
            approve(journal, by=MAKER)

    def test_grants_nothing_when_the_money_has_gone_meanwhile(self) -> None:
        book(captured())
        journal = submit(draft(debit("seller:ann:pending", "90"), credit("bank:main", "90")))
        book(recipes.funds_released(seller="ann", order="ord_1", amount=euros(1)))

        with nothing_changes(), pytest.raises(WouldOverdraw):
            approve(journal)
        assert state(journal) == "requested"

    def test_rejected_books_nothing(self) -> None:
        journal = submit(draft())

        reject_approval(approval_id=approval_of(journal).pk, checker=CHECKER, now=timezone.now(), note="whose charges?")

        assert state(journal) == "rejected"
        assert not JournalEntry.objects.exists()

    def test_books_into_the_first_open_day_with_the_true_value_date(self) -> None:
        today = timezone.now().date()
        journal = submit(draft(value_date=today))
        with money_tx("test"):
            lock_day(business_date=today, actor=MAKER, now=timezone.now())

        approve(journal)

        entry = JournalEntry.objects.get()
        assert (entry.business_date, entry.value_date) == (today + timedelta(days=1), today)

    def test_leaves_the_whole_story_in_the_audit_trail(self) -> None:
        journal = draft()
        booked(journal)

        told = [(entry.action, entry.actor) for entry in audit_trail(subject=f"manual_journal:{journal.pk}")]
        assert told == [
            ("ledger.manual_journal.drafted", MAKER),
            ("ledger.manual_journal.submitted", MAKER),
            ("operations.approval.requested", MAKER),
            ("operations.approval.granted", CHECKER),
            ("ledger.manual_journal.posted", CHECKER),
        ]


class TestReversal:
    def test_takes_an_entry_back_line_by_line(self) -> None:
        entry = the_sale()

        mirror = booked(reversal(entry.pk))

        assert (mirror.recipe, mirror.reference) == ("entry_reversed", f"entry:{entry.pk}")
        assert_balances("", names={})
        assert verify_books(actor=MAKER, now=timezone.now()).green

    def test_stands_in_the_story_of_what_it_reverses(self) -> None:
        entry = the_sale()

        assert booked(reversal(entry.pk)).subject == entry.subject == "checkout:chk_1"

    def test_of_a_reversal_books_the_first_entry_again(self) -> None:
        entry = the_sale()
        mirror = booked(reversal(entry.pk))

        booked(reversal(mirror.pk))

        assert_balances(SALE, names={})
        with pytest.raises(AlreadyReversed):
            reversal(entry.pk)

    def test_is_refused_when_the_seller_was_paid_meanwhile(self) -> None:
        entry = the_sale()
        journal = submit(reversal(entry.pk))
        book(recipes.funds_released(seller="ann", order="ord_1", amount=euros(4_000)))

        with nothing_changes(), pytest.raises(WouldOverdraw, match=r"seller:ann:pending has 50\.00 EUR"):
            approve(journal)

    def test_is_not_booked_twice_even_by_two_roads(self) -> None:
        fee = recipes.provider_fee_charged(psp="stripe", balance_transaction="txn_1", source="ch_1", fee=euros(320))
        book(fee)
        entry = JournalEntry.objects.get()
        journal = submit(reversal(entry.pk))
        book(recipes.entry_reversed(entry_id=entry.pk, lines=fee.lines, description="by a program"))

        with nothing_changes(), pytest.raises(AlreadyReversed):
            approve(journal)
        assert_balances("", names={})


class TestEffects:
    def test_tell_each_balance_before_and_after_on_its_normal_side(self) -> None:
        book(captured())
        journal = draft(
            debit("psp:stripe:clearing", "5", item="ch_1"),
            debit("seller:ann:pending", "20"),
            credit("seller:ann:pending", "5"),
            credit("bank:main", "20"),
        )

        found = [
            (effect.account, effect.before.text, effect.after.text, effect.opens) for effect in effects(journal=journal)
        ]

        assert found == [
            ("psp:stripe:clearing", "100.00", "105.00", False),
            ("seller:ann:pending", "90.00", "75.00", False),
            ("bank:main", "0.00", "-20.00", True),
        ]

    def test_are_what_happens(self) -> None:
        book(captured())
        journal = draft(debit("seller:ann:pending", "20"), credit("tax:vat_pt", "20"))
        promised = {effect.account: effect.after for effect in effects(journal=journal)}

        booked(journal)

        assert {account: balance(code=account, currency="EUR") for account in promised} == promised

    def test_say_what_the_books_would_refuse(self) -> None:
        book(captured())
        journal = draft(debit("seller:ann:pending", "91"), credit("bank:main", "91"))

        assert [effect.overdraws for effect in effects(journal=journal)] == [True, False]
