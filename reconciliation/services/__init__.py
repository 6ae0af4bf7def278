"""The front door for verbs: what `config` may ask of reconciliation."""

from reconciliation.parsers.base import LineError, StatementUnreadable
from reconciliation.services.closing import CheckItem, ChecklistNotGreen, DayNotOver, checklist, close_day
from reconciliation.services.discrepancies import assign_discrepancy, resolve_discrepancy
from reconciliation.services.matching import MatchResult, match_statement
from reconciliation.services.statements import (
    ControlTotalMismatch,
    StatementKnown,
    StatementNotReady,
    fetch_statement,
    import_statement,
)

__all__ = [
    "CheckItem",
    "ChecklistNotGreen",
    "ControlTotalMismatch",
    "DayNotOver",
    "LineError",
    "MatchResult",
    "StatementKnown",
    "StatementNotReady",
    "StatementUnreadable",
    "assign_discrepancy",
    "checklist",
    "close_day",
    "fetch_statement",
    "import_statement",
    "match_statement",
    "resolve_discrepancy",
]
