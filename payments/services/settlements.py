"""Money that the provider settles in another currency than the buyer paid in: exchanged in the books, once.

A sale, its refunds and disputes are booked in the buyer's currency, in which the sellers earn. The provider holds what
they came to in its own, each at the rate of its day: an exchange under the provider's balance transaction moves the
open item from the one currency to the other. What later days' rates make of it stays on the trading account.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from ledger import recipes
from ledger.entries import Entry, Posted
from ledger.exchanges import MAX_RATE_SCALE, RateSnapshot, converted
from ledger.money import Money, exponent
from ledger.services import post
from operations.edges import money_tx
from operations.services import TryLater, ask_person, enqueue
from payments.gateway import Declined, RefundFacts, RefundStatus, Settlement, Unknown, provider
from payments.services.common import try_later

UNCLEAR = "payments.settlement_unclear"
JOB = "payments.settle_refund"
_FIRST_LOOK = timedelta(minutes=1)
# Digits of a rate that are kept: as many as the books hold.
_DIGITS = 17


@dataclass(frozen=True, kw_only=True)
class Item:
    """What a movement is about: the provider's object that is open on its clearing account, and our own subject."""

    psp: str
    source: str
    subject: str


def is_converted(settlement: Settlement | None, presented: Money) -> bool:
    """Tell whether a movement was settled in another currency."""
    return settlement is not None and settlement.amount.currency != presented.currency


def book_exchange(
    item: Item, settlement: Settlement, presented: Money, *, kept_back: Money | None = None, now: datetime
) -> Posted | None:
    """Post what a movement was exchanged for, in the caller's transaction; None where a person has to say.

    `presented` is the movement in the buyer's currency: more than zero where it came, less where it went. `kept_back`
    is a fee that the provider took from what came. What the provider's own figures do not explain is not booked.
    """
    if presented.minor * settlement.amount.minor <= 0 or not settlement.is_of(presented):
        _ask(item, settlement, presented, now=now)
        return None
    came = presented.minor > 0
    entry = _forth(item, settlement, presented, kept_back) if came else _back(item, settlement, presented)
    return post(entry, actor=f"psp:{item.psp}", now=now)


def book_refund_settlement(
    item: Item, facts: RefundFacts, *, amount: Money, charge: str, about: str, now: datetime
) -> None:
    """Post how a refund was settled, and its failure, in the caller's transaction; what is posted is not posted again.

    `amount` is what was refunded, as it is in the books. What the provider does not say yet of a refund that succeeded,
    or failed after that, is asked for later.
    """
    failed = facts.status in (RefundStatus.FAILED, RefundStatus.CANCELED)
    _book_one(item, facts.settlement, -amount, now=now)
    if failed:
        _book_one(item, facts.failure_settlement, amount, now=now)
    if not _is_told(facts, failed=failed) and provider(item.psp).tells_fees:
        args = {
            "psp": item.psp,
            "psp_ref": item.source,
            "amount_minor": amount.minor,
            "currency": amount.currency,
            "charge": charge,
            "subject": item.subject,
            "about": about,
        }
        enqueue(kind=JOB, key=f"{item.source}:{facts.status}", args=args, run_at=now + _FIRST_LOOK)


def settle_refund(
    *,
    psp: str,
    psp_ref: str,
    amount_minor: int,
    currency: str,
    charge: str,
    subject: str,
    about: str,
    now: datetime,
) -> None:
    """Ask how a refund was settled, and post it (a job). Raises TryLater while the provider does not say."""
    outcome = provider(psp, about=about).fetch_refund(psp_ref, charge_ref=charge)
    match outcome:
        case Unknown():
            raise try_later(outcome)
        case Declined(message=message):
            raise TryLater(reason=f"the provider does not show {psp_ref}: {message}", after_s=3600)
    facts, amount = outcome.value, Money(amount_minor, currency)
    if facts.amount != amount:
        raise TryLater(reason=f"the provider says {facts.amount}, the books {amount}", after_s=300)
    if not _is_told(facts, failed=facts.status in (RefundStatus.FAILED, RefundStatus.CANCELED)):
        raise TryLater(reason=f"the provider has not said how {psp_ref} was settled")
    item = Item(psp=psp, source=psp_ref, subject=subject)
    with money_tx("settlements.refund"):
        book_refund_settlement(item, facts, amount=amount, charge=charge, about=about, now=now)


