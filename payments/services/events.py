"""Telling storefronts what happened: signed messages in the Standard Webhooks format, at least once.

A message says which object changed and how it stands; the shop deduplicates by `webhook-id`.
(github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md)

An event is written with the change that it tells of. For each endpoint that wants it there is a delivery, and a job
that sends it until it is taken or its tries are used up; each try is logged with what was answered.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet

from operations import idempotency
from operations.edges import money_tx, relay
from operations.edges.relay import Delivery
from operations.errors import DomainError
from operations.lifecycle import move
from operations.rows import insert_row, prepared_query
from operations.services import enqueue, record_audit, requeue, wake
from operations.texts import require_fit
from payments.errors import UnknownEvent
from payments.event_catalogue import EVENT_TYPES, message
from payments.models import (
    Checkout,
    DeliveryTry,
    EndpointSecret,
    EventDelivery,
    PaymentOrder,
    StorefrontEvent,
    WebhookEndpoint,
)
from payments.services.places import require_place
from payments.states import EventDeliveryState

# With the policy of the job (config/wiring.py) these take about three days.
TRIES = 25
JOB = "payments.deliver_event"
# "Gone": the receiver asks never to be called again.
_GONE = 410


class UnknownEventType(DomainError):
    """{type!r} is no type of payments/event_catalogue.py: nobody could know what the message means."""

    code = "unknown_event_type"


class EventNotAccepted(DomainError):
    """The endpoint did not take the event {event}: {answer}"""

    code = "event_not_accepted"
    retryable = True


class NothingToSend(DomainError):
    """The event {event} has no endpoint to be sent to: none that is in use wants it."""

    code = "nothing_to_send"


def tell(*, checkout: str, type: str, now: datetime, about: Mapping[str, Any] | None = None) -> None:
    """Write a message about a checkout, in the caller's transaction, and have it sent.

    `about` has the refund, dispute or reservation that the message is about, as JSON values.
    """
    found = Checkout.objects.get(pk=checkout)
    tell_of(found, found.orders.filter(cart=found.cart).order_by("pk"), type=type, now=now, about=about)


def tell_of(
    found: Checkout, orders: Iterable[PaymentOrder], *, type: str, now: datetime, about: Mapping[str, Any] | None = None
) -> None:
    """Do what `tell` does, for whoever has read the checkout and the orders of its cart already."""
    data = {
        "checkout_id": found.checkout_id,
        "is_payment_done": found.is_payment_done,
        "payment_orders": [{"payment_order_id": order.payment_order_id, "status": order.state} for order in orders],
        **(about or {}),
    }
    write_event(storefront=found.storefront_id, type=type, data=data, now=now)


def write_event(*, storefront: str, type: str, data: Mapping[str, Any], now: datetime) -> None:
    """Write a message with any data of the catalogue, in the caller's transaction. Raises UnknownEventType."""
    if type not in EVENT_TYPES:
        raise UnknownEventType(type=type)
    payload = message(type=type, at=now, data=data)
    event = insert_row(StorefrontEvent(storefront_id=storefront, type=type, payload=payload, created_at=now))
    for endpoint in _endpoints_in_use(storefront):
        if endpoint.wants(type):
            _send_to(endpoint, event, now=now)


@prepared_query
def _endpoints_in_use(storefront: str) -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(storefront=storefront, enabled=True).order_by("pk")


def deliver_event(*, delivery: str, now: datetime) -> None:
    """Send one message to one endpoint (a job).

    Raises EventNotAccepted while it is worth trying again, and NotBegun while too many others are under way.
    """
    found = EventDelivery.objects.select_related("event", "endpoint").get(pk=delivery)
    if found.state != EventDeliveryState.WAITING:
        return
    if not found.endpoint.enabled:
        with money_tx("events.drop"):
            _move(found, "drop", reason=found.endpoint.disabled_reason, now=now)
        return
    require_place(found, kind=JOB)
    body = json.dumps(found.event.payload, separators=(",", ":")).encode()
    headers = _headers(found, body, now=now)
    answer = relay.send("storefront_event", url=found.endpoint.url, body=body, headers=headers)
    with money_tx("events.record"):
        found = EventDelivery.objects.select_for_update().get(pk=delivery)
        again = _record(found, answer, now=now)
    if again:
        told = f"{answer.status}: {answer.detail}"[:300]
        raise EventNotAccepted(event=found.event_id, answer=told, after_s=answer.retry_after_s)


def resend_event(
    *, storefront: str, event: str, endpoint: str | None, key: str, fingerprint: str, actor: str, now: datetime
) -> tuple[StorefrontEvent, int]:
    """Have an event sent again: to one endpoint, or to each in use that wants it.

    Returns the event and its idempotency key's row. Raises UnknownEvent, NothingToSend, KeyReused, RequestInProgress.
    """
    with money_tx("events.resend"):
        claim = idempotency.claim(scope=f"storefront:{storefront}", key=key, fingerprint=fingerprint, now=now)
        found = StorefrontEvent.objects.filter(storefront=storefront, pk=event).first()
        if found is None:
            raise UnknownEvent(event=event)
        if claim.fresh:
            idempotency.bind(key_id=claim.key_id, subject=event)
            wanting = _wanting(found, endpoint)
            if endpoint is not None and not wanting:
                raise NothingToSend(event=event, parameter="endpoint_id")
            _send_again(found, wanting, actor=actor, now=now)
    return found, claim.key_id


def resend_delivery(*, delivery: str, actor: str, reason: str, now: datetime) -> None:
    """Have one message sent to its endpoint again, from the console. Raises NothingToSend, TextRefused."""
    require_fit(reason=reason)
    with money_tx("events.resend_delivery"):
        found = EventDelivery.objects.select_related("event", "endpoint").get(pk=delivery)
        if not found.endpoint.enabled:
            raise NothingToSend(event=found.event_id)
        _send_again(found.event, [found.endpoint], actor=actor, reason=reason, now=now)


