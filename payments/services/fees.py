"""The provider's fees: booked as expected while the provider has not said them, and trued up when it has.

What we expect stands on a rate card, per currency: hundredths of a percent of the charge, and a fixed part. Without a
rate nothing is expected, and the whole fee is booked when it is known. What is expected is in the charge's currency and
never converted: the fee is known in the same moment as the rate. Where the charge is settled in another currency, what
was expected is taken back, and the fee is booked with the exchange, in that currency.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from ledger import chart, recipes
from ledger.entries import Line
from ledger.money import Money, basis_points
from ledger.selectors import entries_about
from ledger.services import post
from operations.edges import money_tx
from operations.rows import update_row
from operations.services import TryLater, enqueue
from payments.gateway import CheckoutFacts, Declined, Settlement, Unknown, provider
from payments.models import Attempt
from payments.services.common import try_later
from payments.services.settlements import Item, book_exchange, is_converted

# How long the provider is given to say a fee before it is asked again.
_FIRST_LOOK = timedelta(minutes=1)


def expected_fee(amount: Money) -> Money:
    """Return what a charge should cost by the rate card; zero for a currency without a rate."""
    bps, fixed_minor = settings.PROVIDER_FEE_RATES.get(amount.currency, (0, 0))
    return basis_points(amount, bps) + Money(fixed_minor, amount.currency)


def book_settlement(attempt: Attempt, facts: CheckoutFacts, *, taken: Money, later: bool, now: datetime) -> None:
    """Book how a capture was settled in the caller's transaction: its fee, and its exchange if there was one.

    A fee that is not known is booked as expected, to be trued up. A `later` capture of the same charge is not guessed
    at: its fee is booked once it is known. A provider that tells no fees with its payments is not asked for them: what
    was expected stays until its settlement says better.
    """
    if facts.settlement is not None:
        _keep(attempt, _book_charged(attempt, facts, facts.settlement, taken, now=now), known=attempt.fee_known)
        return
    so_far_minor = facts.captured.minor if facts.captured else 0
    args: dict[str, Any] = {"attempt": attempt.id, "taken_minor": taken.minor, "so_far_minor": so_far_minor}
    tells = provider(attempt.psp).tells_fees
    if later and not tells:
        return
    if later:
        # By what was captured so far, which names the capture.
        key = f"{attempt.id}:{so_far_minor}"
        enqueue(kind="payments.true_up_fee", key=key, args={**args, "later": True}, run_at=now + _FIRST_LOOK)
        return
    fee = expected_fee(taken)
    if fee.minor:
        entry = recipes.provider_fee_estimated(
            psp=attempt.psp,
            charge=facts.charge_ref,
            fee=fee,
            subject=_subject(attempt),
            value_date=facts.paid_at.date() if facts.paid_at else None,
        )
        post(entry, actor=f"psp:{attempt.psp}", now=now)
    _keep(attempt, fee, known=False)
    if tells:
        enqueue(kind="payments.true_up_fee", key=attempt.id, args=args, run_at=now + _FIRST_LOOK)


def true_up_fee(
    *,
    attempt: str,
    now: datetime,
    later: bool = False,
    taken_minor: int | None = None,
    so_far_minor: int | None = None,
) -> None:
    """Ask how a capture was settled, and book what was not known (a job). Raises TryLater while it is not.

    The provider shows how the last capture was settled: once there is another, this one's fee is the statement's to
    tell, and what is expected stays until then.
    """
    found = Attempt.objects.get(pk=attempt)
    if (found.fee_known and not later) or found.psp_ref is None:
        return
    outcome = provider(found.psp, about=f"attempt:{found.pk}").fetch_checkout(found.psp_ref)
    match outcome:
        case Unknown():
            raise try_later(outcome)
        case Declined(message=message):
            raise TryLater(reason=f"the provider does not show {found.psp_ref}: {message}", after_s=3600)
    facts = outcome.value
    if so_far_minor is not None and facts.captured and facts.captured.minor != so_far_minor:
        return
    if facts.settlement is None:
        raise TryLater(reason="the provider has not said the fee yet")
    # A job of an older version does not say how much was taken: all of it, but where a charge is captured in parts.
    taken = facts.captured or facts.amount
    taken = taken if taken_minor is None else Money(taken_minor, taken.currency)
    with money_tx("fees.true_up"):
        found = Attempt.objects.select_for_update().get(pk=attempt)
        if later:
            fee = _book_charged(found, facts, facts.settlement, taken, now=now)
            _keep(found, fee, known=found.fee_known)
        elif not found.fee_known:
            _true_up(found, facts, facts.settlement, taken, now=now)


def _keep(attempt: Attempt, fee: Money, *, known: bool) -> None:
    """Add a fee to the attempt's; one in another currency takes the place of what was expected."""
    kept = attempt.fee
    if fee.minor:
        attempt.fee_minor = fee.minor + (kept.minor if kept.currency == fee.currency else 0)
        attempt.fee_currency = fee.currency
    attempt.fee_known = known
    update_row(attempt, "fee_minor", "fee_currency", "fee_known")


