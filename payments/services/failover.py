"""Another provider for a page that surely nobody was asked for.

Two live pages for one order would be the worst answer of all, so what decides is not what a process believes of a
provider, but what the attempt's row says: how many processes may have sent it. Each claims it before its call and takes
the claim back only where its own call was not made. While one claim is left, by a process that is at it, died at it or
did not hear the end of it, the attempt stays where it is.
"""

import logging
from datetime import datetime

from django.db.models import F
from django.db.models.functions import Coalesce

from operations.edges import money_tx
from operations.lifecycle import move
from operations.services import withdraw
from payments.gateway import provider
from payments.models import Attempt, Checkout, PaymentOrder
from payments.services.attempt_rows import UNSENT, store_attempt, time_for_a_page
from payments.services.routing import UNABLE, Wish, takers, wish_of
from payments.states import AttemptState

logger = logging.getLogger(__name__)

# How often a checkout is passed on: more would only be to and fro between providers that both do not answer.
MOST_TIMES = 6


def claim(attempt: Attempt, *, now: datetime) -> bool:
    """Say that this process is about to send an attempt; returns False where it needs no sending any more."""
    mine = Attempt.objects.filter(pk=attempt.pk, state__in=UNSENT)
    return bool(mine.update(sent_at=Coalesce("sent_at", now), sends=F("sends") + 1))


def pass_on(attempt: Attempt, *, reason: str, now: datetime) -> Attempt | None:
    """Take back the claim on an attempt whose call was not made, and have another provider asked where that is safe.

    Returns the attempt at that provider, claimed by the caller, who sends it. None where the first one stays: another
    process may have sent it, or no other provider can take the payment now.
    """
    with money_tx("payments.pass_on"):
        checkout = Checkout.objects.select_for_update().get(pk=attempt.checkout_id)
        found = Attempt.objects.select_for_update().get(pk=attempt.pk)
        found.sends -= 1
        if not found.sends:
            found.sent_at = None
        Attempt.objects.filter(pk=found.pk).update(sends=found.sends, sent_at=found.sent_at)
        if found.sends or found.state != AttemptState.CREATED or not _may_be_passed_on(checkout, now):
            return None
        mine = PaymentOrder.objects.select_related("seller").filter(checkout=checkout, cart=found.cart)
        orders = list(mine.order_by("pk"))
        psp = _another(found, wish_of(checkout, orders))
        if psp is None:
            return None
        told = f"{reason}; {psp} is asked instead"
        move(found, "pass_on", actor="system:failover", now=now, reason=told, last_error=told)
        withdraw(kind="payments.register_attempt", key=found.pk, now=now)
        following = store_attempt(checkout, orders, psp=psp, now=now, sent_at=now)
    logger.warning("attempt %s was not sent (%s): %s is asked instead", attempt.pk, reason, psp)
    return following


def _may_be_passed_on(checkout: Checkout, now: datetime) -> bool:
    """Tell whether there is time, no earlier attempt could still turn up, and it was not passed on too often."""
    if not time_for_a_page(checkout, now):
        return False
    attempts = Attempt.objects.filter(checkout=checkout)
    if attempts.filter(state=AttemptState.ABANDONED, sent_at__isnull=False).exists():
        return False
    return attempts.filter(state=AttemptState.NOT_SENT).count() < MOST_TIMES


def _another(attempt: Attempt, wish: Wish) -> str | None:
    """Return the provider, by preference, that can take a payment and is not left alone at this moment."""
    try:
        able = takers(wish)
    except UNABLE:
        # The routes are others than when the payment was made.
        return None
    return next((psp for psp in able if psp != attempt.psp and not provider(psp).resting()), None)
