"""Our books behind the five operations that a conformance suite asks of any ledger.

What its vocabulary has and ours has not is mapped to recipes, and every posting goes through `post`:

- an account of a customer is a seller's available money: stored, locked, never below zero;
- `fund` is a sale whose money is released at once; `transfer` is a journal by hand, which alone may move money from
  one seller to another; `draw` sets money aside for a payout; `credit` is a sale, which moves a seller's pending
  money and the provider's clearing account, our hottest ones;
- the key of a transaction is the reference of its entry;
- nothing here lets a customer's account be overdrawn on purpose: no caller can switch our guard off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.utils import timezone

from ledger import chart, recipes, selectors
from ledger.entries import Entry, Line, credit, debit
from ledger.money import Money
from ledger.services import post
from operations import database
from operations.edges import money_tx
from operations.errors import DomainError
from tests.committed import wipe

CLEARING = chart.clearing("stripe")


class Status(StrEnum):
    """What came of a submission."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a submission, and the code of the refusal."""

    status: Status
    reason: str = ""
    entry_id: int = 0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the journal. `minor` is positive for a debit; `after` the balance that a guarded line carries."""

    line_id: int
    entry_id: int
    reference: str
    account: str
    currency: str
    minor: int
    item: str
    after: int | None
    business_date: date
    value_date: date
    txid: int


APPLIED, DUPLICATE, REFUSED = Status.APPLIED, Status.DUPLICATE, Status.REFUSED
_JOURNAL = """
SELECT l.id AS line_id, l.entry_id, e.reference, a.code AS account, l.currency, l.amount_minor AS minor, l.item,
       l.balance_after_minor AS after, l.business_date, l.value_date, l.txid
FROM ledger_journalline AS l
JOIN ledger_journalentry AS e ON e.id = l.entry_id
JOIN ledger_account AS a ON a.id = l.account_id
"""


class Ledger:
    """Our books: post, balance, journal, reset."""

    def reset(self) -> None:
        """Empty the books."""
        wipe()

    def post(self, entry: Entry, *, now: datetime | None = None) -> Outcome:
        """Submit an entry in a transaction of its own; a refusal is a value, anything else is raised."""
        try:
            with money_tx("conformance"):
                posted = post(entry, actor="system:test", now=now or timezone.now())
        except DomainError as refusal:
            return Outcome(status=REFUSED, reason=refusal.code)
        return Outcome(status=APPLIED if posted.created else DUPLICATE, entry_id=posted.entry_id)

    def balance(self, account: str, currency: str = "EUR") -> int:
        """Return an account's balance on its normal side, in minor units, by the path that everybody reads."""
        return selectors.balance(code=account, currency=currency).minor

    def journal(self) -> list[Row]:
        """Return every line, in the order in which they were drawn: that of commits, on a guarded account."""
        return [Row(**row) for row in database.fetch_all(f"{_JOURNAL} ORDER BY l.id")]

    def sealed(self) -> list[Row]:
        """Return the lines that are final, in their final order: by seal, and within one by id."""
        seal = "(SELECT min(s.id) FROM ledger_seal AS s WHERE s.txid > e.txid)"
        rows = database.fetch_all(f"{_JOURNAL} WHERE {seal} IS NOT NULL ORDER BY {seal}, l.entry_id, l.position")
        return [Row(**row) for row in rows]

    def fund(self, seller: str, minor: int) -> None:
        """Let a seller earn money that is available at once."""
        order, amount = f"fund_{seller}", Money(minor, "EUR")
        sale = recipes.Sale(order=order, seller=seller, gross=amount, commission=Money(0, "EUR"))
        for entry in (
            recipes.payment_captured(psp="stripe", charge=order, sales=[sale]),
            recipes.funds_released(seller=seller, order=order, amount=amount),
        ):
            assert self.post(entry).status is APPLIED

    def credit(self, seller: str, minor: int, key: str) -> Outcome:
        """Submit a sale: pending money of a seller's, and clearing."""
        sale = recipes.Sale(order=key, seller=seller, gross=Money(minor, "EUR"), commission=Money(0, "EUR"))
        return self.post(recipes.payment_captured(psp="stripe", charge=key, sales=[sale]))

    def transfer(self, source: str, target: str, minor: int, key: str, *, now: datetime | None = None) -> Outcome:
        """Submit a movement from what one seller has available to another."""
        return self.post(transfer(source, target, minor, key), now=now)

    def draw(self, seller: str, minor: int, key: str) -> Outcome:
        """Submit a payout of available money."""
        return self.post(recipes.payout_reserved(seller=seller, payout=key, amount=Money(minor, "EUR")))

    def reverse(self, entry_id: int) -> Outcome:
        """Submit the reversal of an entry."""
        lines = [
            Line(account=row.account, amount=Money(row.minor, row.currency), item=row.item)
            for row in self.journal()
            if row.entry_id == entry_id
        ]
        return self.post(recipes.entry_reversed(entry_id=entry_id, lines=lines, description="a mistake"))


def transfer(source: str, target: str, minor: int, key: str) -> Entry:
    """Return the entry that moves available money from one seller to another."""
    amount = Money(minor, "EUR")
    lines = [debit(chart.available(source), amount, key), credit(chart.available(target), amount, key)]
    return recipes.manual_journal(journal=key, lines=lines, description="from one seller to another")


def projected(rows: Sequence[Row], account: str, currency: str = "EUR") -> int:
    """Return what the lines alone make an account's balance, on its normal side."""
    total = sum(row.minor for row in rows if (row.account, row.currency) == (account, currency))
    return total if chart.template_of(account).type.debit_normal else -total
