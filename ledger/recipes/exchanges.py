"""Currency exchanges: two currencies, each balanced in itself, joined by a rate that is kept."""

from datetime import date

from ledger import chart
from ledger.entries import Entry, Line, credit, debit
from ledger.exchanges import MAX_RATE_DIGITS, MAX_RATE_SCALE, Exchange, RateSnapshot
from ledger.money import Money, exponent
from ledger.recipes.common import Event, nothing
from operations.errors import DomainError

# What rounding may leave of an exchange: more means that the rate is not the one that was applied.
_ROUNDING_MINOR = 1


class RateDoesNotFit(DomainError):
    """{recipe} {reference}: at {rate}, {sold} is {expected}, but {bought} was bought and the fee is {fee}."""

    code = "rate_does_not_fit"


def currency_exchanged(
    *,
    psp: str,
    exchange: str,
    sold: Money,
    bought: Money,
    rate: RateSnapshot,
    fee: Money | None = None,
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that the provider changed money of ours from one currency into another, at a rate that we keep.

    Takes the amounts that left and came, and the fee in either currency: the provider kept it back. What is sold,
    converted at the rate, may differ from what was bought by one minor unit: that is rounding. The entry keeps the
    three amounts (sold as presentment, bought as settlement, what was sold converted as the ledger's), the fee and
    the rate as facts, digit for digit.

    Dr  fx:{psp}:trading             sold - fee in this currency
    Dr  psp:{psp}:fees               fee
    Cr  psp:{psp}:clearing           sold
    Dr  psp:{psp}:clearing           bought
    Cr  fx:{psp}:trading             sold - fee, converted at the rate
    Dr  rounding                     what is missing of it; what is over swaps the side
    """
    event = Event("currency_exchanged", exchange)
    charge = fee or nothing(bought)
    fee_sold, fee_bought = _fee_by_currency(event, sold, bought, charge)
    event.positive(**{"sold": sold, "bought": bought, "sold - fee": sold - fee_sold})
    event.not_negative(fee=charge)
    expected = _converted(event, sold - fee_sold, bought.currency, rate)
    missing = expected - bought - fee_bought
    if abs(missing.minor) > _ROUNDING_MINOR:
        facts = {"rate": str(rate), "sold": str(sold - fee_sold), "expected": str(expected), "bought": str(bought)}
        raise RateDoesNotFit(recipe=event.recipe, reference=event.reference, fee=str(charge), **facts)
    lines = [
        debit(chart.trading(psp), sold - fee_sold, exchange),
        debit(chart.fees(psp), fee_sold, exchange),
        credit(chart.clearing(psp), sold, exchange),
        debit(chart.clearing(psp), bought, exchange),
        debit(chart.fees(psp), fee_bought, exchange),
        credit(chart.trading(psp), expected, exchange),
        Line(account=chart.ROUNDING, amount=missing, item=exchange),
    ]
    return event.entry(
        lines,
        subject=subject,
        description=f"{sold} for {bought}: {rate}",
        value_date=value_date,
        exchange=Exchange(presentment=sold, settlement=bought, ledger=expected, fee=charge, rate=rate),
    )


def _fee_by_currency(event: Event, sold: Money, bought: Money, fee: Money) -> tuple[Money, Money]:
    if sold.currency == bought.currency:
        raise event.refuse("bought", f"must be in another currency than {sold.currency}.")
    if fee.currency == sold.currency:
        return fee, nothing(bought)
    if fee.currency == bought.currency:
        return nothing(sold), fee
    raise event.refuse("fee", f"must be in {sold.currency} or {bought.currency}, not {fee.currency}.")


def _converted(event: Event, amount: Money, currency: str, rate: RateSnapshot) -> Money:
    """Return an amount in the other currency, half a minor unit rounded up."""
    if not rate.rate.is_finite() or rate.rate <= 0:
        raise event.refuse("rate", f"must be more than zero, not {rate.rate}.")
    digits, scale = rate.digits_and_scale
    if digits >= 10**MAX_RATE_DIGITS or scale > MAX_RATE_SCALE:
        raise event.refuse("rate", f"must have at most {MAX_RATE_DIGITS} digits, not {rate.rate}.")
    if not rate.source or rate.at.tzinfo is None:
        raise event.refuse("rate", "must say its source, and when, with a time zone.")
    times, by = rate.rate.as_integer_ratio()
    if (rate.base, rate.quote) == (currency, amount.currency):
        times, by = by, times
    elif (rate.base, rate.quote) != (amount.currency, currency):
        raise event.refuse("rate", f"is of {rate.base} in {rate.quote}, not of {amount.currency} and {currency}.")
    numerator = amount.minor * times * 10 ** exponent(currency)
    denominator = by * 10 ** exponent(amount.currency)
    return Money((2 * numerator + denominator) // (2 * denominator), currency)
