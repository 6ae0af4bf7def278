"""Our own money: deposits from the provider to our bank, receipts that nobody knows, and rounding."""

from datetime import date

from ledger import chart
from ledger.entries import Entry, Line, credit, debit
from ledger.money import Money
from ledger.recipes.common import Event, held_at, numbered

# What rounding leaves of a hundred parts. Whatever is missing beyond that is a loss, which two people look at.
_ROUNDING_MAX_MINOR = 100


def deposit_sent(*, psp: str, payout: str, amount: Money, subject: str = "", value_date: date | None = None) -> Entry:
    """Record that the provider took part of our balance to pay it to our bank, where it has yet to arrive.

    Dr  deposits:in_transit          amount
    Cr  psp:{psp}:clearing           amount
    """
    event = Event("deposit_sent", payout)
    event.positive(amount=amount)
    lines = [debit(chart.DEPOSITS, amount, payout), credit(chart.clearing(psp), amount, payout)]
    return event.entry(lines, subject=subject, value_date=value_date)


def deposit_arrived(
    *,
    psp: str,
    bank_account: str,
    payout: str,
    amount: Money,
    was_sent: bool = False,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that the provider paid part of our balance to our bank.

    `was_sent` says that its leaving the provider was recorded before. Posting refuses it where nothing is in transit
    under the payout: where that was never recorded, or the deposit arrived or failed already.

    Dr  bank:{account}               amount
    Cr  psp:{psp}:clearing           amount, when this is the first that we record of it
    Cr  deposits:in_transit          amount, when it was recorded as sent
    """
    event = Event("deposit_arrived", payout)
    event.positive(amount=amount)
    came_from = chart.DEPOSITS if was_sent else chart.clearing(psp)
    lines = [debit(chart.bank(bank_account), amount, payout), credit(came_from, amount, payout)]
    return event.entry(lines, subject=subject, value_date=value_date)


def deposit_failed(*, psp: str, payout: str, amount: Money, subject: str = "", value_date: date | None = None) -> Entry:
    """Record that a deposit did not reach our bank: the provider holds the money again.

    Posting refuses it where nothing is in transit under the payout. Where the arrival was recorded too early, it is
    reversed first.

    Dr  psp:{psp}:clearing           amount
    Cr  deposits:in_transit          amount
    """
    event = Event("deposit_failed", payout)
    event.positive(amount=amount)
    lines = [debit(chart.clearing(psp), amount, payout), credit(chart.DEPOSITS, amount, payout)]
    return event.entry(lines, subject=subject, value_date=value_date)


def unidentified_received(
    *,
    reference: str,
    amount: Money,
    psp: str = "",
    account: str = "",
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record money that nobody here asked for, until somebody knows what it is.

    Takes the provider that received it, or as `account` our bank account that did.

    Dr  psp:{psp}:clearing           amount, when the provider received it
    Dr  bank:{account}               amount, when our bank did
    Cr  suspense:unidentified        amount
    """
    event = Event("unidentified_received", reference)
    event.positive(amount=amount)
    held = held_at(event, psp=psp, field="account", account=account)
    lines = [debit(held, amount, reference), credit(chart.SUSPENSE, amount, reference)]
    return event.entry(lines, subject=subject, value_date=value_date)


def unidentified_identified(
    *,
    reference: str,
    account: str,
    amount: Money,
    item: str = "",
    part: int = 1,
    subject: str = "",
    description: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that somebody found out what unidentified money is: all of a receipt, or one part after another.

    `reference` is that of the receipt, `account` and `item` say where the money belonged; the second part of a
    receipt is booked under `{reference}:2`.

    Dr  suspense:unidentified        amount
    Cr  the account where it belongs amount
    """
    event = Event("unidentified_identified", numbered(reference, part))
    event.positive(amount=amount)
    if part < 1:
        raise event.refuse("part", f"counts from 1, and is {part}.")
    if chart.template_of(account).pattern == chart.SUSPENSE:
        raise event.refuse("account", "must be another than the one where unidentified money waits.")
    lines = [debit(chart.SUSPENSE, amount, reference), credit(account, amount, item)]
    return event.entry(lines, subject=subject, description=description, value_date=value_date)


def unidentified_returned(
    *,
    reference: str,
    returned: str,
    amount: Money,
    psp: str = "",
    account: str = "",
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that unidentified money was sent back to where it came from.

    `reference` is that of the receipt, `returned` that of the movement back; takes the provider, or as `account`
    our bank account that sent it.

    Dr  suspense:unidentified        amount
    Cr  psp:{psp}:clearing           amount, when the provider sent it back
    Cr  bank:{account}               amount, when our bank did
    """
    event = Event("unidentified_returned", returned)
    event.positive(amount=amount)
    held = held_at(event, psp=psp, field="account", account=account)
    lines = [debit(chart.SUSPENSE, amount, reference), credit(held, amount, returned)]
    return event.entry(lines, subject=subject, value_date=value_date)


def rounding_booked(
    *,
    reference: str,
    account: str,
    lost: Money,
    item: str = "",
    subject: str = "",
    description: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record what dividing or converting left over on an account, at most 100 minor units.

    A gain, which is a loss below zero, swaps the sides.

    Dr  rounding                     lost
    Cr  the account that is over     lost
    """
    event = Event("rounding_booked", reference)
    if chart.template_of(account).pattern == chart.ROUNDING:
        raise event.refuse("account", "must be another than the rounding account.")
    if abs(lost.minor) > _ROUNDING_MAX_MINOR:
        raise event.refuse("lost", f"is {lost}: more than {_ROUNDING_MAX_MINOR} minor units have another cause.")
    lines = [
        Line(account=chart.ROUNDING, amount=lost, item=item),
        Line(account=account, amount=-lost, item=item),
    ]
    return event.entry(lines, subject=subject, description=description, value_date=value_date)
