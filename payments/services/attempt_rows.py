"""Rows of attempts: stored with their frozen request, found by what the provider calls them, given up for the next."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from operations.lifecycle import move
from operations.rows import insert_row
from operations.services import enqueue, withdraw
from payments.gateway import CheckoutRequest
from payments.gateway.base import CheckoutLine
from payments.models import Attempt, Checkout, PaymentOrder
from payments.states import AttemptState

# How long the request that made an attempt has for itself before a job takes it over.
TAKE_OVER_AFTER = timedelta(seconds=15)
# The provider makes no page that runs out sooner.
LEAST_LIFE = timedelta(minutes=31)
UNSENT = (AttemptState.CREATED, AttemptState.UNKNOWN)


def store_attempt(
    checkout: Checkout,
    orders: Sequence[PaymentOrder],
    *,
    psp: str,
    now: datetime,
    number: int | None = None,
    sent_at: datetime | None = None,
) -> Attempt:
    """Freeze the request for a cart's page, with the job that sends it should nobody else; in the caller's transaction.

    The first attempt is known to the provider by the checkout's id, later ones also by their number, which is counted
    where the caller does not know it. With `sent_at` the caller has claimed it, and sends it once this is committed.
    """
    if number is None:
        number = Attempt.objects.filter(checkout=checkout).count() + 1
    key = f"{checkout.id}:{number}"
    reference = checkout.id if number == 1 else key
    request = CheckoutRequest(
        reference=reference,
        currency=checkout.currency,
        lines=[CheckoutLine(name=order.seller.name, amount_minor=order.amount_minor) for order in orders],
        success_url=checkout.status_page,
        cancel_url=f"{checkout.status_page}?left=1",
        expires_at=int(checkout.expires_at.timestamp()),
        email=str(checkout.buyer_info.get("email", "")),
        embedded=settings.CHECKOUT_PAGE == "embedded",
        metadata={"reference": reference, "checkout_id": checkout.checkout_id},
        capture_method=checkout.capture_method,
    )
    attempt = Attempt(
        checkout=checkout,
        number=number,
        cart=checkout.cart,
        amount_minor=sum(order.amount_minor for order in orders),
        currency=checkout.currency,
        psp=psp,
        psp_key=key,
        params=request.frozen(),
        created_at=now,
        state_since=now,
        sent_at=sent_at,
        sends=1 if sent_at else 0,
    )
    insert_row(attempt)
    run_at = now + TAKE_OVER_AFTER
    enqueue(kind="payments.register_attempt", key=attempt.id, args={"attempt": attempt.id}, run_at=run_at)
    return attempt


def attempt_of(reference: str) -> Attempt | None:
    """Return the attempt that the provider knows by one of our references."""
    checkout, _, number = reference.partition(":")
    if number and not number.isdecimal():
        return None
    return Attempt.objects.filter(checkout=checkout, number=int(number or 1)).first()


def lock_with_checkout(attempt: str) -> Attempt:
    """Return an attempt with its checkout, locked in the caller's transaction: the checkout first, as everywhere."""
    checkout = Checkout.objects.select_for_update(of=("self",)).get(attempts=attempt)
    found = Attempt.objects.select_for_update().get(pk=attempt)
    found.checkout = checkout
    return found


def time_for_a_page(checkout: Checkout, now: datetime) -> bool:
    """Tell whether a page can still be made for a checkout: the provider would refuse one with less time."""
    return checkout.expires_at > now + LEAST_LIFE


def try_again(attempt: Attempt, *, reason: str, now: datetime, new_life: bool = False) -> Attempt:
    """Abandon an attempt that the provider surely has not, and store the next one; in the caller's transaction.

    It is the same provider's: should the first one turn up there after all, that provider alone has the buyer's page.
    """
    move(attempt, "abandon", actor="system:jobs", now=now, reason=reason)
    withdraw(kind="payments.register_attempt", key=attempt.id, now=now)
    checkout = Checkout.objects.select_for_update().get(pk=attempt.checkout_id)
    if new_life:
        checkout.expires_at = now + settings.CHECKOUT_LIFE
        Checkout.objects.filter(pk=checkout.pk).update(expires_at=checkout.expires_at)
    orders = PaymentOrder.objects.select_related("seller").filter(checkout=checkout, cart=attempt.cart).order_by("pk")
    return store_attempt(checkout, list(orders), psp=attempt.psp, now=now)
