"""Stripe's minor units are not always ISO 4217's.

Stripe wants ISK and UGX in hundredths although they have no minor unit any more, MGA in whole ariary although it has
one, and takes three-decimal currencies only in tens (docs.stripe.com/currencies). Getting UGX wrong charges a
hundredth.
"""

from collections.abc import Collection
from decimal import Decimal

from ledger.money import Money, exponent
from payments.gateway.abilities import Limits

# Currency -> decimals on Stripe's wire, where they differ from ISO 4217's: its ariary has none, ISO's has two.
_STRIPE_EXPONENTS = {"ISK": 2, "UGX": 2, "MGA": 0}
# The least charge, in minor units, of what is settled in the currency that is charged; and the most, on Stripe's wire
# (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). What is converted must come to the least of the
# currency in which it is settled, by a rate that nobody knows before.
_STRIPE_LEAST = {
    **dict.fromkeys(("AUD", "BRL", "CAD", "CHF", "EUR", "INR", "JPY", "NZD", "SGD", "USD"), 50),
    **dict.fromkeys(("AED", "MYR", "PLN", "RON"), 200),
    **dict.fromkeys(("NOK", "SEK"), 300),
    **dict.fromkeys(("MXN", "THB"), 1_000),
    "BGN": 100,
    "CZK": 1_500,
    "DKK": 250,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17_500,
}
_STRIPE_MOST = {"IDR": 999_999_999_999}
_STRIPE_MOST_OF_OTHERS = 99_999_999


class NotRepresentable(ValueError):
    """An amount cannot be said in the provider's units."""


def step_of(currency: str) -> int:
    """Return in which steps of our minor units Stripe takes a currency."""
    return 10 if exponent(currency) == 3 else int(10 ** max(0, -_shift(currency)))


def stripe_limits(currency: str, *, settled_in: Collection[str]) -> Limits:
    """Return between which amounts Stripe charges a currency, for an account that settles in some."""
    least = _STRIPE_LEAST.get(currency) if currency in settled_in else None
    most, shift = _STRIPE_MOST.get(currency, _STRIPE_MOST_OF_OTHERS), _shift(currency)
    most = most // int(10**shift) if shift >= 0 else most * int(10**-shift)
    most -= most % step_of(currency)
    return Limits(least=None if least is None else Money(least, currency), most=Money(most, currency))


def to_stripe(money: Money) -> int:
    """Return an amount in Stripe's smallest unit. Raises NotRepresentable."""
    step = step_of(money.currency)
    if money.minor % step:
        raise NotRepresentable(f"{money}: Stripe takes {money.currency} only in steps of {Money(step, money.currency)}")
    shift = _shift(money.currency)
    return money.minor * int(10**shift) if shift >= 0 else money.minor // int(10**-shift)


def from_stripe(amount: int, currency: str) -> Money:
    """Return the amount that Stripe means. Raises NotRepresentable for a fraction of our minor unit."""
    code = currency.upper()
    shift = _shift(code)
    if shift < 0:
        return Money(amount * int(10**-shift), code)
    whole, rest = divmod(amount, int(10**shift))
    if rest:
        raise NotRepresentable(f"{amount} {code} is not a whole number of minor units")
    return Money(whole, code)


def rate_from_stripe(rate: int | Decimal, *, sold: str, bought: str) -> Decimal:
    """Return what one unit of a currency is in another, where Stripe says it of amounts as it writes them.

    Its rate of yen in euros is in cents, a hundred times the usual one, because a yen has none
    (docs.stripe.com/api/balance_transactions/object: the one amount times the rate is the other).
    """
    return Decimal(rate).scaleb(_decimals(sold.upper()) - _decimals(bought.upper()))


def _decimals(currency: str) -> int:
    """Return how many decimals an amount has on Stripe's wire."""
    return _STRIPE_EXPONENTS.get(currency, exponent(currency))


def _shift(currency: str) -> int:
    """Return how many decimals more Stripe's unit has than ours."""
    return _decimals(currency) - exponent(currency)
