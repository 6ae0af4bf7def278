"""What the provider's events mean: each is a hint about an object, which is fetched and taken over as it stands."""

from datetime import datetime

from django.db.models import QuerySet

from operations.rows import prepared_query
from operations.services import TryLater
from payments.errors import NotKnownYet
from payments.gateway import ProviderEvent, Succeeded, Unknown, provider
from payments.models import Attempt, Refund, Surplus
from payments.services.attempt_rows import attempt_of
from payments.services.captures import sync
from payments.services.common import try_later
from payments.services.disputes import sync_disputes
from payments.services.refunds import sync_refund
from payments.services.refunds_elsewhere import adopt_refund, adopt_refunds
from payments.services.sellers import sync_seller_account
from payments.services.surplus import sync_surplus
from payments.states import AttemptState, RefundState


def checkout_changed(*, event: ProviderEvent, now: datetime) -> None:
    """Something happened to a checkout: fetch it. An unknown one is asked for again, then a person is told."""
    attempt = _attempt_at(event.psp, event.object_id) or attempt_of(event.reference)
    if attempt is not None and attempt.state == AttemptState.ABANDONED and event.type.startswith("checkout.session."):
        # Given up because the provider did not show it; now it does, and what was paid there counts.
        Attempt.objects.filter(pk=attempt.pk, psp_ref=None).update(psp_ref=event.object_id)
        attempt.refresh_from_db()
    if attempt is None or attempt.psp_ref is None:
        raise TryLater(reason=f"the checkout {event.object_id} is not known here yet")
    sync(attempt, now=now, poll=False)


def payment_changed(*, event: ProviderEvent, now: datetime) -> None:
    """Something happened to a payment, or to a refund or chargeback, told in no other way: fetch them all."""
    attempt = _attempt_at(event.psp, event.object_id) or _adopted(event)
    sync(attempt, now=now, poll=False)
    refunds = Refund.objects.filter(order__paid_by=attempt, psp_ref__isnull=False)
    for refund in refunds.filter(state__in=(RefundState.PENDING, RefundState.SUCCEEDED)).order_by("pk"):
        sync_refund(psp_ref=str(refund.psp_ref), reference=refund.pk, now=now)
    for surplus in Surplus.objects.filter(attempt=attempt, psp_ref__isnull=False):
        sync_surplus(psp_ref=str(surplus.psp_ref), reference=surplus.pk, now=now)
    sync_disputes(attempt=attempt.pk, now=now)
    adopt_refunds(attempt=attempt.pk, now=now)


def _attempt_at(psp: str, psp_ref: str) -> Attempt | None:
    """Return the attempt that a provider knows by its own id."""
    return next(iter(_attempts_at(psp, psp_ref)), None)


@prepared_query
def _attempts_at(psp: str, psp_ref: str) -> QuerySet[Attempt]:
    return Attempt.objects.filter(psp=psp, psp_ref=psp_ref)


def _adopted(event: ProviderEvent) -> Attempt:
    """Return the attempt whose reference the provider's own object has. Raises TryLater where there is none yet.

    One that was given up because the provider did not show it gets the object's id: what was paid there counts.
    """
    outcome = provider(event.psp).fetch_checkout(event.object_id)
    if isinstance(outcome, Unknown):
        raise try_later(outcome)
    attempt = attempt_of(outcome.value.reference) if isinstance(outcome, Succeeded) else None
    if attempt is not None and attempt.psp == event.psp and attempt.state == AttemptState.ABANDONED:
        Attempt.objects.filter(pk=attempt.pk, psp_ref=None).update(psp_ref=event.object_id)
        attempt.refresh_from_db()
    if attempt is None or attempt.psp_ref != event.object_id:
        raise TryLater(reason=f"the payment {event.object_id} is not known here yet")
    return attempt


def review_closed(*, event: ProviderEvent, now: datetime) -> None:
    """The provider decided a review: fetch the payment that it held."""
    attempt = Attempt.objects.filter(psp=event.psp, payment_ref=event.payment_ref).exclude(payment_ref="").first()
    if attempt is None:
        raise TryLater(reason=f"the payment {event.payment_ref} is not known here yet")
    sync(attempt, now=now, poll=False)


def refund_changed(*, event: ProviderEvent, now: datetime) -> None:
    """Something happened to a refund: fetch it."""
    if sync_surplus(psp_ref=event.object_id, reference=event.reference, now=now):
        return
    try:
        sync_refund(psp_ref=event.object_id, reference=event.reference, now=now)
    except NotKnownYet:
        about = {"psp": event.psp, "psp_ref": event.object_id, "payment_ref": event.payment_ref}
        if event.reference or not adopt_refund(**about, now=now):
            raise


def account_changed(*, event: ProviderEvent, now: datetime) -> None:
    """The provider changed what a seller's account may do, or the seller the bank account behind it."""
    sync_seller_account(psp_ref=event.account or event.object_id, now=now)