def disable(endpoint: WebhookEndpoint, *, reason: str, actor: str, now: datetime) -> None:
    """Send nothing more to an endpoint, in the caller's transaction, and tell its storefront by the others."""
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk, enabled=True).update(enabled=False, disabled_reason=reason)
    if not rows:
        return
    subject = f"webhook_endpoint:{endpoint.pk}"
    record_audit(action="payments.endpoint.disabled", actor=actor, subject=subject, now=now, reason=reason)
    data = {"endpoint_id": endpoint.pk, "url": endpoint.url, "reason": reason}
    write_event(storefront=endpoint.storefront_id, type="webhook_endpoint.disabled", data=data, now=now)


def sign(*, secret: str, event_id: str, stamp: int, body: bytes) -> str:
    """Return the signature of a message: v1, and the base 64 of HMAC-SHA256 over `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{event_id}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _headers(delivery: EventDelivery, body: bytes, *, now: datetime) -> dict[str, str]:
    """Return the three headers of the standard; with two secrets in rotation there are two signatures."""
    stamp = int(now.timestamp())
    living = EndpointSecret.objects.filter(endpoint=delivery.endpoint_id).filter(
        Q(expires_at=None) | Q(expires_at__gt=now)
    )
    signatures = [
        sign(secret=row.secret, event_id=delivery.event_id, stamp=stamp, body=body) for row in living.order_by("-pk")
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Counterfoil-Webhooks/1",
        "webhook-id": delivery.event_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": " ".join(signatures),
    }


def _record(delivery: EventDelivery, answer: Delivery, *, now: datetime) -> bool:
    """Log a try and what follows from it; return whether to try again."""
    DeliveryTry.objects.create(
        delivery=delivery, at=now, status=answer.status, milliseconds=answer.milliseconds, answer=answer.detail
    )
    if delivery.state != EventDeliveryState.WAITING:
        return False
    if answer.accepted:
        _move(delivery, "deliver", delivered_at=now, now=now)
        WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).exclude(failing_since=None).update(failing_since=None)
        return False
    EventDelivery.objects.filter(pk=delivery.pk).update(tries_left=F("tries_left") - 1)
    if delivery.tries_left <= 1:
        _move(delivery, "give_up", reason=answer.detail, now=now)
    elif not _note_failure(delivery, answer, now=now):
        return True
    else:
        _move(delivery, "drop", reason="the endpoint was disabled", now=now)
    return False


def _note_failure(delivery: EventDelivery, answer: Delivery, *, now: datetime) -> bool:
    """Note since when an endpoint fails, and disable it when that is long, or when it is gone. Tell whether it was."""
    endpoint = WebhookEndpoint.objects.get(pk=delivery.endpoint_id)
    WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since=None).update(failing_since=now)
    since = endpoint.failing_since or now
    long_ago: timedelta = settings.WEBHOOK_DISABLE_AFTER
    if answer.status == _GONE:
        disable(endpoint, reason="it answered 410 Gone", actor="system:events", now=now)
    elif now - since >= long_ago:
        disable(endpoint, reason=f"it took nothing since {since.isoformat()}", actor="system:events", now=now)
    else:
        return False
    return True


def _wanting(event: StorefrontEvent, endpoint: str | None) -> list[WebhookEndpoint]:
    used = WebhookEndpoint.objects.filter(storefront=event.storefront_id, enabled=True).order_by("pk")
    if endpoint is not None:
        # Named by its storefront: it is sent there whatever the endpoint's own filter says.
        return list(used.filter(pk=endpoint))
    return [one for one in used if one.wants(event.type)]


def _send_again(
    event: StorefrontEvent, endpoints: Iterable[WebhookEndpoint], *, actor: str, now: datetime, reason: str = ""
) -> None:
    sent = [_send_to(endpoint, event, actor=actor, reason=reason, now=now) for endpoint in endpoints]
    if not sent:
        raise NothingToSend(event=event.pk)
    subject = f"storefront_event:{event.pk}"
    record_audit(
        action="payments.event.resent", actor=actor, subject=subject, now=now, deliveries=sent, **_said(reason)
    )


def _send_to(
    endpoint: WebhookEndpoint, event: StorefrontEvent, *, now: datetime, actor: str = "", reason: str = ""
) -> str:
    """Have an event sent to an endpoint now: for the first time, or once more. Return the delivery's id."""
    delivery, created = EventDelivery.objects.select_for_update().get_or_create(
        event=event, endpoint=endpoint, defaults={"tries_left": TRIES, "created_at": now}
    )
    if not created and delivery.state == EventDeliveryState.WAITING:
        # It is on its way already, perhaps in hours: now is better. Or what should send it is a dead letter, or was
        # discarded: then nobody would.
        wake(kind=JOB, key=delivery.job_key, now=now)
        requeue(kind=JOB, key=delivery.job_key, args={"delivery": delivery.id}, run_at=now)
        return delivery.id
    if not created:
        round = delivery.round + 1
        move(delivery, "send_again", actor=actor, reason=reason, now=now, round=round, tries_left=TRIES)
    enqueue(kind=JOB, key=delivery.job_key, args={"delivery": delivery.id}, run_at=now)
    return delivery.id


def _move(delivery: EventDelivery, event: str, *, now: datetime, reason: str = "", **changes: Any) -> None:
    move(delivery, event, actor="system:events", now=now, reason=reason, **changes)


def _said(reason: str) -> dict[str, str]:
    return {"reason": reason} if reason else {}
