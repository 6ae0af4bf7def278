"""Money is an integer number of minor units and an ISO 4217 currency. There is no float anywhere near it."""

import re
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from babel import Locale
from djmoney.money import Money as DisplayMoney
from djmoney.money import get_current_locale
from moneyed import CURRENCIES

from operations.errors import DomainError

# bigint, with room to sum: no single amount above 10^15 minor units (the chapter's Japan's GDP is 5 × 10^14 yen).
MAX_MINOR = 10**15
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,4}))?\Z", re.ASCII)
# ISO 4217 codes that are not money one can be paid in: metals, testing, no currency, funds, units of account.
_NOT_MONEY = frozenset(
    {"XXX", "XTS", "XAU", "XAG", "XPT", "XPD", "XBA", "XBB", "XBC", "XBD", "XDR", "XSU", "XUA", "XFO", "XFU"}
    | {"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "USS", "UYI", "UYW", "ZWN"}
)


class UnknownCurrency(DomainError):
    """{currency!r} is not the ISO 4217 code, in capitals, of a currency that can be paid in."""

    code = "unknown_currency"


class BadAmount(DomainError):
    """{text!r} is not an amount of {currency}: {problem}"""

    code = "bad_amount"


class CurrencyMismatch(DomainError):
    """{left} and {right} cannot be put together: their currencies differ."""

    code = "currency_mismatch"
    parameter = "currency"


@cache
def exponent(currency: str) -> int:
    """Return how many decimals a currency has (JPY 0, EUR 2, BHD 3). Raises UnknownCurrency."""
    known = CURRENCIES.get(currency)
    if known is None or currency in _NOT_MONEY or not re.fullmatch(r"[A-Z]{3}", currency):
        raise UnknownCurrency(currency=currency)
    return len(str(known.sub_unit)) - 1


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount: integer minor units of one currency. May be negative."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units must be an integer, not {type(self.minor).__name__}")
        exponent(self.currency)

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"

    @property
    def text(self) -> str:
        """Return the amount in major units as plain text: '12.30', '500' (JPY), '-0.005' (BHD)."""
        return f"{self.decimal:f}"

    @property
    def decimal(self) -> Decimal:
        """Return the amount in major units, exactly."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    @property
    def display(self) -> DisplayMoney:
        """Return django-money's Money, for pages and localised text."""
        return _Written(self.decimal, self.currency)

    def localised(self, locale: Locale | str) -> str:
        """Return the amount as people of a locale write it, with all of its decimals.

        How many is for ISO 4217 to say: CLDR has none for RSD, IQD and others that are counted with some here.
        """
        people = Locale.parse(locale)
        pattern = copy(people.currency_formats["standard"])
        pattern.frac_prec = (exponent(self.currency),) * 2
        return str(pattern.apply(self.decimal, people, currency=self.currency, currency_digits=False))

    def allocate(self, weights: Sequence[int]) -> list["Money"]:
        """Split by weights so that the parts sum to the whole.

        Largest remainder: each part is rounded towards zero, then the units that are left go one each to the
        parts with the largest fractions, ties to the earlier part.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError("weights must not be negative, and not all zero")
        sign = -1 if self.minor < 0 else 1
        shares = [divmod(abs(self.minor) * weight, total) for weight in weights]
        left = abs(self.minor) - sum(whole for whole, _ in shares)
        by_fraction = sorted(range(len(weights)), key=lambda i: (-shares[i][1], i))
        extra = set(by_fraction[:left])
        return [Money(sign * (whole + (i in extra)), self.currency) for i, (whole, _) in enumerate(shares)]

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(left=str(self), right=str(other))


class _Written(DisplayMoney):
    """django-money's Money, written as ours: it would round to the decimals of CLDR."""

    def __str__(self) -> str:
        decimals = exponent(self.currency.code)
        return Money(int(self.amount.scaleb(decimals)), self.currency.code).localised(get_current_locale())


def parse_amount(text: str, currency: str) -> Money:
    """Read a positive amount in major units as clients write it: '12.30', '500'.

    Digits and one point only: no sign, no exponent, no grouping, no other scripts' digits, no more decimals
    than the currency has. Raises UnknownCurrency, BadAmount.
    """
    decimals = exponent(currency)
    found = _AMOUNT.match(text) if isinstance(text, str) else None
    if found is None:
        raise BadAmount(text=str(text)[:40], currency=currency, problem="write digits, and a point before decimals")
    whole, fraction = found.group(1), found.group(2) or ""
    if len(fraction) > decimals:
        raise BadAmount(text=text, currency=currency, problem=f"at most {decimals} decimals")
    minor = int(whole) * 10**decimals + int(fraction.ljust(decimals, "0") or "0")
    if minor == 0:
        raise BadAmount(text=text, currency=currency, problem="more than zero is needed")
    if minor > MAX_MINOR:
        raise BadAmount(text=text, currency=currency, problem="too large")
    return Money(minor, currency)


def basis_points(amount: Money, bps: int) -> Money:
    """Return `bps` hundredths of a percent of an amount, half a minor unit rounded up (away from zero)."""
    whole, rest = divmod(abs(amount.minor) * bps, 10_000)
    rounded = whole + (1 if rest * 2 >= 10_000 else 0)
    return Money(rounded if amount.minor >= 0 else -rounded, amount.currency)


class MinorMoney(property):
    """A model attribute that shows `<name>_minor` and a currency column as Money.

    A subclass of property, because Django accepts only properties as extra keyword arguments of a model.
    """

    def __init__(self, minor_field: str, currency_field: str = "currency") -> None:
        def read(instance: Any) -> Money:
            return Money(getattr(instance, minor_field), getattr(instance, currency_field))

        def write(instance: Any, value: Money) -> None:
            setattr(instance, minor_field, value.minor)
            setattr(instance, currency_field, value.currency)

        super().__init__(read, write)
