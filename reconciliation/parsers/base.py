"""What every statement parser returns."""

from dataclasses import dataclass
from datetime import datetime

from operations.errors import DomainError


@dataclass(frozen=True, kw_only=True)
class ParsedLine:
    """One movement as the file tells it; `line_no` counts the file's lines, the header being 1."""

    line_no: int
    transaction_ref: str
    category: str
    source_ref: str
    currency: str
    gross_minor: int
    fee_minor: int
    net_minor: int
    created_at: datetime
    available_on: datetime
    description: str


@dataclass(frozen=True, kw_only=True)
class LineError:
    """What is wrong with one field of one line."""

    line_no: int
    field: str
    value: str
    problem: str

    def __str__(self) -> str:
        return f"line {self.line_no}, {self.field}: {self.problem} (found {self.value[:60]!r})"


class StatementUnreadable(DomainError):
    """The statement cannot be read: {summary}

    Nothing of it was taken. `errors` lists every problem, by line.
    """

    code = "statement_unreadable"

    def __init__(self, errors: list[LineError]) -> None:
        self.errors = errors
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        super().__init__(summary=f"{errors[0]}{more}", errors=errors)
