"""Random deposits, unknown receipts, exchanges and journals by hand for the model of the books."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ledger import chart, recipes
from ledger.entries import Line
from ledger.money import Money
from tests.properties.books import AMOUNT, CURRENCY, PICK, PSP, SELLER
from tests.properties.books_money_out import MoneyOut

ACCOUNTS = (
    *("psp:stripe:clearing", "bank:main", "equity:opening", "losses:write_off", "payouts:in_transit"),
    *("seller:ann:available", "seller:bob:pending", "seller:ann:receivable"),
)
ACCOUNT = st.sampled_from(ACCOUNTS)
SIGNED = st.integers(-200, 200).filter(bool)
AT = datetime(2026, 1, 1, tzinfo=UTC)


class Books(MoneyOut):
    """Every event of the recipe book, with random facts."""

    @rule(
        currency=CURRENCY,
        amount=AMOUNT,
        was_sent=st.booleans(),
        end=st.sampled_from(["", "arrived", "failed", "both"]),
    )
    def deposit(self, currency: str, amount: int, was_sent: bool, end: str) -> None:
        payout, money = self.reference("po"), Money(amount, currency)
        if was_sent:
            assert self.book(recipes.deposit_sent(psp=PSP, payout=payout, amount=money))
        if end in ("arrived", "both"):
            assert self.book(
                recipes.deposit_arrived(psp=PSP, bank_account="main", payout=payout, amount=money, was_sent=was_sent)
            )
        if end in ("failed", "both"):
            failed = recipes.deposit_failed(psp=PSP, payout=payout, amount=money)
            assert self.book(failed) == (was_sent and end == "failed")

    @rule(
        currency=CURRENCY,
        amount=AMOUNT,
        seller=SELLER,
        end=st.sampled_from(["", "identified", "in parts", "returned", "both"]),
    )
    def receive_unidentified(self, currency: str, amount: int, seller: str, end: str) -> None:
        receipt, money, first = self.reference("ch"), Money(amount + 1, currency), Money(1, currency)
        known = partial(recipes.unidentified_identified, reference=receipt, account=chart.available(seller), item="x")
        assert self.book(recipes.unidentified_received(account="bank:main", reference=receipt, amount=money))
        if end in ("identified", "both"):
            assert self.book(known(amount=money))
        if end == "in parts":
            assert self.book(known(amount=first))
            assert self.book(known(amount=money - first, part=2))
        if end in ("returned", "both"):
            back = recipes.unidentified_returned(
                account="bank:main", reference=receipt, returned=self.reference("re"), amount=money
            )
            assert self.book(back) == (end == "returned")

    @rule(account=ACCOUNT, currency=CURRENCY, lost=st.integers(-3, 3).filter(bool))
    def round(self, account: str, currency: str, lost: int) -> None:
        reference, money = self.reference("rnd"), Money(lost, currency)
        self.book(recipes.rounding_booked(reference=reference, account=account, lost=money, item="rnd"))

    @rule(sold=AMOUNT, hundredths=st.integers(10_000, 20_000), fee=st.integers(0, 20), over=st.integers(-1, 1))
    def exchange(self, sold: int, hundredths: int, fee: int, over: int) -> None:
        euros, rate = Money(sold * 100, "EUR"), Decimal(hundredths).scaleb(-2)
        yen = Money((sold * hundredths * 2 + 100) // 200, "JPY")
        snapshot = recipes.RateSnapshot(base="EUR", quote="JPY", rate=rate, source="test", at=AT)
        assert self.book(
            recipes.currency_exchanged(
                psp=PSP,
                exchange=self.reference("fx"),
                sold=euros,
                bought=yen - Money(fee + over, "JPY"),
                fee=Money(fee, "JPY"),
                rate=snapshot,
            )
        )

    @rule(euros=AMOUNT, hundredths=st.integers(10_000, 20_000), over=st.integers(-1, 1))
    def exchange_back(self, euros: int, hundredths: int, over: int) -> None:
        yen = Money((euros * hundredths * 2 + 100) // 200, "JPY")
        rate = Decimal(hundredths).scaleb(-2)
        assert self.book(
            recipes.currency_exchanged_back(
                psp=PSP,
                exchange=self.reference("fx"),
                presented=Money(euros * 100, "EUR"),
                taken=yen + Money(over, "JPY"),
                rate=recipes.RateSnapshot(base="EUR", quote="JPY", rate=rate, source="test", at=AT),
            )
        )

    @rule(
        currency=CURRENCY,
        moves=st.lists(st.tuples(ACCOUNT, st.integers(-200, 200).filter(bool)), min_size=1, max_size=3),
    )
    def write_a_journal(self, currency: str, moves: list[tuple[str, int]]) -> None:
        moves = [*moves, ("rounding", 1), ("bank:main", -1 - sum(minor for _, minor in moves))]
        lines = [Line(account=account, amount=Money(minor, currency), item="hand") for account, minor in moves if minor]
        self.book(recipes.manual_journal(journal=self.reference("mj"), lines=lines, description="by hand"))

    @precondition(lambda self: self.reversible())
    @rule(pick=PICK)
    def reverse(self, pick: Any) -> None:
        key = pick.choice(self.reversible())
        self.book(recipes.entry_reversed(entry_id=self.ids[key], lines=self.posted[key].lines, description="a mistake"))

    def reversible(self) -> list[tuple[str, str]]:
        """Return the entries that no other reverses."""
        return [key for key, entry_id in self.ids.items() if ("entry_reversed", f"entry:{entry_id}") not in self.ids]