def _true_up(attempt: Attempt, facts: CheckoutFacts, settlement: Settlement, taken: Money, *, now: datetime) -> None:
    expected, fee = _expected(attempt, facts), settlement.fee
    if expected is None:
        _keep(attempt, _book_charged(attempt, facts, settlement, taken, now=now), known=True)
        return
    same = expected.currency == fee.currency and not is_converted(settlement, taken)
    charged = fee if same else Money(0, expected.currency)
    if charged != expected:
        entry = recipes.provider_fee_trued_up(
            psp=attempt.psp,
            balance_transaction=settlement.psp_ref,
            charge=facts.charge_ref,
            estimated=expected,
            charged=charged,
            subject=_subject(attempt),
        )
        post(entry, actor=f"psp:{attempt.psp}", now=now)
    if same:
        _keep(attempt, fee - expected, known=True)
        return
    _keep(attempt, -expected if attempt.fee.currency == expected.currency else Money(0, fee.currency), known=True)
    _keep(attempt, _book_charged(attempt, facts, settlement, taken, now=now), known=True)


def _expected(attempt: Attempt, facts: CheckoutFacts) -> Money | None:
    """Return what the books have as expected for a charge."""
    for entry in entries_about(subjects=[_subject(attempt)]):
        if (entry["recipe"], entry["reference"]) == ("provider_fee_estimated", facts.charge_ref):
            lines: list[Line] = [Line(**line) for line in entry["lines"]]
            return next(line.amount for line in lines if line.account == chart.fees(attempt.psp))
    return None


def _book_charged(
    attempt: Attempt, facts: CheckoutFacts, settlement: Settlement, taken: Money, *, now: datetime
) -> Money:
    """Post a fee as charged, with the exchange that it was kept back from; return what was added to the fees.

    That is nothing where it was posted before, or where a person has to say what the exchange was.
    """
    fee, nothing = settlement.fee, Money(0, settlement.fee.currency)
    if is_converted(settlement, taken):
        item = Item(psp=attempt.psp, source=facts.charge_ref, subject=_subject(attempt))
        # What costs more than it brings is charged apart: an exchange brings something.
        kept_back = fee if fee.minor < settlement.amount.minor else None
        posted = book_exchange(item, settlement, taken, kept_back=kept_back, now=now)
        if posted is None:
            return nothing
        if kept_back is not None:
            return fee if posted.created else nothing
    if not fee.minor:
        return nothing
    entry = recipes.provider_fee_charged(
        psp=attempt.psp,
        balance_transaction=settlement.psp_ref,
        source=facts.charge_ref,
        fee=fee,
        subject=_subject(attempt),
        value_date=facts.paid_at.date() if facts.paid_at else None,
    )
    return fee if post(entry, actor=f"psp:{attempt.psp}", now=now).created else nothing


def _subject(attempt: Attempt) -> str:
    return f"checkout:{attempt.checkout_id}"
