"""The small model of the books in plain Python, and how it is held against the real ones."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ledger import chart
from ledger.chart import template_of
from ledger.entries import Entry, Line
from ledger.money import Money
from ledger.selectors import open_items, trial_balance, wallet
from ledger.services import HoldExceeded, InsufficientFunds, ReferenceReused, post, verify_books
from operations.edges import money_tx

PSP = "stripe"
SELLERS = ("ann", "bob")
CURRENCIES = ("EUR", "JPY")
SELLER, CURRENCY, AMOUNT = st.sampled_from(SELLERS), st.sampled_from(CURRENCIES), st.integers(1, 500)
# How much of what is there is taken, in percent: now and then more than is there.
SHARE = st.integers(1, 110)
PICK = st.randoms(use_true_random=False)


class BooksModel(RuleBasedStateMachine):
    """What every event has in common: the model knows balances, items, references and what must be refused."""

    def __init__(self) -> None:
        super().__init__()
        self.debits: Counter[tuple[str, str]] = Counter()
        self.items: Counter[tuple[str, str, str]] = Counter()
        self.posted: dict[tuple[str, str], Entry] = {}
        self.ids: dict[tuple[str, str], int] = {}
        self.number = 0
        self.frame = transaction.atomic()
        # The frame of a test case: business code may open its own outermost transaction within.
        self.frame._from_testcase = True  # type: ignore[attr-defined]

    def begin(self) -> None:
        self.frame.__enter__()

    def teardown(self) -> None:
        if connection.in_atomic_block:
            transaction.set_rollback(True)
            self.frame.__exit__(None, None, None)

    def reference(self, kind: str) -> str:
        self.number += 1
        return f"{kind}_{self.number}"

    def part(self, account: str, currency: str, share: int) -> Money:
        """Return a share of an account's balance, in percent; at least one unit."""
        there = abs(self.debits[account, currency])
        return Money(max(1, there * share // 100), currency)

    def open_items(self, account: str, currency: str) -> list[tuple[str, Money]]:
        """Return the items of an account that are not settled, on the side on which the account grows, oldest first."""
        sign = 1 if template_of(account).type.debit_normal else -1
        return [
            (item, Money(sign * minor, currency))
            for (code, unit, item), minor in self.items.items()
            if (code, unit) == (account, currency) and minor
        ]

    def book(self, entry: Entry) -> bool:
        """Post an entry, and expect what the model expects: taken, or refused. Return whether it was taken."""
        debits, items = self.debits.copy(), self.items.copy()
        refused = apply(entry.lines, debits, items)
        if refused:
            with pytest.raises(refused), money_tx("test"):
                post(entry, actor="system:test", now=timezone.now())
            return False
        with money_tx("test"):
            posted = post(entry, actor="system:test", now=timezone.now())
        assert posted.created
        self.debits, self.items = debits, items
        self.posted[entry.recipe, entry.reference] = entry
        self.ids[entry.recipe, entry.reference] = posted.entry_id
        return True

    @precondition(lambda self: self.posted)
    @rule(pick=PICK)
    def repeat(self, pick: Any) -> None:
        entry = self.posted[pick.choice(sorted(self.posted))]

        with money_tx("test"):
            assert not post(entry, actor="system:test", now=timezone.now()).created

    @precondition(lambda self: self.posted)
    @rule(pick=PICK)
    def contradict(self, pick: Any) -> None:
        entry = self.posted[pick.choice(sorted(self.posted))]
        doubled = tuple(
            Line(account=line.account, amount=line.amount + line.amount, item=line.item) for line in entry.lines
        )
        other = Entry(recipe=entry.recipe, reference=entry.reference, lines=doubled)

        with pytest.raises(ReferenceReused, match="amount in line 0"), money_tx("test"):
            post(other, actor="system:test", now=timezone.now())

    @invariant()
    def balances_are_the_models(self) -> None:
        if not connection.in_atomic_block:
            return
        found = {(account.code, account.currency): account.debit_minor for account in trial_balance()}
        assert {key: minor for key, minor in found.items() if minor} == {
            key: minor for key, minor in self.debits.items() if minor
        }
        for seller in SELLERS:
            mine = wallet(seller=seller, currency="EUR")
            assert mine.pending.minor == -self.debits[chart.pending(seller), "EUR"]
            assert mine.available.minor == -self.debits[chart.available(seller), "EUR"]
            assert mine.reserved.minor == -self.debits[chart.reserved(seller), "EUR"]
            assert mine.receivable.minor == self.debits[chart.receivable(seller), "EUR"]

    @invariant()
    def open_items_are_the_models(self) -> None:
        if not connection.in_atomic_block:
            return
        for account in (chart.clearing(PSP), chart.DISPUTES, chart.receivable("ann")):
            found = {item.item: item.debit for item in open_items(code=account, currency="EUR")}
            assert found == dict(self.open_items(account, "EUR"))

    @invariant()
    def books_are_proved(self) -> None:
        if connection.in_atomic_block:
            verdict = verify_books(actor="system:test", now=timezone.now())
            assert verdict.green, verdict.findings
            assert verdict.entries == len(self.posted)


def apply(
    lines: Iterable[Line], debits: Counter[tuple[str, str]], items: Counter[tuple[str, str, str]]
) -> type[Exception] | None:
    """Move the balances line by line, as posting does, and return the first refusal; None where all is well."""
    for _, line in sorted(enumerate(lines), key=lambda pair: (pair[1].account, pair[0])):
        currency, template = line.amount.currency, template_of(line.account)
        sign = 1 if template.type.debit_normal else -1
        debits[line.account, currency] += line.amount.minor
        items[line.account, currency, line.item] += line.amount.minor
        if template.guarded and sign * debits[line.account, currency] < 0:
            return InsufficientFunds
        if template.held and sign * items[line.account, currency, line.item] < 0:
            return HoldExceeded
    return None


def overdrawn(account: str, debit_minor: int) -> bool:
    """Tell whether the model refuses that an account's only line is this one."""
    line = Line(account=account, amount=Money(debit_minor, "EUR"), item="x")
    return apply([line], Counter(), Counter()) is not None
