"""The state machines of disputes and of the evidence in them; `payments.states` has them all."""

from django.db import models

from operations.lifecycle import Machine, Transition


class DisputeState(models.TextChoices):
    """Where one dispute stands. A warning is the bank's inquiry: no money moves unless it becomes a dispute."""

    RECORDED = "recorded", "just heard of"
    WARNING_NEEDS_RESPONSE = "warning_needs_response", "the buyer's bank asks; evidence is wanted"
    WARNING_UNDER_REVIEW = "warning_under_review", "the buyer's bank looks at our answer"
    WARNING_CLOSED = "warning_closed", "the inquiry is over, and no money moved"
    NEEDS_RESPONSE = "needs_response", "the money is withdrawn; evidence is wanted"
    UNDER_REVIEW = "under_review", "the buyer's bank looks at the evidence"
    APPEAL_NEEDS_RESPONSE = "appeal_needs_response", "second round: evidence is wanted again"
    APPEAL_UNDER_REVIEW = "appeal_under_review", "second round: the evidence is looked at"
    WON = "won", "decided for us"
    LOST = "lost", "decided for the buyer"
    PREVENTED = "prevented", "settled before it became a dispute"


WANTS_EVIDENCE = (
    DisputeState.WARNING_NEEDS_RESPONSE,
    DisputeState.NEEDS_RESPONSE,
    DisputeState.APPEAL_NEEDS_RESPONSE,
)
# The provider has withdrawn the money, and nothing is decided.
HOLDS_MONEY = (
    DisputeState.NEEDS_RESPONSE,
    DisputeState.UNDER_REVIEW,
    DisputeState.APPEAL_NEEDS_RESPONSE,
    DisputeState.APPEAL_UNDER_REVIEW,
)
DISPUTE_CLOSED = (DisputeState.WARNING_CLOSED, DisputeState.WON, DisputeState.LOST, DisputeState.PREVENTED)


class EvidenceState(models.TextChoices):
    """Where what we handed in for a dispute stands."""

    REQUESTED = "requested", "stored, not yet sent"
    SENDING = "sending", "being sent"
    UNKNOWN = "unknown", "sent, no answer that can be believed"
    ACCEPTED = "accepted", "the provider has it"
    REFUSED = "refused", "the provider did not take it"


DISPUTE = Machine(
    name="dispute",
    states=DisputeState,
    initial=DisputeState.RECORDED,
    transitions=(
        Transition(
            event="warn",
            sources=("recorded",),
            target="warning_needs_response",
            phrase="the buyer's bank inquires",
        ),
        Transition(
            event="review_warning",
            sources=("recorded", "warning_needs_response"),
            target="warning_under_review",
            phrase="our answer to the inquiry is looked at",
        ),
        Transition(
            event="close_warning",
            sources=("recorded", "warning_needs_response", "warning_under_review"),
            target="warning_closed",
            phrase="the inquiry is over",
        ),
        Transition(
            event="dispute",
            # From `won`: the buyer's bank comes back, and the money is withdrawn once more.
            sources=("recorded", "warning_needs_response", "warning_under_review", "won"),
            target="needs_response",
            phrase="the buyer's bank takes the money back until it is decided",
        ),
        Transition(
            event="review",
            sources=("recorded", "warning_needs_response", "warning_under_review", "needs_response", "won"),
            target="under_review",
            phrase="the evidence is looked at",
        ),
        Transition(
            event="appeal",
            sources=("recorded", "needs_response", "under_review", "won"),
            target="appeal_needs_response",
            phrase="a second round begins",
        ),
        Transition(
            event="review_appeal",
            sources=("recorded", "needs_response", "under_review", "won", "appeal_needs_response"),
            target="appeal_under_review",
            phrase="the evidence of the second round is looked at",
        ),
        Transition(
            event="win",
            sources=(
                "recorded",
                "warning_needs_response",
                "warning_under_review",
                "needs_response",
                "under_review",
                "appeal_needs_response",
                "appeal_under_review",
            ),
            target="won",
            phrase="decided for us",
        ),
        Transition(
            event="lose",
            sources=(
                "recorded",
                "warning_needs_response",
                "warning_under_review",
                "needs_response",
                "under_review",
                "appeal_needs_response",
                "appeal_under_review",
                "won",
            ),
            target="lost",
            phrase="decided for the buyer",
        ),
        Transition(
            event="prevent",
            sources=("recorded", "warning_needs_response", "warning_under_review"),
            target="prevented",
            phrase="settled before it became a dispute",
        ),
    ),
)


class EvidenceFileState(models.TextChoices):
    """Where a file stands that shall be evidence."""

    REQUESTED = "requested", "kept here, not yet sent"
    SENDING = "sending", "being sent"
    UNKNOWN = "unknown", "sent, no answer that can be believed"
    ACCEPTED = "accepted", "the provider has it, and evidence may refer to it"
    REFUSED = "refused", "the provider did not take it"


EVIDENCE = Machine(
    name="dispute_evidence",
    states=EvidenceState,
    initial=EvidenceState.REQUESTED,
    transitions=(
        Transition(
            event="send",
            sources=("requested", "sending", "unknown"),
            target="sending",
            phrase="on its way to the provider",
        ),
        Transition(event="lose_sight", sources=("sending",), target="unknown", phrase="no answer that can be believed"),
        Transition(event="accept", sources=("sending", "unknown"), target="accepted", phrase="the provider has it"),
        Transition(event="refuse", sources=("sending", "unknown"), target="refused", phrase="the provider refused it"),
    ),
)

EVIDENCE_FILE = Machine(
    name="evidence_file",
    states=EvidenceFileState,
    initial=EvidenceFileState.REQUESTED,
    transitions=EVIDENCE.transitions,
)
