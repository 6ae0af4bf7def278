"""Releases: what was earned may be paid out, less a rolling reserve that comes free later."""

from ledger import chart
from ledger.entries import Entry, credit, debit
from ledger.money import Money
from ledger.recipes.common import Event, nothing, numbered


def funds_released(
    *, seller: str, order: str, amount: Money, to_reserve: Money | None = None, number: int = 1, subject: str = ""
) -> Entry:
    """Record that goods were delivered and the hold is over: what was pending may be paid out, less a reserve.

    What is captured of an order after that is released under a number of its own.

    Dr  seller:{seller}:pending      amount
    Cr  seller:{seller}:available    amount - reserve
    Cr  seller:{seller}:reserved     reserve
    """
    event = Event("funds_released", numbered(order, number))
    if number < 1:
        raise event.refuse("number", f"counts from 1, and is {number}.")
    reserve = to_reserve or nothing(amount)
    free = amount - reserve
    event.positive(amount=amount)
    event.not_negative(**{"to_reserve": reserve, "amount - to_reserve": free})
    lines = [
        debit(chart.pending(seller), amount, order),
        credit(chart.available(seller), free, order),
        credit(chart.reserved(seller), reserve, order),
    ]
    return event.entry(lines, subject=subject)


def reserve_released(*, seller: str, order: str, amount: Money, subject: str = "") -> Entry:
    """Record that the time of a reserve is over: what is left of it may be paid out.

    Dr  seller:{seller}:reserved     amount
    Cr  seller:{seller}:available    amount
    """
    event = Event("reserve_released", order)
    event.positive(amount=amount)
    lines = [debit(chart.reserved(seller), amount, order), credit(chart.available(seller), amount, order)]
    return event.entry(lines, subject=subject)
