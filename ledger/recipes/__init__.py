"""The recipe book: the closed list of business events and how each is booked.

One pure function an event, named in the past tense. Its docstring is the debit/credit table that an accountant
signs. Posting refuses a recipe that is not here. Lines of zero are left out.
"""

from collections.abc import Callable

from ledger.entries import Entry
from ledger.exchanges import RateSnapshot
from ledger.recipes.common import AmountNegative, AmountNotPositive, BadArgument, NothingToBook, SplitDoesNotSum
from ledger.recipes.debts import Debt, debt_netted, debt_written_off, net_oldest_first
from ledger.recipes.disputes import (
    dispute_fee_charged,
    dispute_fee_returned,
    dispute_lost,
    dispute_opened,
    dispute_recovered,
    dispute_won,
    loss_passed_on,
)
from ledger.recipes.exchanges import RateDoesNotFit, currency_exchanged, currency_exchanged_back
from ledger.recipes.fees import provider_fee_charged, provider_fee_estimated, provider_fee_trued_up
from ledger.recipes.manual import TooFewLines, ZeroLine, entry_reversed, manual_journal
from ledger.recipes.payouts import (
    payout_not_paid,
    payout_paid,
    payout_reserved,
    payout_rest_carried,
    payout_returned,
)
from ledger.recipes.refunds import RefundSplit, refund_failed_late, refund_succeeded
from ledger.recipes.releases import funds_released, reserve_released
from ledger.recipes.sales import Sale, cash_sale_canceled, cash_sale_reported, payment_captured
from ledger.recipes.treasury import (
    deposit_arrived,
    deposit_failed,
    deposit_sent,
    rounding_booked,
    unidentified_identified,
    unidentified_received,
    unidentified_returned,
)

RECIPES: dict[str, Callable[..., Entry]] = {
    recipe.__name__: recipe
    for recipe in (
        payment_captured,
        cash_sale_reported,
        cash_sale_canceled,
        provider_fee_charged,
        provider_fee_estimated,
        provider_fee_trued_up,
        funds_released,
        reserve_released,
        refund_succeeded,
        refund_failed_late,
        dispute_opened,
        dispute_fee_charged,
        dispute_won,
        dispute_lost,
        dispute_recovered,
        loss_passed_on,
        dispute_fee_returned,
        debt_netted,
        debt_written_off,
        payout_reserved,
        payout_rest_carried,
        payout_paid,
        payout_not_paid,
        payout_returned,
        deposit_sent,
        deposit_arrived,
        deposit_failed,
        unidentified_received,
        unidentified_identified,
        unidentified_returned,
        rounding_booked,
        currency_exchanged,
        currency_exchanged_back,
        manual_journal,
        entry_reversed,
    )
}

__all__ = [
    "RECIPES",
    "AmountNegative",
    "AmountNotPositive",
    "BadArgument",
    "Debt",
    "NothingToBook",
    "RateDoesNotFit",
    "RateSnapshot",
    "RefundSplit",
    "Sale",
    "SplitDoesNotSum",
    "TooFewLines",
    "ZeroLine",
    "cash_sale_canceled",
    "cash_sale_reported",
    "currency_exchanged",
    "currency_exchanged_back",
    "debt_netted",
    "debt_written_off",
    "deposit_arrived",
    "deposit_failed",
    "deposit_sent",
    "dispute_fee_charged",
    "dispute_fee_returned",
    "dispute_lost",
    "dispute_opened",
    "dispute_recovered",
    "dispute_won",
    "entry_reversed",
    "funds_released",
    "loss_passed_on",
    "manual_journal",
    "net_oldest_first",
    "payment_captured",
    "payout_not_paid",
    "payout_paid",
    "payout_reserved",
    "payout_rest_carried",
    "payout_returned",
    "provider_fee_charged",
    "provider_fee_estimated",
    "provider_fee_trued_up",
    "refund_failed_late",
    "refund_succeeded",
    "reserve_released",
    "rounding_booked",
    "unidentified_identified",
    "unidentified_received",
    "unidentified_returned",
]
