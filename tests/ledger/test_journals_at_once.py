"""Manual journals that two people, or one impatient one, write and decide at the same moment."""

import threading
from functools import partial

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.embedded.processes import wait_until
from ledger.models import ManualJournal
from ledger.selectors import balance
from ledger.services import InsufficientFunds, WouldOverdraw, withdraw_journal
from operations import database
from operations.models import Approval
from tests.committed import at_once, committed_db, somebody_waits_for_a_lock
from tests.ledger.test_posting import book, captured
from tests.ledger.written import approve, credit, debit, draft, reversal, state, submit, the_sale
from tests.world import MAKER

__all__ = ["committed_db"]


class TestAtOnce:
    """What two people, or one impatient one, do at the same moment."""

    def test_a_form_becomes_one_journal(self, committed_db: None) -> None:
        drafts = at_once([partial(draft, key="form-1")] * 4)

        assert {journal.pk for journal in drafts} == {ManualJournal.objects.get().pk}

    def test_an_entry_gets_one_reversal(self, committed_db: None) -> None:
        entry = the_sale()

        found = at_once([partial(reversal, entry.pk, actor=f"user:{name}") for name in ("olga", "oscar", "pia")])

        assert sorted(type(each).__name__ for each in found) == ["ManualJournal", "ReversalWaits", "ReversalWaits"]

    def test_a_draft_is_submitted_or_withdrawn(self, committed_db: None) -> None:
        journal = draft()

        at_once(
            [
                partial(submit, journal),
                partial(withdraw_journal, journal_id=journal.pk, actor=MAKER, now=timezone.now()),
                partial(submit, journal),
            ]
        )

        asked = Approval.objects.count()
        assert (state(journal), asked) in {("requested", 1), ("withdrawn", 0)}

    def test_no_line_slips_in_beside_the_submission(self, committed_db: None) -> None:
        journal = draft()
        slipped = threading.Event()

        def slip_in() -> None:
            with transaction.atomic():
                database.execute(
                    "INSERT INTO ledger_manualjournalline (journal_id, position, account, currency, amount_minor, item)"
                    f" VALUES ('{journal.pk}', 2, 'bank:mine', 'EUR', 1, '')"
                )
                slipped.set()
                wait_until(somebody_waits_for_a_lock, timeout_s=10)

        def submit_meanwhile() -> None:
            slipped.wait(timeout=10)
            submit(journal)

        _, refused = at_once([slip_in, submit_meanwhile])

        assert isinstance(refused, IntegrityError)
        assert "does not balance" in str(refused)
        assert state(journal) == "drafted"

    def test_two_journals_do_not_both_spend_what_a_seller_has(self, committed_db: None) -> None:
        book(captured())
        asked = [submit(draft(debit("seller:ann:pending", "60"), credit("bank:main", "60"))) for _ in range(2)]

        results = at_once([partial(approve, journal) for journal in asked])

        assert sorted(state(journal) for journal in asked) == ["posted", "requested"]
        assert [type(result) for result in results if result is not None] in ([WouldOverdraw], [InsufficientFunds])
        assert balance(code="seller:ann:pending", currency="EUR").text == "30.00"
