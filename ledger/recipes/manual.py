"""Written by hand: manual journals, and the reversal of an entry that should not have been."""

from collections.abc import Sequence
from datetime import date

from ledger import chart
from ledger.entries import Entry, Line, mirrored, require_balanced
from ledger.recipes.common import Event
from operations.errors import DomainError


class TooFewLines(DomainError):
    """{recipe} {reference} has {lines} lines: an entry needs at least two."""

    code = "too_few_lines"


class ZeroLine(DomainError):
    """{recipe} {reference}: line {line} on {account} is zero."""

    code = "zero_line"


def manual_journal(
    *,
    journal: str,
    lines: Sequence[Line],
    description: str,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record what a person decided and no other recipe says: two lines or more that balance in each currency.

    Dr  any account of the chart     as the journal says
    Cr  any account of the chart     as the journal says
    """
    return _written("manual_journal", journal, lines, description, subject, value_date)


def entry_reversed(
    *,
    entry_id: int,
    lines: Sequence[Line],
    description: str,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that an entry of the journal should not have been: each of its lines again, with the sides swapped.

    Takes the lines of the original. The original stays where it is; an entry is reversed at most once.

    Dr  each account credited there  the same amount, under the same item
    Cr  each account debited there   the same amount, under the same item
    """
    return _written("entry_reversed", f"entry:{entry_id}", mirrored(lines), description, subject, value_date)


def _written(
    recipe: str, reference: str, lines: Sequence[Line], description: str, subject: str, value_date: date | None
) -> Entry:
    event = Event(recipe, reference)
    if len(lines) < 2:
        raise TooFewLines(recipe=recipe, reference=reference, lines=len(lines))
    for number, line in enumerate(lines, start=1):
        chart.template_of(line.account)
        if line.amount.minor == 0:
            raise ZeroLine(recipe=recipe, reference=reference, line=number, account=line.account)
    event.named(lines)
    entry = Entry(
        recipe=recipe,
        reference=reference,
        lines=tuple(lines),
        subject=subject,
        description=description,
        value_date=value_date,
    )
    require_balanced(entry)
    return entry
