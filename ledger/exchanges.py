"""What is kept of a currency exchange beside its lines: three amounts, the fee and the rate, all in whole numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ledger.money import Money, exponent

# A rate is digits and a scale, as exact as it was said. What the database can hold is no limit to any rate there is.
MAX_RATE_DIGITS = 18
MAX_RATE_SCALE = 18
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def converted(amount: Money, currency: str, rate: Decimal, *, inverse: bool = False) -> Money:
    """Return an amount in another currency, half a minor unit rounded up.

    `rate` is what one unit of the amount's currency is in the other, or the other way round where it is `inverse`.
    """
    times, by = rate.as_integer_ratio()
    if inverse:
        times, by = by, times
    numerator = amount.minor * times * 10 ** exponent(currency)
    denominator = by * 10 ** exponent(amount.currency)
    return Money((2 * numerator + denominator) // (2 * denominator), currency)


@dataclass(frozen=True, kw_only=True)
class RateSnapshot:
    """A rate as it was applied: one unit of `base` is `rate` units of `quote`, said by `source` at a moment."""

    base: str
    quote: str
    rate: Decimal
    source: str
    at: datetime

    def __str__(self) -> str:
        return f"1 {self.base} = {self.rate:f} {self.quote} ({self.source}, {self.at.isoformat()})"

    @property
    def digits_and_scale(self) -> tuple[int, int]:
        """Return the rate as an integer and how many of its digits stand after the point: 1.0830 is (10830, 4)."""
        text = f"{self.rate:f}"
        whole, _, fraction = text.partition(".")
        return int(whole + fraction), len(fraction)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """The facts of one exchange.

    `presentment` is what was sold, in the currency that the buyers paid in; `settlement` what came for it, in ours;
    `ledger` what the books took it for: the presentment, less a fee in its currency, converted at the rate. Of an
    exchange back, `presentment` is what the buyers get, and `settlement` what it cost us.
    So ledger - settlement - a fee in that currency is what rounding left, one minor unit at most.
    """

    presentment: Money
    settlement: Money
    ledger: Money
    fee: Money
    rate: RateSnapshot

    @property
    def row(self) -> dict[str, str | int]:
        """Return the facts as the columns of their table, in its order; the rate as digits and scale."""
        digits, scale = self.rate.digits_and_scale
        return {
            "presentment_minor": self.presentment.minor,
            "presentment_currency": self.presentment.currency,
            "settlement_minor": self.settlement.minor,
            "settlement_currency": self.settlement.currency,
            "ledger_minor": self.ledger.minor,
            "fee_minor": self.fee.minor,
            "fee_currency": self.fee.currency,
            "exponent_shift": exponent(self.settlement.currency) - exponent(self.presentment.currency),
            "base": self.rate.base,
            "quote": self.rate.quote,
            "rate_digits": digits,
            "rate_scale": scale,
            "said_at": self.rate.at.astimezone(UTC).isoformat(),
            "source": self.rate.source,
        }

    @property
    def digested(self) -> str:
        """Return the facts as one line of what an entry's digest is made of; ledger_exchange_text returns the same."""
        facts = self.row
        facts["said_at"] = (self.rate.at - _EPOCH) // timedelta(microseconds=1)
        facts["source"] = f"{len(self.rate.source)}|{self.rate.source}"
        return "exchange|" + "|".join(map(str, facts.values()))

    @property
    def facts(self) -> dict[str, str]:
        """Return the facts by name as people say them."""
        return {
            "presentment": str(self.presentment),
            "settlement": str(self.settlement),
            "ledger amount": str(self.ledger),
            "fee": str(self.fee),
            "rate": str(self.rate),
        }
