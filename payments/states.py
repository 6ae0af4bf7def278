"""The state machines of money in. Each table also becomes a PostgreSQL trigger, a diagram and a test."""

from django.db import models

from operations.lifecycle import Machine, Transition
from payments.dispute_states import (
    DISPUTE,
    DISPUTE_CLOSED,
    EVIDENCE,
    EVIDENCE_FILE,
    HOLDS_MONEY,
    WANTS_EVIDENCE,
    DisputeState,
    EvidenceFileState,
    EvidenceState,
)

__all__ = [
    "ATTEMPT",
    "DISPUTE",
    "DISPUTE_CLOSED",
    "EVENT_DELIVERY",
    "EVIDENCE",
    "EVIDENCE_FILE",
    "HOLDS_MONEY",
    "INSTRUCTION",
    "ORDER",
    "REFUND",
    "SURPLUS",
    "WANTS_EVIDENCE",
    "AttemptState",
    "DisputeState",
    "EventDeliveryState",
    "EvidenceFileState",
    "EvidenceState",
    "InstructionState",
    "OrderState",
    "RefundState",
    "SurplusState",
]


class OrderState(models.TextChoices):
    """Where one seller's part of a checkout stands."""

    NOT_STARTED = "NOT_STARTED", "stored, not yet at the provider"
    EXECUTING = "EXECUTING", "the buyer can pay on the provider's page"
    UNKNOWN = "UNKNOWN", "the provider did not say; we are asking"
    REQUIRES_ACTION = "REQUIRES_ACTION", "the buyer's bank wants something of the buyer"
    IN_REVIEW = "IN_REVIEW", "the provider looks at it, or we do first"
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
    AUTHORIZED = "authorized", "the amount is reserved, to be captured"
    SUCCEEDED = "succeeded", "paid"
    DECLINED = "declined", "refused"
    EXPIRED = "expired", "ran out of time at the provider"
    CANCELED = "canceled", "closed at the provider because we said so"
    ABANDONED = "abandoned", "the provider never knew it"
    NOT_SENT = "not_sent", "never sent, and another provider asked instead"


class RefundState(models.TextChoices):
    """Where one refund stands."""

    REQUESTED = "requested", "stored, not yet sent; above a limit it waits for a second person"
    APPROVED = "approved", "a second person agreed; not yet sent"
    SENDING = "sending", "being sent"
    UNKNOWN = "unknown", "sent, no answer that can be believed"
    PENDING = "pending", "accepted by the provider, not yet done"
    SUCCEEDED = "succeeded", "the money is on its way to the buyer"
    FAILED = "failed", "not refunded"
    CANCELED = "canceled", "called off"


class InstructionState(models.TextChoices):
    """Where one thing stands that we told the provider to do with an attempt."""

    REQUESTED = "requested", "stored, not yet sent"
    SENDING = "sending", "being sent"
    UNKNOWN = "unknown", "sent, no answer that can be believed"
    SUCCEEDED = "succeeded", "done, as the provider's own object shows"
    FAILED = "failed", "not done"


class SurplusState(models.TextChoices):
    """Where money stands that a buyer paid once too often."""

    BOOKED = "booked", "in our books as nobody's, to be sent back"
    SENDING = "sending", "being sent back"
    UNKNOWN = "unknown", "sent back, no answer that can be believed"
    PENDING = "pending", "accepted by the provider, not yet done"
    RETURNED = "returned", "on its way to the buyer"
    FAILED = "failed", "could not be sent back: a person must look"


class EventDeliveryState(models.TextChoices):
    """Where one message to one endpoint of a storefront stands."""

    WAITING = "waiting", "to be sent, or to be sent again"
    DELIVERED = "delivered", "the endpoint took it"
    FAILED = "failed", "the endpoint did not take it for days; nobody tries any more"
    DROPPED = "dropped", "the endpoint was disabled or deleted before it took it"


_OPEN = ("EXECUTING", "UNKNOWN", "REQUIRES_ACTION", "IN_REVIEW")

