"""Payouts: reserved first, sent after; back again when they did not arrive."""

from datetime import date

from ledger import chart
from ledger.entries import Entry, credit, debit
from ledger.money import Money
from ledger.recipes.common import Event, held_at


def payout_reserved(*, seller: str, payout: str, amount: Money, subject: str = "") -> Entry:
    """Record that a payout was proposed: its amount is no longer available to the seller.

    Dr  seller:{seller}:available    amount
    Cr  payouts:in_transit           amount
    """
    event = Event("payout_reserved", payout)
    event.positive(amount=amount)
    lines = [debit(chart.available(seller), amount, payout), credit(chart.IN_TRANSIT, amount, payout)]
    return event.entry(lines, subject=subject)


def payout_rest_carried(*, seller: str, payout: str, amount: Money, subject: str = "") -> Entry:
    """Record that the rest of what was available was too little to be sent: a payout settles all before it without it.

    It is carried down and brought forward, and stays available: the next payout begins with it.

    Dr  seller:{seller}:available    amount
    Cr  seller:{seller}:available    amount
    """
    event = Event("payout_rest_carried", payout)
    event.positive(amount=amount)
    available = chart.available(seller)
    return event.entry([debit(available, amount, payout), credit(available, amount, payout)], subject=subject)


def payout_paid(
    *,
    payout: str,
    transfer: str,
    amount: Money,
    psp: str = "",
    source: str = "",
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that a payout's money left us for the seller, from our balance at the provider or from our bank.

    Takes the provider, or as `source` the bank account that the money left.

    Dr  payouts:in_transit           amount
    Cr  psp:{psp}:clearing           amount, when the provider moved it
    Cr  bank:{account}               amount, when our bank did
    """
    event = Event("payout_paid", transfer)
    event.positive(amount=amount)
    account = held_at(event, psp=psp, field="source", account=source)
    lines = [debit(chart.IN_TRANSIT, amount, payout), credit(account, amount, transfer)]
    return event.entry(lines, subject=subject, value_date=value_date)


def payout_not_paid(*, seller: str, payout: str, amount: Money, subject: str = "") -> Entry:
    """Record that a payout was canceled or failed before any money left: it is available again.

    Dr  payouts:in_transit           amount
    Cr  seller:{seller}:available    amount
    """
    event = Event("payout_not_paid", payout)
    event.positive(amount=amount)
    lines = [debit(chart.IN_TRANSIT, amount, payout), credit(chart.available(seller), amount, payout)]
    return event.entry(lines, subject=subject)


def payout_returned(
    *,
    seller: str,
    payout: str,
    reversal: str,
    amount: Money,
    psp: str = "",
    source: str = "",
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that paid-out money came back to us.

    Takes the provider, or as `source` the bank account that the money had left and came back to.

    Dr  psp:{psp}:clearing           amount, when it came back to the provider
    Dr  bank:{account}               amount, when it came back to our bank
    Cr  seller:{seller}:available    amount
    """
    event = Event("payout_returned", reversal)
    event.positive(amount=amount)
    account = held_at(event, psp=psp, field="source", account=source)
    lines = [debit(account, amount, reversal), credit(chart.available(seller), amount, payout)]
    return event.entry(lines, subject=subject, value_date=value_date)
