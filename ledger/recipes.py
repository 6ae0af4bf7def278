"""The recipe book: the closed list of business events and how each is booked.

One pure function an event, named in the past tense. Its docstring is the debit/credit table that an accountant
signs. Posting refuses a recipe that is not here. Lines of zero are left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from ledger import chart
from ledger.entries import Entry, Line, credit, debit
from ledger.money import Money


@dataclass(frozen=True, kw_only=True)
class Sale:
    """One seller's part of a captured payment."""

    order: str
    seller: str
    gross: Money
    commission: Money


@dataclass(frozen=True, kw_only=True)
class RefundSplit:
    """Where a refund's money comes from. The parts and the commission given back sum to the refund."""

    seller: str
    order: str
    from_pending: Money
    from_available: Money
    from_receivable: Money
    commission_back: Money


def payment_captured(
    *, psp: str, charge: str, sales: Sequence[Sale], subject: str = "", value_date: date | None = None
) -> Entry:
    """Record that the provider holds the buyer's money, and that we owe each seller all but our commission.

    Dr  psp:{psp}:clearing           gross of all sales
    Cr  seller:{seller}:pending      gross - commission, for each sale
    Cr  platform:commission          commission, for each sale
    """
    gross = _total([sale.gross for sale in sales])
    lines = [debit(chart.clearing(psp), gross, charge)]
    for sale in sales:
        lines.append(credit(chart.pending(sale.seller), sale.gross - sale.commission, sale.order))
        lines.append(credit(chart.COMMISSION, sale.commission, sale.order))
    return _entry("payment_captured", charge, lines, subject, value_date)


def provider_fee_charged(
    *,
    psp: str,
    balance_transaction: str,
    source: str,
    fee: Money,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record the provider's fee, which it keeps back from what it holds for us.

    Dr  psp:{psp}:fees               fee
    Cr  psp:{psp}:clearing           fee
    """
    lines = [debit(chart.fees(psp), fee, source), credit(chart.clearing(psp), fee, source)]
    return _entry("provider_fee_charged", balance_transaction, lines, subject, value_date)


def funds_released(*, seller: str, order: str, amount: Money, subject: str = "") -> Entry:
    """Record that goods were delivered and the hold is over: what was pending may be paid out.

    Dr  seller:{seller}:pending      amount
    Cr  seller:{seller}:available    amount
    """
    lines = [debit(chart.pending(seller), amount, order), credit(chart.available(seller), amount, order)]
    return _entry("funds_released", order, lines, subject, None)


def refund_succeeded(
    *, psp: str, refund: str, split: RefundSplit, subject: str = "", value_date: date | None = None
) -> Entry:
    """Record that a buyer got money back: the seller bears it, and we give our commission back.

    Dr  seller:{seller}:pending      what is still pending of the sale
    Dr  seller:{seller}:available    else from what is available
    Dr  seller:{seller}:receivable   else the seller owes it to us
    Dr  platform:commission          commission given back
    Cr  psp:{psp}:clearing           the refund
    """
    lines = [
        debit(chart.pending(split.seller), split.from_pending, split.order),
        debit(chart.available(split.seller), split.from_available, split.order),
        debit(chart.receivable(split.seller), split.from_receivable, split.order),
        debit(chart.COMMISSION, split.commission_back, split.order),
    ]
    total = _total([line.amount for line in lines])
    lines.append(credit(chart.clearing(psp), total, refund))
    return _entry("refund_succeeded", refund, lines, subject, value_date)


def payout_reserved(*, seller: str, payout: str, amount: Money, subject: str = "") -> Entry:
    """Record that a payout was proposed: its amount is no longer available to the seller.

    Dr  seller:{seller}:available    amount
    Cr  payouts:in_transit           amount
    """
    lines = [debit(chart.available(seller), amount, payout), credit(chart.IN_TRANSIT, amount, payout)]
    return _entry("payout_reserved", payout, lines, subject, None)


def payout_paid(
    *, psp: str, payout: str, transfer: str, amount: Money, subject: str = "", value_date: date | None = None
) -> Entry:
    """Record that the provider moved a payout's money from our balance to the seller's.

    Dr  payouts:in_transit           amount
    Cr  psp:{psp}:clearing           amount
    """
    lines = [debit(chart.IN_TRANSIT, amount, payout), credit(chart.clearing(psp), amount, transfer)]
    return _entry("payout_paid", transfer, lines, subject, value_date)


def payout_not_paid(*, seller: str, payout: str, amount: Money, subject: str = "") -> Entry:
    """Record that a payout was canceled or failed before any money left: it is available again.

    Dr  payouts:in_transit           amount
    Cr  seller:{seller}:available    amount
    """
    lines = [debit(chart.IN_TRANSIT, amount, payout), credit(chart.available(seller), amount, payout)]
    return _entry("payout_not_paid", payout, lines, subject, None)


def payout_returned(
    *,
    psp: str,
    seller: str,
    payout: str,
    reversal: str,
    amount: Money,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that paid-out money came back to our balance at the provider.

    Dr  psp:{psp}:clearing           amount
    Cr  seller:{seller}:available    amount
    """
    lines = [debit(chart.clearing(psp), amount, reversal), credit(chart.available(seller), amount, payout)]
    return _entry("payout_returned", reversal, lines, subject, value_date)


def unidentified_received(
    *, psp: str, reference: str, amount: Money, subject: str = "", value_date: date | None = None
) -> Entry:
    """Record money at the provider that nobody here asked for, until somebody knows what it is.

    Dr  psp:{psp}:clearing           amount
    Cr  suspense:unidentified        amount
    """
    lines = [debit(chart.clearing(psp), amount, reference), credit(chart.SUSPENSE, amount, reference)]
    return _entry("unidentified_received", reference, lines, subject, value_date)


def deposit_arrived(
    *,
    psp: str,
    bank_account: str,
    payout: str,
    amount: Money,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that the provider paid part of our balance to our bank.

    Dr  bank:{account}               amount
    Cr  psp:{psp}:clearing           amount
    """
    lines = [debit(chart.bank(bank_account), amount, payout), credit(chart.clearing(psp), amount, payout)]
    return _entry("deposit_arrived", payout, lines, subject, value_date)


RECIPES: dict[str, Callable[..., Entry]] = {
    recipe.__name__: recipe
    for recipe in (
        payment_captured,
        provider_fee_charged,
        funds_released,
        refund_succeeded,
        payout_reserved,
        payout_paid,
        payout_not_paid,
        payout_returned,
        unidentified_received,
        deposit_arrived,
    )
}


def _total(amounts: Sequence[Money]) -> Money:
    return sum(amounts[1:], start=amounts[0])


def _entry(recipe: str, reference: str, lines: list[Line], subject: str, value_date: date | None) -> Entry:
    kept = tuple(line for line in lines if line.amount.minor != 0)
    return Entry(recipe=recipe, reference=reference, lines=kept, subject=subject, value_date=value_date)
