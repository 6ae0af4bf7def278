"""Random sales, fees, releases and refunds for the model of the books."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from ledger import chart, recipes
from ledger.money import Money, basis_points
from tests.properties.books import AMOUNT, CURRENCIES, CURRENCY, PICK, PSP, SELLER, SELLERS, SHARE, BooksModel

BPS = st.integers(0, 5_000)


def a_sale(order: str, seller: str, gross: Money, bps: int, tax_bps: int) -> recipes.Sale:
    """Return a sale with a commission of at most half of it, and at most half of that as tax on it."""
    commission = basis_points(gross, bps)
    return recipes.Sale(
        order=order,
        seller=seller,
        gross=gross,
        commission=commission,
        commission_tax=basis_points(commission, tax_bps) if bps < 5_000 else None,
        tax="vat_pt",
    )


class MoneyIn(BooksModel):
    """Money from buyers, and back to them."""

    def __init__(self) -> None:
        super().__init__()
        self.cash_sales: dict[str, recipes.Sale] = {}
        self.estimates: dict[str, Money] = {}
        self.refunds: dict[str, tuple[Money, list[recipes.RefundSplit], Money]] = {}

    @initialize(funded=st.booleans())
    def fund(self, funded: bool) -> None:
        """Begin some runs with money on every account of the sellers, so that what takes it is not always refused."""
        self.begin()
        for currency in CURRENCIES if funded else ():
            nothing = Money(0, currency)
            sales = [
                recipes.Sale(order=f"ord_{who}", seller=who, gross=Money(4_000, currency), commission=nothing)
                for who in SELLERS
            ]
            assert self.book(recipes.payment_captured(psp=PSP, charge=self.reference("ch"), sales=sales))
            for who in SELLERS:
                amount, kept, order = Money(2_500, currency), Money(800, currency), self.reference("ord")
                assert self.book(recipes.funds_released(seller=who, order=order, amount=amount, to_reserve=kept))

    @rule(seller=SELLER, other=SELLER, currency=CURRENCY, gross=AMOUNT, bps=BPS, tax_bps=BPS)
    def capture(self, seller: str, other: str, currency: str, gross: int, bps: int, tax_bps: int) -> None:
        charge = self.reference("ch")
        sales = [
            a_sale(f"{charge}.{number}", who, Money(gross + number, currency), bps, tax_bps)
            for number, who in enumerate((seller, other))
        ]
        assert self.book(recipes.payment_captured(psp=PSP, charge=charge, sales=sales))

    @rule(seller=SELLER, currency=CURRENCY, gross=AMOUNT, bps=st.integers(2_500, 5_000), tax_bps=BPS)
    def sell_for_cash(self, seller: str, currency: str, gross: int, bps: int, tax_bps: int) -> None:
        sale = a_sale(self.reference("cod"), seller, Money(gross + 1, currency), bps, tax_bps)
        assert self.book(recipes.cash_sale_reported(sale=sale))
        self.cash_sales[sale.order] = sale

    @precondition(lambda self: self.cash_sales)
    @rule(pick=PICK, percent=st.integers(0, 100))
    def cancel_a_cash_sale(self, pick: Any, percent: int) -> None:
        sale = self.cash_sales.pop(pick.choice(sorted(self.cash_sales)))
        netted = Money(sale.ours.minor * percent // 100, sale.gross.currency)
        self.book(recipes.cash_sale_canceled(sale=sale, netted=netted))

    @rule(currency=CURRENCY, fee=AMOUNT)
    def charge_a_fee(self, currency: str, fee: int) -> None:
        txn, money = self.reference("txn"), Money(fee, currency)
        assert self.book(recipes.provider_fee_charged(psp=PSP, balance_transaction=txn, source="ch", fee=money))

    @rule(currency=CURRENCY, fee=AMOUNT)
    def estimate_a_fee(self, currency: str, fee: int) -> None:
        charge, money = self.reference("ch"), Money(fee, currency)
        assert self.book(recipes.provider_fee_estimated(psp=PSP, charge=charge, fee=money))
        self.estimates[charge] = money

    @precondition(lambda self: self.estimates)
    @rule(pick=PICK, missing=st.integers(-500, 500).filter(bool))
    def true_a_fee_up(self, pick: Any, missing: int) -> None:
        charge = pick.choice(sorted(self.estimates))
        estimated = self.estimates.pop(charge)
        charged = Money(max(0, estimated.minor + missing), estimated.currency)
        txn = self.reference("txn")
        assert self.book(
            recipes.provider_fee_trued_up(
                psp=PSP, balance_transaction=txn, charge=charge, estimated=estimated, charged=charged
            )
        )

    @rule(seller=SELLER, currency=CURRENCY, share=SHARE, reserve=st.integers(0, 100))
    def release(self, seller: str, currency: str, share: int, reserve: int) -> None:
        amount = self.part(chart.pending(seller), currency, share)
        kept = Money(amount.minor * reserve // 100, currency)
        order = self.reference("ord")
        self.book(recipes.funds_released(seller=seller, order=order, amount=amount, to_reserve=kept))

    @rule(seller=SELLER, currency=CURRENCY, share=SHARE)
    def release_a_reserve(self, seller: str, currency: str, share: int) -> None:
        amount = self.part(chart.reserved(seller), currency, share)
        self.book(recipes.reserve_released(seller=seller, order=self.reference("ord"), amount=amount))

    def a_split(self, seller: str, currency: str, shares: list[int]) -> recipes.RefundSplit:
        """Return what a seller bears: shares of what is there, and of 500 for what does not need to be there."""

        def of(account: str, share: int) -> Money:
            return Money(abs(self.debits[account, currency]) * share // 100, currency)

        pending, reserved, available, receivable, commission, tax = shares
        return recipes.RefundSplit(
            seller=seller,
            order="ord",
            from_pending=of(chart.pending(seller), pending),
            from_reserved=of(chart.reserved(seller), reserved),
            from_available=of(chart.available(seller), available),
            from_receivable=Money(receivable * 5 + 1, currency),
            commission_back=Money(commission, currency),
            tax_back=Money(tax, currency),
            tax="vat_pt",
        )

    SHARES = st.lists(st.integers(0, 105), min_size=6, max_size=6)

    @rule(
        seller=SELLER,
        other=st.sampled_from(["", "ann", "bob"]),
        currency=CURRENCY,
        shares=SHARES,
        ours=st.sampled_from([0, 700]),
    )
    def refund(self, seller: str, other: str, currency: str, shares: list[int], ours: int) -> None:
        loss = Money(ours, currency)
        splits = [self.a_split(who, currency, shares) for who in {seller, other} if who]
        amount = sum((split.total for split in splits), start=loss)
        refund = self.reference("re")
        entry = recipes.refund_succeeded(psp=PSP, refund=refund, amount=amount, split=splits, platform_loss=loss)
        if self.book(entry):
            self.refunds[refund] = (amount, splits, loss)

    @precondition(lambda self: self.refunds)
    @rule(pick=PICK)
    def fail_a_refund_late(self, pick: Any) -> None:
        refund = pick.choice(sorted(self.refunds))
        amount, splits, loss = self.refunds.pop(refund)
        self.book(recipes.refund_failed_late(psp=PSP, refund=refund, amount=amount, split=splits, platform_loss=loss))
