"""Telling storefronts what happened: signed messages in the Standard Webhooks format, at least once.

A message says which checkout changed and how it stands; the shop deduplicates by `webhook-id`.
(github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md)
"""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from operations.edges import money_tx, relay
from operations.errors import DomainError
from operations.services import enqueue
from payments.models import Checkout, StorefrontEvent


class EventNotAccepted(DomainError):
    """The storefront did not take the event {event}: {answer}"""

    code = "event_not_accepted"
    retryable = True


def tell(*, checkout: str, type: str, now: datetime, about: dict[str, Any] | None = None) -> None:
    """Write a message about a checkout, in the caller's transaction; a storefront without an address gets none.

    `about` has the refund or dispute that the message is about, as JSON values.
    """
    found = Checkout.objects.select_related("storefront").get(pk=checkout)
    if not found.storefront.event_url:
        return
    payload = {
        "type": type,
        "timestamp": now.isoformat(),
        "data": {
            "checkout_id": found.checkout_id,
            "is_payment_done": found.is_payment_done,
            "payment_orders": [
                {"payment_order_id": order.payment_order_id, "status": order.state}
                for order in found.orders.filter(cart=found.cart).order_by("pk")
            ],
            **(about or {}),
        },
    }
    event = StorefrontEvent.objects.create(storefront=found.storefront, type=type, payload=payload, created_at=now)
    enqueue(kind="payments.send_event", key=event.id, args={"event": event.id}, run_at=now)


def send_event(*, event: str, now: datetime) -> None:
    """Deliver one message (a job). Raises EventNotAccepted unless the storefront answered 2xx."""
    found = StorefrontEvent.objects.select_related("storefront").get(pk=event)
    if found.delivered_at is not None:
        return
    body = json.dumps(found.payload, separators=(",", ":")).encode()
    stamp = int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": found.id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(secret=found.storefront.event_secret, event_id=found.id, stamp=stamp, body=body),
    }
    delivery = relay.send("storefront_event", url=found.storefront.event_url, body=body, headers=headers)
    answer = f"{delivery.status}: {delivery.detail}"[:300]
    with money_tx("events.record"):
        StorefrontEvent.objects.filter(pk=event).update(
            last_answer=answer, delivered_at=now if delivery.accepted else None
        )
    if not delivery.accepted:
        raise EventNotAccepted(event=event, answer=answer)


def sign(*, secret: str, event_id: str, stamp: int, body: bytes) -> str:
    """Return the signature of a message: v1, and the base 64 of HMAC-SHA256 over `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{event_id}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
