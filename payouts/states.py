"""The state machines of money out. Each table also becomes a PostgreSQL trigger, a diagram and a test."""

from django.db import models

from operations.lifecycle import Machine, Transition


class BatchState(models.TextChoices):
    """Where a batch of payouts stands."""

    PROPOSED = "proposed", "reserved; waiting for a second person"
    APPROVED = "approved", "approved; its payouts are being sent"
    COMPLETED = "completed", "every payout has ended"
    CANCELED = "canceled", "rejected; everything is available again"


class PayoutState(models.TextChoices):
    """Where one seller's payout stands."""

    DRAFT = "draft", "reserved, not approved"
    APPROVED = "approved", "approved, not yet sent"
    SENDING = "sending", "being sent"
    UNKNOWN = "unknown", "sent, no answer that can be believed"
    SENT = "sent", "the provider has it"
    PAID = "paid", "in the seller's account"
    FAILED = "failed", "not paid; available again"
    RETURNED = "returned", "paid, and sent back"
    CANCELED = "canceled", "called off before it was sent"


BATCH = Machine(
    name="payout_batch",
    states=BatchState,
    initial=BatchState.PROPOSED,
    transitions=(
        Transition(event="approve", sources=("proposed",), target="approved", phrase="a second person agreed"),
        Transition(event="complete", sources=("approved",), target="completed", phrase="every payout has ended"),
        Transition(event="cancel", sources=("proposed",), target="canceled", phrase="a second person refused"),
    ),
)

PAYOUT = Machine(
    name="payout",
    states=PayoutState,
    initial=PayoutState.DRAFT,
    transitions=(
        Transition(event="approve", sources=("draft",), target="approved", phrase="a second person agreed"),
        Transition(
            event="send",
            sources=("approved", "sending", "unknown"),
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
            event="accept",
            sources=("sending", "unknown"),
            target="sent",
            phrase="the provider has moved the money",
        ),
        Transition(event="pay", sources=("sent",), target="paid", phrase="confirmed in the seller's account"),
        Transition(event="fail", sources=("sending", "unknown"), target="failed", phrase="the provider refused it"),
        Transition(event="bounce", sources=("sent", "paid"), target="returned", phrase="the money came back"),
        Transition(event="cancel", sources=("draft", "approved"), target="canceled", phrase="called off"),
    ),
)
