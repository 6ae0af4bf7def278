"""Stripe's minor units are not always ISO 4217's.

Stripe wants ISK and UGX in hundredths although they have no minor unit any more, and takes three-decimal
currencies only in tens (docs.stripe.com/currencies). Getting UGX wrong charges a hundredth.
"""

from ledger.money import Money, exponent

# Currency -> decimals on Stripe's wire, where they differ from ISO 4217's.
_STRIPE_EXPONENTS = {"ISK": 2, "UGX": 2}


class NotRepresentable(ValueError):
    """An amount cannot be said in the provider's units."""


def step_of(currency: str) -> int:
    """Return in which steps of our minor units Stripe takes a currency."""
    return 10 if exponent(currency) == 3 else 1


def to_stripe(money: Money) -> int:
    """Return an amount in Stripe's smallest unit. Raises NotRepresentable."""
    if money.minor % step_of(money.currency):
        raise NotRepresentable(f"{money}: Stripe takes {money.currency} only with a last digit of 0")
    return money.minor * int(10 ** _shift(money.currency))


def from_stripe(amount: int, currency: str) -> Money:
    """Return the amount that Stripe means. Raises NotRepresentable for a fraction of our minor unit."""
    code = currency.upper()
    whole, rest = divmod(amount, 10 ** _shift(code))
    if rest:
        raise NotRepresentable(f"{amount} {code} is not a whole number of minor units")
    return Money(whole, code)


def _shift(currency: str) -> int:
    return _STRIPE_EXPONENTS.get(currency, exponent(currency)) - exponent(currency)
