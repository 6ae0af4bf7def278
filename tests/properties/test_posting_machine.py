"""The books against a small model in plain Python: whatever is posted, in whatever order, both agree."""

import inspect
from collections import Counter
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger import recipes
from ledger.chart import template_of
from ledger.entries import Entry
from ledger.money import Money
from ledger.selectors import trial_balance, wallet
from ledger.services import InsufficientFunds, ReferenceReused, post, verify_books
from operations.edges import money_tx

SELLERS = ("ann", "bob")
CURRENCIES = ("EUR", "JPY")
SELLER, CURRENCY, AMOUNT = st.sampled_from(SELLERS), st.sampled_from(CURRENCIES), st.integers(1, 500)


class Books(RuleBasedStateMachine):
    """Every recipe, with random facts; the model knows balances, references and what must be refused."""

    def __init__(self) -> None:
        super().__init__()
        self.debits: Counter[tuple[str, str]] = Counter()
        self.posted: dict[tuple[str, str], Entry] = {}
        self.number = 0
        self.frame = transaction.atomic()
        # The frame of a test case: business code may open its own outermost transaction within.
        self.frame._from_testcase = True  # type: ignore[attr-defined]

    @initialize()
    def begin(self) -> None:
        self.frame.__enter__()

    def teardown(self) -> None:
        if connection.in_atomic_block:
            transaction.set_rollback(True)
            self.frame.__exit__(None, None, None)

    def reference(self, kind: str) -> str:
        self.number += 1
        return f"{kind}_{self.number}"

    def book(self, entry: Entry) -> None:
        """Post an entry, and expect what the model expects: taken, or refused for an overdraft."""
        after = self.debits.copy()
        for line in entry.lines:
            after[line.account, line.amount.currency] += line.amount.minor
        if any(_overdrawn(account, minor) for (account, _), minor in after.items()):
            with pytest.raises(InsufficientFunds), money_tx("test"):
                post(entry, actor="system:test", now=timezone.now())
            return
        with money_tx("test"):
            assert post(entry, actor="system:test", now=timezone.now()).created
        self.debits = after
        self.posted[entry.recipe, entry.reference] = entry

    @rule(seller=SELLER, other=SELLER, currency=CURRENCY, gross=AMOUNT, share=st.integers(0, 100))
    def capture(self, seller: str, other: str, currency: str, gross: int, share: int) -> None:
        sales = [
            recipes.Sale(
                order=f"ord_{who}",
                seller=who,
                gross=Money(gross, currency),
                commission=Money(gross * share // 100, currency),
            )
            for who in {seller, other}
        ]
        self.book(recipes.payment_captured(psp="stripe", charge=self.reference("ch"), sales=sales))

    @rule(currency=CURRENCY, fee=AMOUNT)
    def charge_fee(self, currency: str, fee: int) -> None:
        txn = self.reference("txn")
        self.book(
            recipes.provider_fee_charged(psp="stripe", balance_transaction=txn, source="ch", fee=Money(fee, currency))
        )

    @rule(seller=SELLER, currency=CURRENCY, amount=AMOUNT)
    def release(self, seller: str, currency: str, amount: int) -> None:
        self.book(recipes.funds_released(seller=seller, order=self.reference("ord"), amount=Money(amount, currency)))

    @rule(
        seller=SELLER,
        currency=CURRENCY,
        parts=st.tuples(*[st.integers(0, 300)] * 4).filter(lambda parts: sum(parts) > 0),
    )
    def refund(self, seller: str, currency: str, parts: tuple[int, int, int, int]) -> None:
        pending, available, owed, commission = (Money(part, currency) for part in parts)
        split = recipes.RefundSplit(
            seller=seller,
            order="ord",
            from_pending=pending,
            from_available=available,
            from_receivable=owed,
            commission_back=commission,
        )
        self.book(recipes.refund_succeeded(psp="stripe", refund=self.reference("re"), split=split))

    @rule(seller=SELLER, currency=CURRENCY, amount=AMOUNT, end=st.sampled_from(["paid", "not paid", "returned", ""]))
    def pay_out(self, seller: str, currency: str, amount: int, end: str) -> None:
        payout, money = self.reference("pay"), Money(amount, currency)
        self.book(recipes.payout_reserved(seller=seller, payout=payout, amount=money))
        if ("payout_reserved", payout) not in self.posted or not end:
            return
        if end == "not paid":
            self.book(recipes.payout_not_paid(seller=seller, payout=payout, amount=money))
            return
        transfer = self.reference("tr")
        self.book(recipes.payout_paid(psp="stripe", payout=payout, transfer=transfer, amount=money))
        if end == "returned":
            back = self.reference("trr")
            self.book(recipes.payout_returned(psp="stripe", seller=seller, payout=payout, reversal=back, amount=money))

    @rule(currency=CURRENCY, amount=AMOUNT)
    def receive_unidentified(self, currency: str, amount: int) -> None:
        self.book(
            recipes.unidentified_received(psp="stripe", reference=self.reference("ch"), amount=Money(amount, currency))
        )

    @rule(currency=CURRENCY, amount=AMOUNT)
    def deposit(self, currency: str, amount: int) -> None:
        payout = self.reference("po")
        self.book(
            recipes.deposit_arrived(psp="stripe", bank_account="main", payout=payout, amount=Money(amount, currency))
        )

    @precondition(lambda self: self.posted)
    @rule(pick=st.randoms(use_true_random=False))
    def repeat(self, pick: Any) -> None:
        entry = self.posted[pick.choice(sorted(self.posted))]

        with money_tx("test"):
            assert not post(entry, actor="system:test", now=timezone.now()).created

    @precondition(lambda self: self.posted)
    @rule(pick=st.randoms(use_true_random=False))
    def contradict(self, pick: Any) -> None:
        entry = self.posted[pick.choice(sorted(self.posted))]
        doubled = tuple(
            type(line)(account=line.account, amount=line.amount + line.amount, item=line.item) for line in entry.lines
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
            assert mine.available.minor == -self.debits[f"seller:{seller}:available", "EUR"]
            assert mine.receivable.minor == self.debits[f"seller:{seller}:receivable", "EUR"]

    @invariant()
    def books_are_proved(self) -> None:
        if connection.in_atomic_block:
            verdict = verify_books(actor="system:test", now=timezone.now())
            assert verdict.green, verdict.findings
            assert verdict.entries == len(self.posted)


def _overdrawn(account: str, debit_minor: int) -> bool:
    template = template_of(account)
    return template.guarded and (debit_minor if template.type.debit_normal else -debit_minor) < 0


class TestTheBooks:
    @pytest.mark.django_db
    def test_agree_with_a_small_model_whatever_is_posted(self) -> None:
        run_state_machine_as_test(
            Books,
            settings=settings(
                max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )

    def test_are_tried_with_every_recipe(self) -> None:
        source = inspect.getsource(Books)

        assert [name for name in recipes.RECIPES if f"recipes.{name}(" not in source] == []

    def test_have_a_model_that_knows_an_overdraft(self) -> None:
        assert _overdrawn("seller:ann:available", 1)
        assert _overdrawn("seller:ann:receivable", -1)
        assert not _overdrawn("psp:stripe:clearing", -1)
