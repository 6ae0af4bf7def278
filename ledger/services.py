"""The front door for verbs: what other rooms may ask of the books."""

from ledger.balances import LockedWallet, lock_wallet
from ledger.chart import UnknownAccount
from ledger.entries import Entry, Line, NotBalanced, Posted
from ledger.journals.common import AlreadyReversed, JournalMissing, NotTheMaker
from ledger.journals.decisions import post_journal, reject_journal, submit_journal, withdraw_journal
from ledger.journals.drafts import (
    EntryMissing,
    FormSentTwice,
    LinesAreFixed,
    ReversalWaits,
    draft_journal,
    draft_reversal,
    revise_journal,
)
from ledger.journals.effects import HoldTooSmall, WouldOverdraw
from ledger.journals.typed import (
    AttachmentRefused,
    JournalNotBalanced,
    LinesRefused,
    TypedLine,
    Upload,
    ValueDateRefused,
    WrongNumberOfLines,
)
from ledger.money import BadAmount, CurrencyMismatch, Money, UnknownCurrency
from ledger.periods import DayAlreadyClosed, DayToCome, lock_day
from ledger.posting import (
    BatchRepeats,
    HoldExceeded,
    InsufficientFunds,
    ReferenceReused,
    ReturnedMoreThanPaid,
    TextNotApart,
    UnknownRecipe,
    post,
    post_batch,
)
from ledger.proof import Finding, Verdict, verify_books
from ledger.seals import (
    Head,
    HeadFileBroken,
    export_head,
    make_partitions,
    read_heads,
    rebase_transaction_numbers,
    seal_journal,
)
from operations.texts import TextRefused

__all__ = [
    "AlreadyReversed",
    "AttachmentRefused",
    "BadAmount",
    "BatchRepeats",
    "CurrencyMismatch",
    "DayAlreadyClosed",
    "DayToCome",
    "Entry",
    "EntryMissing",
    "Finding",
    "FormSentTwice",
    "Head",
    "HeadFileBroken",
    "HoldExceeded",
    "HoldTooSmall",
    "InsufficientFunds",
    "JournalMissing",
    "JournalNotBalanced",
    "Line",
    "LinesAreFixed",
    "LinesRefused",
    "LockedWallet",
    "Money",
    "NotBalanced",
    "NotTheMaker",
    "Posted",
    "ReferenceReused",
    "ReturnedMoreThanPaid",
    "ReversalWaits",
    "TextNotApart",
    "TextRefused",
    "TypedLine",
    "UnknownAccount",
    "UnknownCurrency",
    "UnknownRecipe",
    "Upload",
    "ValueDateRefused",
    "Verdict",
    "WouldOverdraw",
    "WrongNumberOfLines",
    "draft_journal",
    "draft_reversal",
    "export_head",
    "lock_day",
    "lock_wallet",
    "make_partitions",
    "post",
    "post_batch",
    "post_journal",
    "read_heads",
    "rebase_transaction_numbers",
    "reject_journal",
    "revise_journal",
    "seal_journal",
    "submit_journal",
    "verify_books",
    "withdraw_journal",
]
