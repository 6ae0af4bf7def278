"""Currency exchanges: two currencies, each balanced in itself, joined by a rate that is kept."""

from datetime import date

from ledger import chart
from ledger.entries import Entry, Line, credit, debit
from ledger.exchanges import MAX_RATE_DIGITS, MAX_RATE_SCALE, Exchange, RateSnapshot, converted
from ledger.money import Money
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
    source: str = "",
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that the provider changed money of ours from one currency into another, at a rate that we keep.

    Takes the amounts that left and came, and the fee in either currency: the provider kept it back. `source` is the
    provider's object that it is about, whose open item goes on in the other currency; nothing means the exchange
    itself. What is sold, converted at the rate, may differ from what was bought by one minor unit: that is rounding.
    The entry keeps the three amounts (sold as presentment, bought as settlement, what was sold converted as the
    ledger's), the fee and the rate as facts, digit for digit.

    Dr  fx:{psp}:trading             sold - fee in this currency
    Dr  psp:{psp}:fees               fee
    Cr  psp:{psp}:clearing           sold
    Dr  psp:{psp}:clearing           bought
    Cr  fx:{psp}:trading             sold - fee, converted at the rate
    Dr  rounding                     what is missing of it; what is over swaps the side
    """
    event = Event("currency_exchanged", exchange)
    item = source or exchange
    charge = fee or nothing(bought)
    fee_sold, fee_bought = _fee_by_currency(event, sold, bought, charge)
    event.positive(**{"sold": sold, "bought": bought, "sold - fee": sold - fee_sold})
    event.not_negative(fee=charge)
    expected = _converted(event, sold - fee_sold, bought.currency, rate)
    missing = expected - bought - fee_bought
    _require_rounding(event, missing, rate, sold=sold - fee_sold, expected=expected, bought=bought, fee=charge)
    lines = [
        debit(chart.trading(psp), sold - fee_sold, item),
        debit(chart.fees(psp), fee_sold, item),
        credit(chart.clearing(psp), sold, item),
        debit(chart.clearing(psp), bought, item),
        debit(chart.fees(psp), fee_bought, item),
        credit(chart.trading(psp), expected, item),
        Line(account=chart.ROUNDING, amount=missing, item=item),
    ]
    return event.entry(
        lines,
        subject=subject,
        description=f"{sold} for {bought}: {rate}",
        value_date=value_date,
        exchange=Exchange(presentment=sold, settlement=bought, ledger=expected, fee=charge, rate=rate),
    )


def currency_exchanged_back(
    *,
    psp: str,
    exchange: str,
    presented: Money,
    taken: Money,
    rate: RateSnapshot,
    source: str = "",
    subject: str = "",
    value_date: date | None = None,
) -> Entry:
    """Record that the provider took money of ours in one currency to give it to buyers in theirs, at a rate we keep.

    `presented` is what the buyers get, `taken` what it cost us: the provider converts the first into the second, and
    not the other way round. They may differ by one minor unit of ours: that is rounding. A fee for it is booked by
    itself. Takes `source`, and keeps the facts, as an exchange forth does.

    Dr  psp:{psp}:clearing           presented
    Cr  fx:{psp}:trading             presented
    Dr  fx:{psp}:trading             presented, converted at the rate
    Cr  psp:{psp}:clearing           taken
    Dr  rounding                     what was taken more; what was taken less swaps the side
    """
    event = Event("currency_exchanged_back", exchange)
    item = source or exchange
    free = nothing(taken)
    _fee_by_currency(event, presented, taken, free)
    event.positive(presented=presented, taken=taken)
    expected = _converted(event, presented, taken.currency, rate)
    _require_rounding(event, taken - expected, rate, sold=presented, expected=expected, bought=taken, fee=free)
    lines = [
        debit(chart.clearing(psp), presented, item),
        credit(chart.trading(psp), presented, item),
        debit(chart.trading(psp), expected, item),
        credit(chart.clearing(psp), taken, item),
        Line(account=chart.ROUNDING, amount=taken - expected, item=item),
    ]
    return event.entry(
        lines,
        subject=subject,
        description=f"{presented} back for {taken}: {rate}",
        value_date=value_date,
        exchange=Exchange(presentment=presented, settlement=taken, ledger=expected, fee=free, rate=rate),
    )


def _require_rounding(event: Event, left: Money, rate: RateSnapshot, **amounts: Money) -> None:
    """Refuse what the rate does not explain. Raises RateDoesNotFit."""
    if abs(left.minor) > _ROUNDING_MINOR:
        facts = {name: str(amount) for name, amount in amounts.items()}
        raise RateDoesNotFit(recipe=event.recipe, reference=event.reference, rate=str(rate), **facts)


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
    inverse = (rate.base, rate.quote) == (currency, amount.currency)
    if not inverse and (rate.base, rate.quote) != (amount.currency, currency):
        raise event.refuse("rate", f"is of {rate.base} in {rate.quote}, not of {amount.currency} and {currency}.")
    return converted(amount, currency, rate.rate, inverse=inverse)
