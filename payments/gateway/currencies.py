"""Stripe's minor units are not always ISO 4217's.

Stripe wants ISK and UGX in hundredths although they have no minor unit any more, MGA in whole ariary although it has
one, and takes three-decimal currencies only in tens (docs.stripe.com/currencies). Getting UGX wrong charges a
hundredth.
"""

from decimal import Decimal

from ledger.money import Money, exponent

# Currency -> decimals on Stripe's wire, where they differ from ISO 4217's: its ariary has none, ISO's has two.
_STRIPE_EXPONENTS = {"ISK": 2, "UGX": 2, "MGA": 0}


class NotRepresentable(ValueError):
    """An amount cannot be said in the provider's units."""


def step_of(currency: str) -> int:
    """Return in which steps of our minor units Stripe takes a currency."""
    return 10 if exponent(currency) == 3 else int(10 ** max(0, -_shift(currency)))


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
