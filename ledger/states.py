"""The state machines of the books. Each table also becomes a PostgreSQL trigger, a diagram and a test."""

from django.db import models

from operations.lifecycle import Machine, Transition


class ManualJournalState(models.TextChoices):
    """Where a manual journal, or a reversal that a person wrote, stands."""

    DRAFTED = "drafted", "written; nothing is asked or booked yet"
    REQUESTED = "requested", "waiting for a second person"
    POSTED = "posted", "in the books"
    REJECTED = "rejected", "a second person refused; nothing was booked"
    WITHDRAWN = "withdrawn", "called off as a draft; nothing was booked"


MANUAL_JOURNAL = Machine(
    name="manual_journal",
    states=ManualJournalState,
    initial=ManualJournalState.DRAFTED,
    transitions=(
        Transition(event="submit", sources=("drafted",), target="requested", phrase="a second person is asked"),
        Transition(
            event="post",
            # From a draft only within the limit up to which one person is enough.
            sources=("drafted", "requested"),
            target="posted",
            phrase="booked as it stands",
        ),
        Transition(event="reject", sources=("requested",), target="rejected", phrase="a second person refused"),
        Transition(event="withdraw", sources=("drafted",), target="withdrawn", phrase="called off"),
    ),
)
