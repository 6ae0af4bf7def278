"""The state machines of money in. Each table also becomes a PostgreSQL trigger, a diagram and a test."""

from django.db import models

from operations.lifecycle import Machine, Transition


class OrderState(models.TextChoices):
    """Where one seller's part of a checkout stands."""

    NOT_STARTED = "NOT_STARTED", "stored, not yet at the provider"
    EXECUTING = "EXECUTING", "the buyer can pay on the provider's page"
    UNKNOWN = "UNKNOWN", "the provider did not say; we are asking"
    REQUIRES_ACTION = "REQUIRES_ACTION", "the buyer's bank wants something of the buyer"
    IN_REVIEW = "IN_REVIEW", "the provider looks at it"
    AUTHORIZED = "AUTHORIZED", "reserved on the card, to be captured"
    SUCCESS = "SUCCESS", "paid and booked"
    FAILED = "FAILED", "definitely not paid"
    CANCELED = "CANCELED", "called off before it was paid"
    EXPIRED = "EXPIRED", "nobody paid in time"


class AttemptState(models.TextChoices):
    """Where one try at the provider stands."""

    CREATED = "created", "stored, not yet sent"
    UNKNOWN = "unknown", "sent, no answer that can be believed"
    PENDING = "pending", "registered; the buyer has the page"
    SUCCEEDED = "succeeded", "paid"
    DECLINED = "declined", "refused"
    EXPIRED = "expired", "ran out of time at the provider"
    ABANDONED = "abandoned", "the provider never knew it"


class RefundState(models.TextChoices):
    """Where one refund stands."""

    REQUESTED = "requested", "stored, not yet sent"
    SENDING = "sending", "being sent"
    UNKNOWN = "unknown", "sent, no answer that can be believed"
    PENDING = "pending", "accepted by the provider, not yet done"
    SUCCEEDED = "succeeded", "the money is on its way to the buyer"
    FAILED = "failed", "not refunded"
    CANCELED = "canceled", "called off"


_OPEN = ("EXECUTING", "UNKNOWN", "REQUIRES_ACTION", "IN_REVIEW")

ORDER = Machine(
    name="payment_order",
    states=OrderState,
    initial=OrderState.NOT_STARTED,
    transitions=(
        Transition(
            event="start",
            sources=("NOT_STARTED", "UNKNOWN"),
            target="EXECUTING",
            phrase="the provider registered the checkout",
        ),
        Transition(
            event="lose_sight",
            sources=("NOT_STARTED", "EXECUTING", "REQUIRES_ACTION", "IN_REVIEW"),
            target="UNKNOWN",
            phrase="no answer that can be believed",
        ),
        Transition(
            event="require_action",
            sources=("EXECUTING", "UNKNOWN"),
            target="REQUIRES_ACTION",
            phrase="the buyer's bank asks the buyer",
        ),
        Transition(
            event="hold_for_review",
            sources=("EXECUTING", "UNKNOWN", "REQUIRES_ACTION"),
            target="IN_REVIEW",
            phrase="the provider reviews the payment",
        ),
        Transition(
            event="authorize",
            sources=_OPEN,
            target="AUTHORIZED",
            phrase="the amount is reserved on the card",
        ),
        Transition(event="succeed", sources=(*_OPEN, "AUTHORIZED"), target="SUCCESS", phrase="captured and booked"),
        Transition(
            event="fail",
            sources=("NOT_STARTED", *_OPEN, "AUTHORIZED"),
            target="FAILED",
            phrase="definitely refused",
        ),
        Transition(
            event="cancel",
            sources=("NOT_STARTED", "EXECUTING", "AUTHORIZED"),
            target="CANCELED",
            phrase="called off",
        ),
        Transition(
            event="expire",
            sources=("NOT_STARTED", *_OPEN),
            target="EXPIRED",
            phrase="the provider's session ran out",
        ),
        Transition(
            event="pay_late",
            sources=("EXPIRED", "CANCELED", "FAILED"),
            target="SUCCESS",
            phrase="paid after all; booked, and refunded by itself",
        ),
    ),
)

ATTEMPT = Machine(
    name="attempt",
    states=AttemptState,
    initial=AttemptState.CREATED,
    transitions=(
        Transition(event="register", sources=("created", "unknown"), target="pending", phrase="the provider has it"),
        Transition(
            event="lose_sight",
            sources=("created",),
            target="unknown",
            phrase="no answer that can be believed",
        ),
        Transition(
            event="succeed",
            sources=("pending", "expired", "declined"),
            target="succeeded",
            phrase="the buyer paid",
        ),
        Transition(event="decline", sources=("created", "unknown", "pending"), target="declined", phrase="refused"),
        Transition(event="expire", sources=("pending",), target="expired", phrase="nobody paid in time"),
        Transition(
            event="abandon",
            sources=("created", "unknown"),
            target="abandoned",
            phrase="the provider never knew it",
        ),
    ),
)

REFUND = Machine(
    name="refund",
    states=RefundState,
    initial=RefundState.REQUESTED,
    transitions=(
        Transition(
            event="send",
            sources=("requested", "unknown", "sending"),
            target="sending",
            phrase="on its way to the provider",
        ),
        Transition(
            event="lose_sight",
            sources=("sending",),
            target="unknown",
            phrase="no answer that can be believed",
        ),
        Transition(
            event="wait",
            sources=("sending", "unknown"),
            target="pending",
            phrase="accepted, not yet carried out",
        ),
        Transition(
            event="succeed",
            sources=("sending", "unknown", "pending"),
            target="succeeded",
            phrase="refunded and booked",
        ),
        Transition(
            event="fail",
            sources=("sending", "unknown", "pending"),
            target="failed",
            phrase="the provider could not refund",
        ),
        Transition(event="cancel", sources=("requested", "pending"), target="canceled", phrase="called off"),
    ),
)
