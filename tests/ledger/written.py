"""Journals that people write, for tests: bank charges of 12.50, unless something else is said."""

from typing import Any

from django.utils import timezone

from ledger.models import JournalEntry, ManualJournal
from ledger.services import TypedLine, Upload, draft_journal, draft_reversal, submit_journal
from operations.models import Approval
from operations.selectors import open_approval
from operations.services import grant_approval
from tests.ledger.test_posting import book, captured
from tests.world import CHECKER, MAKER

REASON = "bank charges of March, statement page 4"
PDF = Upload(name="statement.pdf", content=b"%PDF-1.7 page 4")
SALE = """
    debit   psp:stripe:clearing  100.00 EUR
    credit  seller:ann:pending    90.00 EUR
    credit  platform:commission   10.00 EUR
"""


def debit(account: str, amount: str, currency: str = "EUR", item: str = "") -> TypedLine:
    return TypedLine(account=account, debit=amount, credit="", currency=currency, item=item)


def credit(account: str, amount: str, currency: str = "EUR", item: str = "") -> TypedLine:
    return TypedLine(account=account, debit="", credit=amount, currency=currency, item=item)


CHARGES = (debit("rounding", "12.50"), credit("bank:main", "12.50"))


def draft(*lines: TypedLine, **facts: Any) -> ManualJournal:
    """Draft a journal as the maker: bank charges of 12.50, unless something else is said."""
    given = {"lines": lines or CHARGES, "description": REASON, "actor": MAKER, "now": timezone.now(), **facts}
    return draft_journal(**given)


def reversal(entry_id: int, **facts: Any) -> ManualJournal:
    """Draft a reversal as the maker."""
    given = {"entry_id": entry_id, "reason": "booked twice by mistake", "actor": MAKER, "now": timezone.now(), **facts}
    return draft_reversal(**given)


def submit(journal: ManualJournal, *, by: str = MAKER) -> ManualJournal:
    return submit_journal(journal_id=journal.pk, actor=by, now=timezone.now())


def approval_of(journal: ManualJournal) -> Approval:
    found = open_approval(kind="ledger.manual_journal", subject=f"manual_journal:{journal.pk}")
    assert found is not None
    return found


def approve(journal: ManualJournal, *, by: str = CHECKER) -> None:
    grant_approval(approval_id=approval_of(journal).pk, checker=by, now=timezone.now())


def booked(journal: ManualJournal) -> JournalEntry:
    """Submit and approve a draft, and return its entry."""
    approve(submit(journal))
    return JournalEntry.objects.get(manual_journal=journal.pk)


def state(journal: ManualJournal) -> str:
    return str(ManualJournal.objects.get(pk=journal.pk).state)


def the_sale() -> JournalEntry:
    book(captured())
    return JournalEntry.objects.get()
