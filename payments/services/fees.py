"""The provider's fees: booked as expected while the provider has not said them, and trued up when it has.

What we expect stands on a rate card, per currency: hundredths of a percent of the charge, and a fixed part. Without a
rate nothing is expected, and the whole fee is booked when it is known.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from ledger import recipes
from ledger.money import Money, basis_points
from ledger.services import post
from operations.edges import money_tx
from operations.rows import update_row
from operations.services import TryLater, enqueue
from payments.gateway import CheckoutFacts, Declined, Unknown, provider
from payments.models import Attempt
from payments.services.common import try_later

# How long the provider is given to say a fee before it is asked again.
_FIRST_LOOK = timedelta(minutes=1)


def expected_fee(amount: Money) -> Money:
    """Return what a charge should cost by the rate card; zero for a currency without a rate."""
    bps, fixed_minor = settings.PROVIDER_FEE_RATES.get(amount.currency, (0, 0))
    return basis_points(amount, bps) + Money(fixed_minor, amount.currency)


def book_fee(attempt: Attempt, facts: CheckoutFacts, *, later: bool, now: datetime) -> None:
    """Book a capture's fee in the caller's transaction, as charged, or as expected and to be trued up; keep it.

    A `later` capture of the same charge is not guessed at: its fee is booked once it is known. A provider that tells
    no fees with its payments is not asked for them: what was expected stays until its settlement says better.
    """
    if facts.fee is not None:
        _keep(attempt, _book_charged(attempt, facts, facts.fee, now=now), known=attempt.fee_known)
        return
    args: dict[str, Any] = {"attempt": attempt.id}
    tells = provider(attempt.psp).tells_fees
    if later and not tells:
        return
    if later:
        # By what was captured so far, which names the capture.
        key = f"{attempt.id}:{facts.captured.minor if facts.captured else 0}"
        enqueue(kind="payments.true_up_fee", key=key, args={**args, "later": True}, run_at=now + _FIRST_LOOK)
        return
    fee = expected_fee(facts.captured or facts.amount)
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


def true_up_fee(*, attempt: str, now: datetime, later: bool = False) -> None:
    """Ask for a fee that was only expected, and book its difference (a job). Raises TryLater while it is not known."""
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
    if facts.fee is None:
        raise TryLater(reason="the provider has not said the fee yet")
    with money_tx("fees.true_up"):
        found = Attempt.objects.select_for_update().get(pk=attempt)
        if later:
            _keep(found, _book_charged(found, facts, facts.fee, now=now), known=found.fee_known)
        elif not found.fee_known:
            _book_difference(found, facts, facts.fee, now=now)
            Attempt.objects.filter(pk=attempt).update(fee_minor=facts.fee.minor, fee_known=True)


def _keep(attempt: Attempt, fee: Money, *, known: bool) -> None:
    """Add a fee to the attempt's."""
    attempt.fee_minor += fee.minor
    attempt.fee_known = known
    update_row(attempt, "fee_minor", "fee_known")


def _book_difference(attempt: Attempt, facts: CheckoutFacts, fee: Money, *, now: datetime) -> None:
    expected = Money(attempt.fee_minor, fee.currency)
    if not expected.minor:
        _book_charged(attempt, facts, fee, now=now)
    elif expected != fee:
        entry = recipes.provider_fee_trued_up(
            psp=attempt.psp,
            balance_transaction=facts.balance_transaction,
            charge=facts.charge_ref,
            estimated=expected,
            charged=fee,
            subject=_subject(attempt),
        )
        post(entry, actor=f"psp:{attempt.psp}", now=now)


def _book_charged(attempt: Attempt, facts: CheckoutFacts, fee: Money, *, now: datetime) -> Money:
    """Post a fee as charged; return what that added, which is nothing where it was posted before."""
    nothing = Money(0, fee.currency)
    if not fee.minor:
        return nothing
    entry = recipes.provider_fee_charged(
        psp=attempt.psp,
        balance_transaction=facts.balance_transaction,
        source=facts.charge_ref,
        fee=fee,
        subject=_subject(attempt),
        value_date=facts.paid_at.date() if facts.paid_at else None,
    )
    return fee if post(entry, actor=f"psp:{attempt.psp}", now=now).created else nothing


def _subject(attempt: Attempt) -> str:
    return f"checkout:{attempt.checkout_id}"
