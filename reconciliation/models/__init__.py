"""The tables of reconciliation."""

from reconciliation.models.discrepancies import Discrepancy
from reconciliation.models.statements import Disposition, Statement, StatementLine

__all__ = ["Discrepancy", "Disposition", "Statement", "StatementLine"]
