"""The front door for verbs: what other rooms may ask of the books."""

from ledger.balances import LockedWallet, lock_wallet
from ledger.chart import UnknownAccount
from ledger.entries import Entry, Line, Posted
from ledger.money import BadAmount, CurrencyMismatch, Money, UnknownCurrency
from ledger.periods import DayAlreadyClosed, lock_day
from ledger.posting import InsufficientFunds, NotBalanced, ReferenceReused, UnknownRecipe, post
from ledger.proof import Finding, Verdict, verify_books

__all__ = [
    "BadAmount",
    "CurrencyMismatch",
    "DayAlreadyClosed",
    "Entry",
    "Finding",
    "InsufficientFunds",
    "Line",
    "LockedWallet",
    "Money",
    "NotBalanced",
    "Posted",
    "ReferenceReused",
    "UnknownAccount",
    "UnknownCurrency",
    "UnknownRecipe",
    "Verdict",
    "lock_day",
    "lock_wallet",
    "post",
    "verify_books",
]
