"""How a provider settles what it moved for us: in which currency, at which rate, for which fee."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.exchanges import converted
from ledger.money import Money

# Rates are shown with fewer digits than they are applied with: of an amount, no more than this part is lost by it.
_SHOWN_TO = 10_000


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """What a movement is on our balance: one of the provider's balance transactions.

    `amount` is what it added to the balance or took, before the fee, in the currency in which the provider settles;
    that may be another than the buyer's, and the fee is always in it. `rate` is what one unit of the buyer's currency
    came to in it, as the provider says: none where nothing was converted, or it does not say. `step` is in which steps
    of minor units the provider moves the currency.
    """

    psp_ref: str
    amount: Money
    fee: Money
    at: datetime
    rate: Decimal | None = None
    step: int = 1

    def is_of(self, presented: Money) -> bool:
        """Tell whether this is what an amount of another currency came to, as near as amounts and rates are said."""
        if self.rate is None:
            return bool(self.amount.minor)
        here = abs(self.amount.minor)
        there = converted(Money(abs(presented.minor), presented.currency), self.amount.currency, self.rate).minor
        return abs(here - there) <= max(self.step, here // _SHOWN_TO)