def _is_told(facts: RefundFacts, *, failed: bool) -> bool:
    return (facts.failure_settlement if failed else facts.settlement) is not None


def _book_one(item: Item, settlement: Settlement | None, presented: Money, *, now: datetime) -> None:
    if settlement is None:
        return
    if is_converted(settlement, presented):
        book_exchange(item, settlement, presented, now=now)
    if settlement.fee.minor > 0:
        entry = recipes.provider_fee_charged(
            psp=item.psp,
            balance_transaction=settlement.psp_ref,
            source=item.source,
            fee=settlement.fee,
            subject=item.subject,
            value_date=settlement.at.date(),
        )
        post(entry, actor=f"psp:{item.psp}", now=now)


def _forth(item: Item, settlement: Settlement, presented: Money, kept_back: Money | None) -> Entry:
    return recipes.currency_exchanged(
        psp=item.psp,
        exchange=settlement.psp_ref,
        source=item.source,
        sold=presented,
        bought=settlement.amount - kept_back if kept_back else settlement.amount,
        fee=kept_back,
        rate=_snapshot(item.psp, settlement, presented),
        subject=item.subject,
        value_date=settlement.at.date(),
    )


def _back(item: Item, settlement: Settlement, presented: Money) -> Entry:
    return recipes.currency_exchanged_back(
        psp=item.psp,
        exchange=settlement.psp_ref,
        source=item.source,
        presented=-presented,
        taken=-settlement.amount,
        rate=_snapshot(item.psp, settlement, presented),
        subject=item.subject,
        value_date=settlement.at.date(),
    )


def _snapshot(psp: str, settlement: Settlement, presented: Money) -> RateSnapshot:
    """Return the rate as the provider says it; where that is too coarse to explain the amounts, as they say it."""
    sold, bought = _size(presented), _size(settlement.amount)
    rate, source = settlement.rate, psp
    if rate is None:
        rate, source = _worked_out(sold, bought), f"{psp}, worked out"
    elif abs((converted(sold, bought.currency, _kept(rate)) - bought).minor) > 1:
        rate, source = _worked_out(sold, bought), f"{psp}, worked out: it shows {rate:f}"
    return RateSnapshot(base=sold.currency, quote=bought.currency, rate=_kept(rate), source=source, at=settlement.at)


def _size(amount: Money) -> Money:
    return Money(abs(amount.minor), amount.currency)


def _worked_out(sold: Money, bought: Money) -> Decimal:
    with localcontext(prec=_DIGITS) as digits:
        of_minor_units = digits.divide(Decimal(bought.minor), Decimal(sold.minor))
        return of_minor_units.scaleb(exponent(sold.currency) - exponent(bought.currency))


def _kept(rate: Decimal) -> Decimal:
    """Return a rate with as many digits as the books keep."""
    with localcontext(prec=_DIGITS):
        kept = +rate
    _, _, fraction = f"{kept:f}".partition(".")
    return kept.quantize(Decimal(1).scaleb(-MAX_RATE_SCALE)) if len(fraction) > MAX_RATE_SCALE else kept


def _ask(item: Item, settlement: Settlement, presented: Money, *, now: datetime) -> None:
    at = f" at {settlement.rate:f}" if settlement.rate is not None else ""
    reason = (
        f"{settlement.psp_ref} settled {presented} of {item.source} as {settlement.amount}{at}, which does not fit:"
        " it is not in the books yet"
    )
    # Each balance transaction by itself: a charge may be clear and its refund not.
    which = settlement.psp_ref
    ask_person(kind=UNCLEAR, subject=item.subject, item=which, reason=reason, waits_for="finance", now=now)
