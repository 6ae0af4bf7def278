"""Random disputes, debts and payouts for the model of the books."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ledger import chart, recipes
from ledger.entries import Entry
from ledger.money import Money
from tests.properties.books import AMOUNT, CURRENCY, PSP, SELLER, SHARE
from tests.properties.books_money_in import MoneyIn

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
# How the rounds of a dispute end, one after another; an empty end leaves it open.
ROUNDS = st.sampled_from(
    [[""], ["won"], ["lost"], ["won", "won"], ["won", "lost"], ["won", ""], ["recovered"], ["won", "recovered"]]
)
SOURCE = st.sampled_from([{"psp": PSP}, {"source": "bank:main"}])


class MoneyOut(MoneyIn):
    """Money that leaves sellers: to buyers' banks, to us, and to themselves."""

    @rule(
        seller=SELLER,
        currency=CURRENCY,
        amount=AMOUNT,
        ends=ROUNDS,
        bearer=st.sampled_from(["", "ann", "bob"]),
        shares=MoneyIn.SHARES,
        ours=st.booleans(),
    )
    def dispute(
        self, seller: str, currency: str, amount: int, ends: list[str], bearer: str, shares: list[int], ours: bool
    ) -> None:
        dispute, money, fee = self.reference("dp"), Money(amount + 600, currency), Money(15, currency)
        for number, end in enumerate(ends, start=1):
            assert self.book(recipes.dispute_opened(psp=PSP, dispute=dispute, amount=money, dispute_round=number))
            assert self.book(
                recipes.dispute_fee_charged(psp=PSP, dispute=dispute, fee=fee, bearer=bearer, dispute_round=number)
            )
            if end == "won":
                assert self.book(recipes.dispute_won(psp=PSP, dispute=dispute, amount=money, number=number))
                self.return_fee(dispute, fee, bearer)
            elif end:
                splits = [] if ours else [self.a_split(seller, currency, shares)]
                self.lose(dispute, money, number, splits, recovered=end == "recovered")

    @rule(seller=SELLER, currency=CURRENCY, shares=MoneyIn.SHARES)
    def pass_a_loss_on(self, seller: str, currency: str, shares: list[int]) -> None:
        split = self.a_split(seller, currency, shares)
        item, cause = self.reference("dp"), self.reference("re")
        self.book(recipes.loss_passed_on(cause=cause, item=item, amount=split.total, split=split))

    def return_fee(self, dispute: str, fee: Money, bearer: str) -> None:
        """Give a fee back: half of it was paid already, where a seller bears it."""
        owed = Money(fee.minor // 2, fee.currency) if bearer else None
        movement = self.reference("txn")
        assert self.book(
            recipes.dispute_fee_returned(psp=PSP, dispute=dispute, movement=movement, fee=fee, bearer=bearer, owed=owed)
        )

    def lose(
        self, dispute: str, amount: Money, number: int, splits: list[recipes.RefundSplit], *, recovered: bool
    ) -> None:
        """Lose a dispute: what the sellers do not bear of it, we do. What they bear too much is more than was taken."""
        borne = sum((split.total for split in splits), start=Money(0, amount.currency))
        lost = amount if (amount - borne).minor >= 0 else borne
        booked = self.book(
            recipes.dispute_lost(
                dispute=dispute, amount=lost, splits=splits, platform_loss=lost - borne, dispute_round=number
            )
        )
        if booked and recovered:
            assert self.book(
                recipes.dispute_recovered(
                    psp=PSP,
                    dispute=dispute,
                    movement=self.reference("txn"),
                    amount=lost,
                    splits=splits,
                    platform_loss=lost - borne,
                )
            )

    @rule(seller=SELLER, currency=CURRENCY, share=SHARE)
    def net_debts(self, seller: str, currency: str, share: int) -> None:
        debts = [
            recipes.Debt(item=item, amount=owed, since=LONG_AGO + timedelta(days=number))
            for number, (item, owed) in enumerate(self.open_items(chart.receivable(seller), currency))
            if owed.minor > 0
        ]
        parts = recipes.net_oldest_first(debts, self.part(chart.available(seller), currency, share))
        if parts:
            amount = sum((part for _, part in parts), start=Money(0, currency))
            netting = self.reference("net")
            self.book(recipes.debt_netted(seller=seller, netting=netting, amount=amount, parts=parts))

    @rule(seller=SELLER, currency=CURRENCY, share=SHARE)
    def write_a_debt_off(self, seller: str, currency: str, share: int) -> None:
        amount = self.part(chart.receivable(seller), currency, share)
        write_off = self.reference("wo")
        self.book(recipes.debt_written_off(seller=seller, write_off=write_off, item="ord", amount=amount))

    @rule(
        seller=SELLER,
        currency=CURRENCY,
        share=SHARE,
        source=SOURCE,
        end=st.sampled_from(["paid", "not paid", "paid twice", "returned", ""]),
    )
    def pay_out(self, seller: str, currency: str, share: int, source: dict[str, str], end: str) -> None:
        payout, money = self.reference("pay"), self.part(chart.available(seller), currency, share)
        self.book(recipes.payout_rest_carried(seller=seller, payout=payout, amount=money))
        reserved = self.book(recipes.payout_reserved(seller=seller, payout=payout, amount=money))
        if not reserved or not end:
            return
        if end == "not paid":
            assert self.book(recipes.payout_not_paid(seller=seller, payout=payout, amount=money))
            return
        transfer = self.reference("tr")
        assert self.book(_paid(payout, transfer, money, source))
        if end == "paid twice":
            assert not self.book(_paid(payout, self.reference("tr"), money, source))
        if end == "returned":
            back = self.reference("trr")
            assert self.book(_returned(seller, payout, back, money, source))


def _paid(payout: str, transfer: str, amount: Money, source: dict[str, str]) -> Entry:
    psp, account = source.get("psp", ""), source.get("source", "")
    return recipes.payout_paid(psp=psp, source=account, payout=payout, transfer=transfer, amount=amount)


def _returned(seller: str, payout: str, reversal: str, amount: Money, source: dict[str, str]) -> Entry:
    psp, account = source.get("psp", ""), source.get("source", "")
    return recipes.payout_returned(
        psp=psp, source=account, seller=seller, payout=payout, reversal=reversal, amount=amount
    )
