"""What people may write into a manual journal, read strictly: nothing coerced, every problem named at once.

Pure: what only the books know (does this seller exist in them?) is asked when it is drafted.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ledger import chart
from ledger.chart import UnknownAccount
from ledger.entries import Line, NotBalanced, remainders
from ledger.money import BadAmount, Money, UnknownCurrency, exponent, parse_amount
from operations.errors import DomainError
from operations.texts import TextRefused, problem_of

# Enough for a correction that a second person can still check line by line.
LINES_MAX = 20
DESCRIPTION_MIN = 10
DESCRIPTION_MAX = 500
ACCOUNT_MAX = 120
ITEM_MAX = 100
ATTACHMENTS_MAX = 5
ATTACHMENT_BYTES_MAX = 5 * 1024 * 1024
FILE_NAME_MAX = 150
# An older value date is a mistyped year: no books need to be kept for longer.
VALUE_DATE_AGE_MAX = timedelta(days=3660)

# What a file may be: its extension -> the type that we serve it as, and what it must begin with.
CONTENT_TYPES: Mapping[str, tuple[str, bytes]] = {
    "pdf": ("application/pdf", b"%PDF-"),
    "png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    "jpg": ("image/jpeg", b"\xff\xd8\xff"),
    "jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK\x03\x04"),
    "csv": ("text/csv", b""),
    "txt": ("text/plain", b""),
    "eml": ("message/rfc822", b""),
}


@dataclass(frozen=True, kw_only=True)
class TypedLine:
    """A line as a person types it, all of it text; amounts in major units, one of them empty."""

    account: str
    debit: str
    credit: str
    currency: str
    item: str = ""

    @property
    def blank(self) -> bool:
        """Tell whether nothing but a currency was typed."""
        return not (self.account or self.debit or self.credit or self.item)


@dataclass(frozen=True, kw_only=True)
class LineProblem:
    """What is wrong with one field of one line, counted from 1."""

    line: int
    field: str
    problem: str

    def __str__(self) -> str:
        return f"Line {self.line}, {self.field}: {self.problem}"


class LinesRefused(DomainError):
    """{text}

    `problems` names each line and field.
    """

    code = "lines_refused"
    problems: Sequence[LineProblem]

    def __init__(self, problems: Sequence[LineProblem]) -> None:
        super().__init__(problems=tuple(problems), text=" ".join(str(problem) for problem in problems))


class JournalNotBalanced(NotBalanced):
    """The journal does not balance: {text}.

    `remainders` has what is left over by currency, debits positive.
    """

    remainders: Mapping[str, Money]

    def __init__(self, left: Mapping[str, int]) -> None:
        amounts = {currency: Money(minor, currency) for currency, minor in sorted(left.items())}
        super().__init__(remainders=amounts, text="; ".join(_remainder(money) for money in amounts.values()))


class WrongNumberOfLines(DomainError):
    """A journal has from 2 to {most} lines, and this one has {lines}."""

    code = "wrong_number_of_lines"


class ValueDateRefused(DomainError):
    """The value date {value_date} {problem}."""

    code = "value_date_refused"


class AttachmentRefused(DomainError):
    """The attachment {name} {problem}."""

    code = "attachment_refused"


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file as it came: its name and its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class CheckedFile:
    """A file that may be kept, with the type that we decided it has."""

    name: str
    content_type: str
    content: bytes
    sha256: str


def read_lines(typed: Sequence[TypedLine]) -> dict[int, Line]:
    """Return the lines by the number under which they were typed, from 1; blank ones are left out.

    An amount is written in one of the two columns. Raises LinesRefused with every problem of every line,
    WrongNumberOfLines, JournalNotBalanced.
    """
    problems: list[LineProblem] = []
    lines: dict[int, Line] = {}
    for number, row in enumerate(typed, start=1):
        if row.blank:
            continue
        found = [LineProblem(line=number, field=field, problem=text) for field, text in _problems(row)]
        problems += found
        if not found:
            lines[number] = _line(row)
    if problems:
        raise LinesRefused(problems)
    if not 2 <= len(lines) <= LINES_MAX:
        raise WrongNumberOfLines(most=LINES_MAX, lines=len(lines))
    left = remainders(lines.values())
    if left:
        raise JournalNotBalanced(left)
    return lines


def read_description(text: str) -> str:
    """Return the reason of a journal without outer blanks. Raises TextRefused."""
    kept = text.strip()
    if len(kept) < DESCRIPTION_MIN:
        raise TextRefused(field="reason", problem=f"needs at least {DESCRIPTION_MIN} characters: an auditor reads it")
    problem = _text_problem(kept, DESCRIPTION_MAX, lines=True)
    if problem:
        raise TextRefused(field="reason", problem=problem)
    return kept


def read_value_date(value_date: date | None, *, today: date) -> date | None:
    """Return a value date of today or before; None stands for the day of booking. Raises ValueDateRefused."""
    if value_date is not None and value_date > today:
        raise ValueDateRefused(value_date=value_date, problem=f"is in the future: today is {today}")
    if value_date is not None and value_date < today - VALUE_DATE_AGE_MAX:
        raise ValueDateRefused(value_date=value_date, problem="is more than ten years ago")
    return value_date


def read_attachments(uploads: Iterable[Upload]) -> list[CheckedFile]:
    """Return the files that may be kept; the same content twice is one file. Raises AttachmentRefused."""
    files: dict[str, CheckedFile] = {}
    for upload in uploads:
        checked = _checked(upload)
        files.setdefault(checked.sha256, checked)
        if len(files) > ATTACHMENTS_MAX:
            raise AttachmentRefused(name=upload.name, problem=f"is one too many: {ATTACHMENTS_MAX} are allowed")
    return list(files.values())


def _problems(row: TypedLine) -> Iterable[tuple[str, str]]:
    """Yield each problem of a typed line: the field, and a sentence."""
    try:
        template = chart.template_of(row.account[:ACCOUNT_MAX])
    except UnknownAccount as error:
        yield "account", f"{error}" if row.account else "an account is needed."
    else:
        if len(row.account) > ACCOUNT_MAX:
            yield "account", f"an account's code has at most {ACCOUNT_MAX} characters."
        if template.itemised and not row.item:
            yield "item", f"an item is needed, because the balance consists of items: {template.item}."
    if bool(row.debit) == bool(row.credit):
        yield "debit", "write the amount as a debit or as a credit, in one of the two columns."
    try:
        exponent(row.currency)
    except UnknownCurrency as error:
        yield "currency", "a currency is needed, such as EUR." if not row.currency else f"{error}"
    else:
        for field, text in (("debit", row.debit), ("credit", row.credit)):
            try:
                parse_amount(text, row.currency) if text else None
            except BadAmount as error:
                yield field, f"{error}."
    problem = _text_problem(row.item, ITEM_MAX)
    if problem:
        yield "item", f"it {problem}."


def _remainder(left: Money) -> str:
    more, less = ("debits", "credits") if left.minor > 0 else ("credits", "debits")
    return f"in {left.currency} the {more} are {abs(left.decimal):f} more than the {less}"


def _line(row: TypedLine) -> Line:
    amount = parse_amount(row.debit or row.credit, row.currency)
    return Line(account=row.account, amount=amount if row.debit else -amount, item=row.item)


def _text_problem(text: str, longest: int, *, lines: bool = False) -> str:
    """Return why a text cannot be kept; empty where it can."""
    if len(text) > longest:
        return f"has {len(text)} characters, and {longest} are allowed"
    return problem_of(text, lines=lines)


def _checked(upload: Upload) -> CheckedFile:
    def refused(problem: str) -> AttachmentRefused:
        return AttachmentRefused(name=upload.name[:FILE_NAME_MAX], problem=problem)

    if not upload.name or "/" in upload.name or "\\" in upload.name:
        raise refused("needs a file name without a folder")
    problem = _text_problem(upload.name, FILE_NAME_MAX)
    if problem:
        raise refused(f"has a name that {problem}")
    if len(upload.content) > ATTACHMENT_BYTES_MAX:
        raise refused(f"is larger than {ATTACHMENT_BYTES_MAX // 1024 // 1024} MB")
    if not upload.content:
        raise refused("is empty")
    kind = upload.name.rpartition(".")[2].lower()
    if "." not in upload.name or kind not in CONTENT_TYPES:
        raise refused(f"is none of {', '.join(CONTENT_TYPES)}")
    content_type, beginning = CONTENT_TYPES[kind]
    if not upload.content.startswith(beginning) or (not beginning and b"\x00" in upload.content):
        raise refused(f"is named {kind}, but what is in it is not")
    return CheckedFile(
        name=upload.name,
        content_type=content_type,
        content=upload.content,
        sha256=hashlib.sha256(upload.content).hexdigest(),
    )
