"""The state machines of reconciliation, and its vocabulary."""

from django.db import models

from operations.lifecycle import Machine, Transition


class StatementState(models.TextChoices):
    """Where a statement stands."""

    PARSED = "parsed", "read whole"
    MATCHED = "matched", "every line has a disposition"
    CLOSED = "closed", "its day is closed"
    SUPERSEDED = "superseded", "replaced by a corrected one"


class DispositionKind(models.TextChoices):
    """The one place where a statement line ends."""

    MATCHED = "matched", "agrees with the books"
    TIMING = "timing", "not in the books yet, and not late"
    DISCREPANCY = "discrepancy", "disagrees with the books"
    SUPERSEDED = "superseded", "was on an earlier statement"
    IGNORED = "ignored", "of no concern to the books, by a named rule"


class DiscrepancyKind(models.TextChoices):
    """What is wrong."""

    MISSING_IN_LEDGER = "missing_in_ledger", "on the statement, not in the books"
    MISSING_AT_PSP = "missing_at_psp", "in the books, not on the statement"
    AMOUNT = "amount", "another amount"
    CURRENCY = "currency", "another currency"
    FEE = "fee", "another fee"
    DUPLICATE_AT_PSP = "duplicate_at_psp", "twice on the statement"
    UNKNOWN_DEPOSIT = "unknown_deposit", "money that nobody asked for"
    REFUND_WITHOUT_CHARGE = "refund_without_charge", "a refund of something unknown"
    CHARGEBACK_UNBOOKED = "chargeback_unbooked", "a dispute that is not in the books"


class DiscrepancyClass(models.TextChoices):
    """The chapter's three classes."""

    AUTOMATIC = "automatic", "can be fixed by a rule"
    MANUAL = "manual", "known; finance fixes it by hand"
    INVESTIGATE = "investigate", "nobody knows what it is"


class DiscrepancyState(models.TextChoices):
    """Where a discrepancy stands."""

    OPEN = "open", "nobody has it"
    ASSIGNED = "assigned", "somebody has it"
    RESOLVED = "resolved", "resolved"
    WRITTEN_OFF = "written_off", "written off"


STATEMENT = Machine(
    name="statement",
    states=StatementState,
    initial=StatementState.PARSED,
    transitions=(
        Transition(event="match", sources=("parsed",), target="matched", phrase="every line has a disposition"),
        Transition(event="close", sources=("matched",), target="closed", phrase="its day is closed"),
        Transition(
            event="supersede",
            sources=("parsed", "matched"),
            target="superseded",
            phrase="a corrected one came",
        ),
    ),
)

DISCREPANCY = Machine(
    name="discrepancy",
    states=DiscrepancyState,
    initial=DiscrepancyState.OPEN,
    transitions=(
        Transition(event="assign", sources=("open", "assigned"), target="assigned", phrase="somebody took it"),
        Transition(
            event="resolve",
            sources=("open", "assigned"),
            target="resolved",
            phrase="the cause was found and fixed",
        ),
        Transition(
            event="write_off",
            sources=("open", "assigned"),
            target="written_off",
            phrase="given up, with approval",
        ),
    ),
)
