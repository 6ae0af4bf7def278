"""Disputes. What the provider withdraws when one opens is not lost yet; who bears it is decided at the end.

A buyer's bank may come back after a dispute was won: the second round is booked under `{dispute}:2`. The open item
is the dispute itself, in every round.
"""

from collections.abc import Sequence
from datetime import date

from ledger import chart
from ledger.entries import Entry, credit, debit
from ledger.money import Money
from ledger.recipes.common import Event, nothing, numbered
from ledger.recipes.refunds import RefundSplit, bearers, borne_lines


def dispute_opened(
    *,
    psp: str,
    dispute: str,
    amount: Money,
    dispute_round: int = 1,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that the provider withdrew the disputed amount until the dispute is decided.

    Dr  disputes:open                disputed amount
    Cr  psp:{psp}:clearing           disputed amount
    """
    event = _event("dispute_opened", dispute, dispute_round)
    event.positive(amount=amount)
    lines = [debit(chart.DISPUTES, amount, dispute), credit(chart.clearing(psp), amount, dispute)]
    return event.entry(lines, subject=subject, value_date=value_date)


def dispute_fee_charged(
    *,
    psp: str,
    dispute: str,
    fee: Money,
    bearer: str = "",
    dispute_round: int = 1,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record the provider's fee for a dispute: our expense, or the debt of the seller who bears it by policy.

    `bearer` is the seller; nobody means us.

    Dr  psp:{psp}:fees               fee, when we bear it
    Dr  seller:{seller}:receivable   fee, when the seller bears it
    Cr  psp:{psp}:clearing           fee
    """
    event = _event("dispute_fee_charged", dispute, dispute_round)
    event.positive(fee=fee)
    account = chart.receivable(bearer) if bearer else chart.fees(psp)
    lines = [debit(account, fee, dispute), credit(chart.clearing(psp), fee, dispute)]
    return event.entry(lines, subject=subject, value_date=value_date)


def dispute_won(
    *,
    psp: str,
    dispute: str,
    amount: Money,
    dispute_round: int = 1,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that a dispute was decided for us: the provider gave back what it had withdrawn.

    Dr  psp:{psp}:clearing           disputed amount
    Cr  disputes:open                disputed amount
    """
    event = _event("dispute_won", dispute, dispute_round)
    event.positive(amount=amount)
    lines = [debit(chart.clearing(psp), amount, dispute), credit(chart.DISPUTES, amount, dispute)]
    return event.entry(lines, subject=subject, value_date=value_date)


def dispute_lost(
    *,
    dispute: str,
    amount: Money,
    splits: Sequence[RefundSplit] = (),
    platform_loss: Money | None = None,
    dispute_round: int = 1,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that a dispute was decided for the buyer: the sellers bear it as a refund, or we do, as policy says.

    Takes one split for each sale that bears a part, and our own loss: all of it where policy says so, and what a
    dispute is larger than its payment. Together they are the amount.

    Dr  seller:{seller}:pending      what is still pending of the sale
    Dr  seller:{seller}:reserved     else from its reserve
    Dr  seller:{seller}:available    else from what is available
    Dr  seller:{seller}:receivable   else the seller owes it to us
    Dr  platform:commission          commission given back
    Dr  tax:{tax}                    tax on that commission
    Dr  losses:disputes              what we bear
    Cr  disputes:open                disputed amount
    """
    event = _event("dispute_lost", dispute, dispute_round)
    loss = platform_loss or nothing(amount)
    event.positive(amount=amount)
    event.not_negative(platform_loss=loss)
    event.sums("amount", amount, [*(split.total for split in bearers(event, splits)), loss])
    lines = [
        *(line for split in splits for line in borne_lines(event, split)),
        debit(chart.DISPUTE_LOSSES, loss, dispute),
        credit(chart.DISPUTES, amount, dispute),
    ]
    return event.entry(lines, subject=subject, value_date=value_date)


def _event(recipe: str, dispute: str, dispute_round: int) -> Event:
    event = Event(recipe, numbered(dispute, dispute_round))
    if dispute_round < 1:
        raise event.refuse("dispute_round", f"counts from 1, and is {dispute_round}.")
    return event
