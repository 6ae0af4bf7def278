"""The closed list of what storefronts are told: each type of event, what it means, and the JSON schema of its data.

From it come the check in `tell`, the filter of an endpoint, `docs/events/` and the schemas that every event is
validated against in the tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from payments.states import DisputeState, OrderState, RefundState

Schema = Mapping[str, Any]


def _object(properties: Mapping[str, Schema]) -> dict[str, Any]:
    # Open: a storefront that checks what it gets by the schema must not refuse the fields that come later.
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


_TEXT: Schema = {"type": "string", "minLength": 1}
_CHECKOUT_FACTS: Mapping[str, Schema] = {
    "checkout_id": {**_TEXT, "description": "your id of the checkout"},
    "is_payment_done": {
        "type": "boolean",
        "description": "every payment order is paid; false when only some were captured",
    },
    "payment_orders": {
        "type": "array",
        "minItems": 1,
        "items": _object(
            {
                "payment_order_id": {**_TEXT, "description": "your id of the payment order"},
                "status": {"enum": [str(state) for state in OrderState.values]},
            }
        ),
    },
}
_MONEY: Schema = {**_TEXT, "pattern": r"^[0-9]+(\.[0-9]+)?$", "description": "in major units"}
_CURRENCY: Schema = {"type": "string", "pattern": "^[A-Z]{3}$"}
_REFUND_FACTS: Mapping[str, Schema] = {
    "id": {**_TEXT, "description": "our id of the refund"},
    "payment_order_id": {**_TEXT, "description": "your id of the payment order"},
    "amount": _MONEY,
    "currency": _CURRENCY,
    "status": {"enum": [str(state) for state in RefundState.values]},
    "failure_reason": {"type": "string", "description": "why there is no money for the buyer; empty where there is"},
}
_DISPUTE_FACTS: Mapping[str, Schema] = {
    "id": {**_TEXT, "description": "our id of the dispute"},
    "amount": _MONEY,
    "currency": _CURRENCY,
    "status": {"enum": [str(state) for state in DisputeState.values]},
    "reason": {"type": "string", "description": "the bank's, in the provider's words"},
    "evidence_due_by": {"type": ["string", "null"], "format": "date-time"},
    "payment_order_ids": {"type": "array", "items": _TEXT, "description": "your ids of the orders it is about"},
}
CHECKOUT = _object(_CHECKOUT_FACTS)
REFUND = _object({**_CHECKOUT_FACTS, "refund": _object(_REFUND_FACTS)})
DISPUTE = _object({**_CHECKOUT_FACTS, "dispute": _object(_DISPUTE_FACTS)})
_CHECKOUT_EXAMPLE = {
    "checkout_id": "cart-1042",
    "is_payment_done": True,
    "payment_orders": [
        {"payment_order_id": "cart-1042.ann", "status": "SUCCESS"},
        {"payment_order_id": "cart-1042.bob", "status": "SUCCESS"},
    ],
}
ENDPOINT = _object(
    {
        "endpoint_id": {**_TEXT, "description": "our id of the endpoint"},
        "url": _TEXT,
        "reason": {**_TEXT, "description": "why it is not in use any more"},
    }
)


@dataclass(frozen=True, kw_only=True)
class EventType:
    """One type of event: its name, when it is sent, the schema of its data and an example of them."""

    name: str
    sent_when: str
    data: Schema
    example: Mapping[str, Any]


def _about_checkout(name: str, sent_when: str, *, status: str = "SUCCESS", done: bool = True) -> EventType:
    orders = [{**order, "status": status} for order in _CHECKOUT_EXAMPLE["payment_orders"]]  # type: ignore[attr-defined]
    example = {**_CHECKOUT_EXAMPLE, "is_payment_done": done, "payment_orders": orders}
    return EventType(name=name, sent_when=sent_when, data=CHECKOUT, example=example)


def _about_refund(name: str, sent_when: str, *, status: str, why: str = "") -> EventType:
    refund = {
        "id": "rfd_06f4w8q2m1n5p7r9t3v6x8z0ab",
        "payment_order_id": "cart-1042.ann",
        "amount": "12.50",
        "currency": "EUR",
        "status": status,
        "failure_reason": why,
    }
    return EventType(name=name, sent_when=sent_when, data=REFUND, example={**_CHECKOUT_EXAMPLE, "refund": refund})


def _about_dispute(name: str, sent_when: str, *, status: str = "needs_response") -> EventType:
    dispute = {
        "id": "dsp_06f4w8q2m1n5p7r9t3v6x8z0ab",
        "amount": "99.00",
        "currency": "EUR",
        "status": status,
        "reason": "fraudulent",
        "evidence_due_by": "2026-12-04T23:59:59+00:00",
        "payment_order_ids": ["cart-1042.ann", "cart-1042.bob"],
    }
    return EventType(name=name, sent_when=sent_when, data=DISPUTE, example={**_CHECKOUT_EXAMPLE, "dispute": dispute})


EVENT_TYPES = {
    type.name: type
    for type in (
        _about_checkout(
            "payment.succeeded",
            "A checkout is paid and booked: every payment order, or those that were captured (`SUCCESS`), the others "
            "being `CANCELED`.",
        ),
        _about_checkout("payment.failed", "A checkout is definitely not paid.", status="FAILED", done=False),
        _about_checkout(
            "payment.expired",
            "Nobody paid a checkout in time, or nobody captured what was reserved.",
            status="EXPIRED",
            done=False,
        ),
        _about_checkout("payment.canceled", "A checkout was called off.", status="CANCELED", done=False),
        _about_checkout(
            "payment.in_review",
            "Somebody looks at it: of ours before there is a page, or of the provider's after the buyer paid.",
            status="IN_REVIEW",
            done=False,
        ),
        _about_checkout(
            "payment.page_ready", "There is a new page to pay a checkout on.", status="EXECUTING", done=False
        ),
        _about_checkout(
            "payment.authorized", "The amount is reserved, and waits for capture.", status="AUTHORIZED", done=False
        ),
        _about_checkout(
            "payment.authorization_expiring", "What is reserved lapses soon.", status="AUTHORIZED", done=False
        ),
        _about_checkout("payment.captured", "A part of what was reserved is taken; the rest still waits."),
        _about_checkout(
            "payment.capture_failed", "What was reserved could not be taken.", status="AUTHORIZED", done=False
        ),
        _about_checkout(
            "payment.paid_late", "The buyer paid after it was over; the money goes back by itself.", done=False
        ),
        _about_checkout("payment.double_paid", "The buyer paid twice; the second payment goes back by itself."),
        _about_checkout("payment.double_returned", "What was paid twice is on its way back to the buyer."),
        _about_refund("refund.succeeded", "Money of a payment order is on its way back.", status="succeeded"),
        _about_refund(
            "refund.failed",
            "A refund did not reach the buyer, perhaps days after it had succeeded.",
            status="failed",
            why="expired_or_canceled_card",
        ),
        _about_refund("refund.canceled", "A refund was called off.", status="canceled"),
        _about_dispute("dispute.opened", "The buyer's bank disputes a payment; its money is withdrawn, not lost."),
        _about_dispute("dispute.updated", "A dispute moved on.", status="under_review"),
        _about_dispute("dispute.evidence_due", "The deadline for evidence is near, and there is none."),
        _about_dispute("dispute.won", "A dispute was decided for the seller.", status="won"),
        _about_dispute("dispute.lost", "A dispute was decided for the buyer.", status="lost"),
        EventType(
            name="webhook_endpoint.disabled",
            sent_when="One of your endpoints took nothing for days, or is gone; nothing is sent to it now.",
            data=ENDPOINT,
            example={
                "endpoint_id": "whe_06f4w8q2m1n5p7r9t3v6x8z0ab",
                "url": "https://shop.example/hooks",
                "reason": "it took nothing since 2026-11-15T10:00:00+00:00",
            },
        ),
    )
}


def message(*, type: str, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message that an event is."""
    return {"type": type, "timestamp": at.isoformat(), "data": dict(data)}


def schema_of(type: EventType) -> dict[str, Any]:
    """Return the JSON schema of the whole message."""
    envelope = _object(
        {
            "type": {"const": type.name},
            "timestamp": {"type": "string", "format": "date-time", "description": "when it happened"},
            "data": type.data,
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": type.name,
        "description": type.sent_when,
        **envelope,
        "examples": [
            {"type": type.name, "timestamp": "2026-11-20T14:00:00+00:00", "data": dict(type.example)},
        ],
    }
