"""What the provider charges: known at once, or estimated first and trued up from its settlement."""

from datetime import date

from ledger import chart
from ledger.entries import Entry, Line, credit, debit
from ledger.money import Money
from ledger.recipes.common import Event, NothingToBook


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
    event = Event("provider_fee_charged", balance_transaction)
    event.positive(fee=fee)
    lines = [debit(chart.fees(psp), fee, source), credit(chart.clearing(psp), fee, source)]
    return event.entry(lines, subject=subject, value_date=value_date)


def provider_fee_estimated(
    *, psp: str, charge: str, fee: Money, subject: str = "", value_date: date | None = None
) -> Entry:
    """Record the fee that we expect for a charge, as long as the provider has not said it.

    Dr  psp:{psp}:fees               expected fee
    Cr  psp:{psp}:clearing           expected fee
    """
    event = Event("provider_fee_estimated", charge)
    event.positive(fee=fee)
    lines = [debit(chart.fees(psp), fee, charge), credit(chart.clearing(psp), fee, charge)]
    return event.entry(lines, subject=subject, value_date=value_date)


def provider_fee_trued_up(
    *,
    psp: str,
    balance_transaction: str,
    charge: str,
    estimated: Money,
    charged: Money,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that the provider's fee is known: only its difference from what was expected.

    A fee that is smaller than expected swaps the sides.

    Dr  psp:{psp}:fees               charged - expected
    Cr  psp:{psp}:clearing           charged - expected
    """
    event = Event("provider_fee_trued_up", balance_transaction)
    event.not_negative(estimated=estimated, charged=charged)
    difference = charged - estimated
    if not difference.minor:
        raise NothingToBook(
            recipe=event.recipe, reference=event.reference, problem=f"the fee of {charged} is what was expected."
        )
    lines = [
        Line(account=chart.fees(psp), amount=difference, item=charge),
        Line(account=chart.clearing(psp), amount=-difference, item=charge),
    ]
    return event.entry(lines, subject=subject, value_date=value_date)
