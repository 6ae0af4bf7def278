"""The inbox: verify, keep, acknowledge; meaning comes later, from the object itself."""

from datetime import datetime

from operations import switchboard
from operations.edges import money_tx
from operations.services import TryLater, enqueue
from payments.gateway import ProviderEvent, provider
from payments.models import Attempt, WebhookEvent
from payments.models.webhooks import WebhookState
from payments.services.captures import sync_attempt
from payments.services.refunds import sync_refund
from payments.services.sellers import sync_seller_account


def receive_event(*, psp: str, payload: bytes, signature: str, now: datetime) -> bool:
    """Verify and keep one webhook; returns False where it was kept before. Raises BadSignature.

    An event of a kind that nothing depends on is kept too, but no work is made of it.
    """
    event = provider(psp).read_event(payload, signature=signature, now=now)
    known = event.type in switchboard.table("PSP_EVENTS")
    with money_tx("webhooks.receive"):
        row, created = WebhookEvent.objects.get_or_create(
            psp=psp,
            event_id=event.event_id,
            defaults={
                "type": event.type,
                "object_id": event.object_id,
                "account": event.account,
                "payload": payload.decode(),
                "state": WebhookState.RECEIVED if known else WebhookState.IGNORED,
                "received_at": now,
            },
        )
        if created and known:
            args = {"webhook": row.pk, "reference": event.reference, "payment_ref": event.payment_ref}
            enqueue(kind="payments.handle_event", key=f"{psp}:{event.event_id}", args=args, run_at=now)
    return created


def handle_event(*, webhook: int, reference: str, now: datetime, payment_ref: str = "") -> None:
    """Act on a kept event through the switchboard, and mark it handled only then (a job)."""
    row = WebhookEvent.objects.get(pk=webhook)
    if row.state != WebhookState.RECEIVED:
        return
    event = ProviderEvent(
        event_id=row.event_id,
        type=row.type,
        object_id=row.object_id,
        account=row.account,
        reference=reference,
        payment_ref=payment_ref,
    )
    switchboard.answerer("PSP_EVENTS", row.type)(event=event, now=now)
    with money_tx("webhooks.handled"):
        WebhookEvent.objects.filter(pk=webhook).update(state=WebhookState.HANDLED, handled_at=now)


def checkout_changed(*, event: ProviderEvent, now: datetime) -> None:
    """Something happened to a checkout: fetch it. An unknown one is asked for again, then a person is told."""
    attempt = (
        Attempt.objects.filter(psp_ref=event.object_id).first()
        or Attempt.objects.filter(checkout=event.reference).order_by("-number").first()
    )
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
    sync_refund(psp_ref=event.object_id, reference=event.reference, now=now)


def account_changed(*, event: ProviderEvent, now: datetime) -> None:
    """The provider changed what a seller's account may do."""
    sync_seller_account(psp_ref=event.object_id, now=now)