ORDER = Machine(
    name="payment_order",
    states=OrderState,
    initial=OrderState.NOT_STARTED,
    transitions=(
        Transition(
            event="start",
            sources=("NOT_STARTED", "UNKNOWN", "IN_REVIEW"),
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
            event="reopen",
            sources=("REQUIRES_ACTION",),
            target="EXECUTING",
            phrase="the bank was not satisfied; the buyer can try again",
        ),
        Transition(
            event="hold_for_review",
            sources=("NOT_STARTED", "EXECUTING", "UNKNOWN", "REQUIRES_ACTION"),
            target="IN_REVIEW",
            phrase="the provider, or a person of ours, reviews the payment",
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
            sources=("NOT_STARTED", *_OPEN, "AUTHORIZED"),
            target="CANCELED",
            phrase="called off",
        ),
        Transition(
            event="expire",
            sources=("NOT_STARTED", *_OPEN, "AUTHORIZED"),
            target="EXPIRED",
            phrase="the provider's session, or the authorisation, ran out",
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
            event="authorize",
            sources=("pending",),
            target="authorized",
            phrase="the amount is reserved on the card",
        ),
        Transition(
            event="succeed",
            sources=("pending", "authorized", "expired", "declined", "canceled", "abandoned"),
            target="succeeded",
            phrase="the buyer paid, in time or late",
        ),
        Transition(event="decline", sources=("created", "unknown", "pending"), target="declined", phrase="refused"),
        Transition(
            event="expire",
            sources=("pending", "authorized"),
            target="expired",
            phrase="nobody paid, or captured, in time",
        ),
        Transition(
            event="cancel",
            sources=("pending", "authorized"),
            target="canceled",
            phrase="the provider confirmed that it is closed",
        ),
        Transition(
            event="abandon",
            sources=("created", "unknown"),
            target="abandoned",
            phrase="the provider never knew it",
        ),
        Transition(
            event="pass_on",
            sources=("created",),
            target="not_sent",
            phrase="surely never sent; another provider is asked",
        ),
    ),
)

REFUND = Machine(
    name="refund",
    states=RefundState,
    initial=RefundState.REQUESTED,
    transitions=(
        Transition(
            event="approve",
            sources=("requested",),
            target="approved",
            phrase="a second person agreed",
        ),
        Transition(
            event="send",
            sources=("requested", "approved", "unknown", "sending"),
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
        Transition(
            event="fail_late",
            sources=("succeeded",),
            target="failed",
            phrase="the money never reached the buyer and is back at the provider",
        ),
        Transition(
            event="cancel",
            sources=("requested", "sending", "unknown", "pending"),
            target="canceled",
            phrase="called off",
        ),
    ),
)

_UNDER_WAY = ("requested", "sending", "unknown")

INSTRUCTION = Machine(
    name="instruction",
    states=InstructionState,
    initial=InstructionState.REQUESTED,
    transitions=(
        Transition(event="send", sources=_UNDER_WAY, target="sending", phrase="on its way to the provider"),
        Transition(event="lose_sight", sources=("sending",), target="unknown", phrase="no answer that can be believed"),
        Transition(event="succeed", sources=_UNDER_WAY, target="succeeded", phrase="the provider's object shows it"),
        Transition(event="fail", sources=_UNDER_WAY, target="failed", phrase="the provider did not do it"),
    ),
)

SURPLUS = Machine(
    name="surplus",
    states=SurplusState,
    initial=SurplusState.BOOKED,
    transitions=(
        Transition(
            event="send",
            sources=("booked", "sending", "unknown", "failed"),
            target="sending",
            phrase="on its way back",
        ),
        Transition(event="lose_sight", sources=("sending",), target="unknown", phrase="no answer that can be believed"),
        Transition(event="wait", sources=("sending", "unknown"), target="pending", phrase="accepted, not yet done"),
        Transition(
            event="give_back",
            sources=("sending", "unknown", "pending"),
            target="returned",
            phrase="the provider gave it back",
        ),
        Transition(
            event="fail",
            sources=("sending", "unknown", "pending", "returned"),
            target="failed",
            phrase="the provider could not give it back",
        ),
        Transition(
            event="charge_back",
            sources=("booked", "failed"),
            target="returned",
            phrase="the buyer's bank took it back, and keeps it",
        ),
    ),
)

EVENT_DELIVERY = Machine(
    name="event_delivery",
    states=EventDeliveryState,
    initial=EventDeliveryState.WAITING,
    transitions=(
        Transition(event="deliver", sources=("waiting",), target="delivered", phrase="the endpoint answered 2xx"),
        Transition(event="give_up", sources=("waiting",), target="failed", phrase="every try of the plan failed"),
        Transition(event="drop", sources=("waiting",), target="dropped", phrase="the endpoint is not in use any more"),
        Transition(
            event="send_again",
            sources=("delivered", "failed", "dropped"),
            target="waiting",
            phrase="somebody asked to have it sent again",
        ),
    ),
)
