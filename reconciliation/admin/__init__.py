"""The console's pages on the books against the outside world."""

from reconciliation.admin import discrepancies, lines, statements

__all__ = ["discrepancies", "lines", "statements"]
