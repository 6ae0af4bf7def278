"""What the provider's events mean: each is a hint about an object, which is fetched and taken over as it stands."""

from datetime import datetime

from operations.services import TryLater
from payments.gateway import ProviderEvent
from payments.models import Attempt
from payments.services.attempts import attempt_of
from payments.services.captures import sync_attempt
from payments.services.refunds import sync_refund
from payments.services.sellers import sync_seller_account
from payments.services.surplus import sync_surplus
from payments.states import AttemptState


def checkout_changed(*, event: ProviderEvent, now: datetime) -> None:
    """Something happened to a checkout: fetch it. An unknown one is asked for again, then a person is told."""
    attempt = Attempt.objects.filter(psp_ref=event.object_id).first() or attempt_of(event.reference)
    if attempt is not None and attempt.state == AttemptState.ABANDONED and event.type.startswith("checkout.session."):
        # Given up because the provider did not show it; now it does, and what was paid there counts.
        Attempt.objects.filter(pk=attempt.pk, psp_ref=None).update(psp_ref=event.object_id)
        attempt.refresh_from_db()
    if attempt is None or attempt.psp_ref is None:
        raise TryLater(reason=f"the checkout {event.object_id} is not known here yet")
    sync_attempt(attempt=attempt.pk, now=now, poll=False)


def review_closed(*, event: ProviderEvent, now: datetime) -> None:
    """The provider decided a review: fetch the payment that it held."""
    attempt = Attempt.objects.filter(payment_ref=event.payment_ref).exclude(payment_ref="").first()
    if attempt is None:
        raise TryLater(reason=f"the payment {event.payment_ref} is not known here yet")
    sync_attempt(attempt=attempt.pk, now=now, poll=False)


def refund_changed(*, event: ProviderEvent, now: datetime) -> None:
    """Something happened to a refund: fetch it."""
    if sync_surplus(psp_ref=event.object_id, reference=event.reference, now=now):
        return
    sync_refund(psp_ref=event.object_id, reference=event.reference, now=now)


def account_changed(*, event: ProviderEvent, now: datetime) -> None:
    """The provider changed what a seller's account may do."""
    sync_seller_account(psp_ref=event.object_id, now=now)
