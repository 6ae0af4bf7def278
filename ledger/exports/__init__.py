"""The books in formats that other people's tools read and check.

Every export is text that is yielded piece by piece, from one moment's view of the books, so that memory stays flat
however long the journal is. All take `since` and `until`, business days, both included; None leaves that end open.
With `since`, an entry of opening balances comes first, so that the reader ends at the same balances as the books.
"""

from ledger.exports.beancount import beancount_journal
from ledger.exports.csv_files import general_ledger_csv, journal_csv, statement_csv, trial_balance_csv
from ledger.exports.hledger import hledger_journal

__all__ = [
    "beancount_journal",
    "general_ledger_csv",
    "hledger_journal",
    "journal_csv",
    "statement_csv",
    "trial_balance_csv",
]
