"""Disputes. What the provider withdraws when one opens is not lost yet; who bears it is decided at the end.

A buyer's bank may come back after a dispute was won: the second round is booked under `{dispute}:2`, and so is money
that comes back for the second time. The open item is the dispute itself, in every round. What comes back after a loss
is booked under the provider's movement.
"""

from collections.abc import Sequence
from datetime import date

from ledger import chart
from ledger.entries import Entry, credit, debit, mirrored
from ledger.money import Money
from ledger.recipes.common import Event, nothing, numbered
from ledger.recipes.refunds import RefundSplit, borne


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
    movement: str = "",
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record the provider's fee for a dispute: our expense, or the debt of the seller who bears it by policy.

    `bearer` is the seller; nobody means us. A fee that did not come with a withdrawal, as for evidence that was handed
    in, is booked under its own movement.

    Dr  psp:{psp}:fees               fee, when we bear it
    Dr  seller:{seller}:receivable   fee, when the seller bears it
    Cr  psp:{psp}:clearing           fee
    """
    event = _event("dispute_fee_charged", dispute, dispute_round)
    if movement:
        event = Event("dispute_fee_charged", movement)
    event.positive(fee=fee)
    account = chart.receivable(bearer) if bearer else chart.fees(psp)
    lines = [debit(account, fee, dispute), credit(chart.clearing(psp), fee, dispute)]
    return event.entry(lines, subject=subject, value_date=value_date)


def dispute_won(
    *,
    psp: str,
    dispute: str,
    amount: Money,
    number: int = 1,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that a dispute was decided for us: the provider gave back what it had withdrawn.

    `number` counts how often it gave back, which is once a round unless it does so in parts.

    Dr  psp:{psp}:clearing           what came back
    Cr  disputes:open                what came back
    """
    event = _event("dispute_won", dispute, number, field="number")
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
    lines = [*borne(event, dispute, amount, splits, platform_loss), credit(chart.DISPUTES, amount, dispute)]
    return event.entry(lines, subject=subject, value_date=value_date)


def dispute_recovered(
    *,
    psp: str,
    dispute: str,
    movement: str,
    amount: Money,
    splits: Sequence[RefundSplit] = (),
    platform_loss: Money | None = None,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that the provider gave back money of a dispute that was lost: whoever bore it has it again.

    `movement` is the provider's balance transaction, by which it counts once. Takes what of the loss is undone, as
    the loss was booked: one split for each sale, and our own part. What was pending or in reserve and has been
    released since, and what the seller owed and has paid by now, is given back as available: the splits then say so.

    Dr  psp:{psp}:clearing           what came back
    Cr  seller:{seller}:pending      what was taken from it
    Cr  seller:{seller}:reserved     what was taken from it
    Cr  seller:{seller}:available    what was taken from it
    Cr  seller:{seller}:receivable   what the seller owed for it
    Cr  platform:commission          commission that had been given back
    Cr  tax:{tax}                    tax on that commission
    Cr  losses:disputes              what we had borne
    """
    event = Event("dispute_recovered", movement)
    back = mirrored(borne(event, dispute, amount, splits, platform_loss))
    return event.entry([debit(chart.clearing(psp), amount, dispute), *back], subject=subject, value_date=value_date)


def loss_passed_on(
    *,
    cause: str,
    item: str,
    amount: Money,
    split: RefundSplit,
    subject: str = "",
) -> Entry:
    """Record that a sale bears after all what we had borne of a dispute or a refund for want of anything left of it.

    `cause` is what gave something of the sale back: a refund that failed late, or a movement of a dispute. `item` is
    the dispute or the refund that was our loss.

    Dr  seller:{seller}:pending      what is pending of the sale
    Dr  seller:{seller}:reserved     else from its reserve
    Dr  seller:{seller}:available    else from what is available
    Dr  seller:{seller}:receivable   else the seller owes it to us
    Dr  platform:commission          commission given back
    Dr  tax:{tax}                    tax on that commission
    Cr  losses:disputes              what we had borne
    """
    event = Event("loss_passed_on", f"{item}:{split.order}:{cause}" if item and split.order and cause else "")
    lines = [*borne(event, item, amount, split, None), credit(chart.DISPUTE_LOSSES, amount, item)]
    return event.entry(lines, subject=subject)


def dispute_fee_returned(
    *,
    psp: str,
    dispute: str,
    movement: str,
    fee: Money,
    bearer: str = "",
    owed: Money | None = None,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that the provider gave back its fee for a dispute: to us, or to the seller who had borne it.

    `movement` is the provider's balance transaction, by which it counts once. `bearer` is the seller, and `owed` what
    of the fee they still owe us: the rest of it is available to them again. Nobody means us.

    Dr  psp:{psp}:clearing           fee
    Cr  psp:{psp}:fees               fee, when we had borne it
    Cr  seller:{seller}:receivable   what the seller still owed of it
    Cr  seller:{seller}:available    what the seller had paid of it
    """
    event = Event("dispute_fee_returned", movement)
    event.positive(fee=fee)
    lines = [debit(chart.clearing(psp), fee, dispute)]
    if bearer:
        still_owed = owed or nothing(fee)
        event.not_negative(owed=still_owed, paid=fee - still_owed)
        lines.append(credit(chart.receivable(bearer), still_owed, dispute))
        lines.append(credit(chart.available(bearer), fee - still_owed, dispute))
    else:
        lines.append(credit(chart.fees(psp), fee, dispute))
    return event.entry(lines, subject=subject, value_date=value_date)


def _event(recipe: str, dispute: str, number: int, *, field: str = "dispute_round") -> Event:
    event = Event(recipe, numbered(dispute, number))
    if number < 1:
        raise event.refuse(field, f"counts from 1, and is {number}.")
    return event
