"""Stripe's itemised activity report (balance_change_from_activity.itemized), as CSV.

Amounts are decimals in major units with a point, instants are UTC without an offset
(docs.stripe.com/reports/report-types).
"""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from ledger.money import MAX_MINOR, UnknownCurrency, exponent
from reconciliation.parsers.base import LineError, ParsedLine, StatementUnreadable

REQUIRED = (
    "balance_transaction_id",
    "created",
    "available_on",
    "currency",
    "gross",
    "fee",
    "net",
    "reporting_category",
    "source_id",
)
OPTIONAL = (
    "description",
    "charge_id",
    "payment_intent_id",
    "refund_id",
    "transfer_id",
    "dispute_id",
    "automatic_payout_id",
    "automatic_payout_effective_at",
    "created_utc",
    "available_on_utc",
    "customer_id",
    "customer_email",
    "trace_id",
    "trace_id_status",
)
# docs.stripe.com/reports/reporting-categories
_TAKEN_BACK = "partial_capture_reversal"
MAX_BYTES = 200 * 1024 * 1024
_AMOUNT = re.compile(r"-?\d{1,15}(\.\d{1,4})?\Z", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\Z", re.ASCII)


def parse(content: bytes) -> list[ParsedLine]:
    """Return every line of the file. Raises StatementUnreadable with all that is wrong, by line."""
    rows = _rows(_text(content))
    _, header = next(rows, (1, []))
    _check_header(header)
    lines: list[ParsedLine] = []
    errors: list[LineError] = []
    try:
        for line_no, row in rows:
            found = _line(line_no, dict(zip(header, row, strict=False)), len(header), len(row))
            if isinstance(found, ParsedLine):
                lines.append(found)
            else:
                errors += found
    except StatementUnreadable as error:
        errors += error.errors
    if not lines and not errors:
        errors.append(LineError(line_no=2, field="file", value="", problem="there is no line below the header"))
    if errors:
        raise StatementUnreadable(errors)
    return lines


def _text(content: bytes) -> str:
    if not content.strip():
        raise StatementUnreadable([_whole_file("the file is empty")])
    if len(content) > MAX_BYTES:
        raise StatementUnreadable([_whole_file(f"the file is larger than {MAX_BYTES} bytes")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_no = content[: error.start].count(b"\n") + 1
        raise StatementUnreadable(
            [LineError(line_no=line_no, field="file", value="", problem="this is not UTF-8")]
        ) from error
    if "\x00" in text:
        raise StatementUnreadable([_whole_file("the file contains NUL")])
    return text


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of its first line in the file."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line_no = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise StatementUnreadable(
                [LineError(line_no=line_no, field="line", value="", problem=f"not readable as CSV: {error}")]
            ) from error
        if row:
            yield line_no, row
        line_no = reader.line_num + 1


def _check_header(header: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in REQUIRED + OPTIONAL]
    twice = sorted({name for name in header if header.count(name) > 1})
    errors = [LineError(line_no=1, field=name, value="", problem="this column is missing") for name in missing]
    errors += [LineError(line_no=1, field=name, value=name, problem="this column is not known") for name in unknown]
    errors += [LineError(line_no=1, field=name, value=name, problem="this column stands twice") for name in twice]
    if errors:
        raise StatementUnreadable(errors)


def _line(line_no: int, row: dict[str, str], expected: int, found: int) -> ParsedLine | list[LineError]:
    if expected != found:
        return [LineError(line_no=line_no, field="line", value=str(found), problem=f"{expected} cells are needed")]
    problems: list[LineError] = []

    def wrong(field: str, problem: str) -> None:
        problems.append(LineError(line_no=line_no, field=field, value=row[field], problem=problem))

    for field in ("balance_transaction_id", "reporting_category"):
        if not row[field].strip():
            wrong(field, "this must not be empty")
    currency = row["currency"].upper()
    try:
        decimals = exponent(currency)
    except UnknownCurrency:
        wrong("currency", "this is not a currency")
        return problems
    amounts = {field: _minor(row[field], decimals) for field in ("gross", "fee", "net")}
    for field, minor in amounts.items():
        if minor is None:
            wrong(field, f"this is not an amount of {currency}")
    instants = {field: _instant(row[field]) for field in ("created", "available_on")}
    for field, instant in instants.items():
        if instant is None:
            wrong(field, "this is not an instant like 2026-11-22 18:30:00")
    gross, fee, net = amounts["gross"], amounts["fee"], amounts["net"]
    created, available = instants["created"], instants["available_on"]
    if gross is None or fee is None or net is None or created is None or available is None or problems:
        return problems
    if gross - fee != net:
        wrong("net", f"gross {row['gross']} less fee {row['fee']} is something else")
        return problems
    return ParsedLine(
        line_no=line_no,
        transaction_ref=row["balance_transaction_id"],
        category=row["reporting_category"],
        source_ref=_source(row),
        currency=currency,
        gross_minor=gross,
        fee_minor=fee,
        net_minor=net,
        created_at=created,
        available_on=available,
        description=row.get("description", ""),
    )


def _source(row: dict[str, str]) -> str:
    """Return the provider's object that a movement is of.

    What was not captured of a charge is taken back by a refund that nobody asked for: it belongs to the charge. A fee
    that is no payment's, like one for an account, is of nothing but itself.
    """
    charge = row.get("charge_id", "") if row["reporting_category"] == _TAKEN_BACK else ""
    return charge or row["source_id"].strip() or row["balance_transaction_id"]


def _minor(text: str, decimals: int) -> int | None:
    if not _AMOUNT.match(text):
        return None
    scaled = Decimal(text).scaleb(decimals)
    if scaled != scaled.to_integral_value() or abs(scaled) > MAX_MINOR:
        return None
    return int(scaled)


def _instant(text: str) -> datetime | None:
    if not _INSTANT.match(text):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _whole_file(problem: str) -> LineError:
    return LineError(line_no=1, field="file", value="", problem=problem)
