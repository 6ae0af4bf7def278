"""Journal entries as values: what a recipe makes and the posting function writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ledger.exchanges import Exchange
from ledger.money import Money
from operations.errors import DomainError


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One debit (positive) or credit (negative) on one account.

    `item` is the open item that the line belongs to: on a clearing account the provider's object (`ch_…`,
    `re_…`, `tr_…`), on `payouts:in_transit` the payout, on a seller's account the payment order. The lines of
    a settled item sum to zero, or to what the statement says.
    """

    account: str
    amount: Money
    item: str = ""


def debit(account: str, amount: Money, item: str = "") -> Line:
    """Return a debit of a positive amount."""
    return Line(account=account, amount=amount, item=item)


def credit(account: str, amount: Money, item: str = "") -> Line:
    """Return a credit of a positive amount."""
    return Line(account=account, amount=-amount, item=item)


def mirrored(lines: Iterable[Line]) -> list[Line]:
    """Return the lines with their sides swapped: what undoes them."""
    return [Line(account=line.account, amount=-line.amount, item=line.item) for line in lines]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A balanced set of lines, one business event.

    `reference` is the provider's object id, or our own id: (recipe, reference) is unique in the journal, and
    that alone makes every event count exactly once. `subject` names what the event is about for people
    (`checkout:chk_…`, `payout:po_…`). `value_date` is the day the money moved in the outside world. `exchange` are
    the facts of a currency exchange, which has them and nothing else does.
    """

    recipe: str
    reference: str
    lines: tuple[Line, ...]
    subject: str = ""
    description: str = ""
    value_date: date | None = None
    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What posting returned: the journal entry's id, and whether this call wrote it."""

    entry_id: int
    created: bool


class NotBalanced(DomainError):
    """The entry {recipe} {reference} does not balance: {remainder} {currency} remain."""

    code = "not_balanced"


def remainders(lines: Iterable[Line]) -> dict[str, int]:
    """Return what the lines leave over, debits positive: minor units by currency. Balanced lines leave nothing."""
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.amount.currency] = sums.get(line.amount.currency, 0) + line.amount.minor
    return {currency: remainder for currency, remainder in sums.items() if remainder}


def require_balanced(entry: Entry) -> None:
    """Refuse an entry whose lines do not sum to zero in each currency. Raises NotBalanced."""
    for currency, remainder in remainders(entry.lines).items():
        raise NotBalanced(recipe=entry.recipe, reference=entry.reference, remainder=remainder, currency=currency)
