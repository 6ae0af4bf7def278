"""The tables of the books."""

from ledger.models.books import (
    Account,
    Balance,
    Checkpoint,
    ClosedDay,
    Exchange,
    Hold,
    JournalEntry,
    JournalLine,
    Proof,
    Seal,
)
from ledger.models.manual_journals import ManualJournal, ManualJournalAttachment, ManualJournalLine

__all__ = [
    "Account",
    "Balance",
    "Checkpoint",
    "ClosedDay",
    "Exchange",
    "Hold",
    "JournalEntry",
    "JournalLine",
    "ManualJournal",
    "ManualJournalAttachment",
    "ManualJournalLine",
    "Proof",
    "Seal",
]
