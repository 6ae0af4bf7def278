"""The console's pages on the books."""

from ledger.admin import accounts, journal, periods

__all__ = ["accounts", "journal", "periods"]
