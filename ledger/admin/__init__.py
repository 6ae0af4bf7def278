"""The console's pages on the books."""

from ledger.admin import accounts, journal, manual_journals, periods

__all__ = ["accounts", "journal", "manual_journals", "periods"]
