"""What people write for the books: journals and reversals, with their lines and their evidence.

Nothing here is in the books. A journal that is posted makes an entry, and that entry is.
"""

from collections.abc import Mapping
from functools import partial

from django.db import models
from django.db.models.functions import Length, Trim
from django.db.models.lookups import GreaterThanOrEqual

from ledger.entries import Line
from ledger.journals.typed import DESCRIPTION_MIN
from ledger.models.books import JournalEntry
from ledger.money import MinorMoney, Money
from ledger.states import MANUAL_JOURNAL, ManualJournalState
from operations.ids import new_id
from operations.lifecycle import StateField, StatefulModel, with_transitions


class ManualJournalKind(models.TextChoices):
    """What a person wrote."""

    JOURNAL = "journal", "manual journal"
    REVERSAL = "reversal", "reversal"


@with_transitions(MANUAL_JOURNAL)
class ManualJournal(StatefulModel):
    """A balanced set of lines that one person wrote; above a limit another one decides whether it is booked."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "mj"), editable=False)
    kind = models.TextField(choices=ManualJournalKind.choices)
    reverses = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    state = StateField(choices=ManualJournalState.choices, default=ManualJournalState.DRAFTED)
    description = models.TextField(help_text="the reason, which goes into the books with the entry")
    value_date = models.DateField(null=True, blank=True, help_text="none means: the day it is booked")
    maker = models.TextField()
    created_at = models.DateTimeField()
    key = models.TextField(null=True, blank=True)  # noqa: DJ001 - unique, so none must be NULL
    entry = models.OneToOneField(
        JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="manual_journal"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="manual_journal_reversal_names_entry",
                condition=models.Q(kind="reversal", reverses__isnull=False)
                | models.Q(kind="journal", reverses__isnull=True),
            ),
            models.CheckConstraint(
                name="manual_journal_posted_has_entry",
                condition=models.Q(state="posted", entry__isnull=False)
                | (~models.Q(state="posted") & models.Q(entry__isnull=True)),
            ),
            models.CheckConstraint(
                name="manual_journal_has_reason",
                condition=GreaterThanOrEqual(Length(Trim("description")), DESCRIPTION_MIN),
            ),
            # A form that is sent twice is one journal.
            models.UniqueConstraint(name="manual_journal_form_once", fields=["key"]),
            # A second reversal of an entry can be written once the first one was rejected or withdrawn.
            models.UniqueConstraint(
                name="manual_journal_one_reversal_per_entry",
                fields=["reverses"],
                condition=models.Q(state__in=["drafted", "requested", "posted"]),
            ),
        ]
        indexes = [models.Index(fields=["-created_at"], name="manual_journal_by_age")]

    def __str__(self) -> str:
        return self.id

    @property
    def totals(self) -> Mapping[str, Money]:
        """Return the sum of the debits, which is that of the credits, by currency."""
        sums: dict[str, Money] = {}
        for line in self.lines.all():
            so_far = sums.get(line.currency, Money(0, line.currency))
            sums[line.currency] = so_far + Money(max(line.amount_minor, 0), line.currency)
        return sums

    @property
    def entry_lines(self) -> tuple[Line, ...]:
        """Return the lines as an entry has them."""
        ordered = sorted(self.lines.all(), key=lambda line: line.position)
        return tuple(Line(account=line.account, amount=line.amount, item=line.item) for line in ordered)


class ManualJournalLine(models.Model):
    """One debit (positive) or credit (negative) of a manual journal: frozen once the journal is no draft."""

    journal = models.ForeignKey(ManualJournal, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    account = models.TextField()
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField(help_text="debit positive, credit negative")
    item = models.TextField(blank=True, help_text="the open item it belongs to")

    amount = MinorMoney("amount_minor")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["journal", "position"], name="manual_journal_line_unique_position"),
            models.CheckConstraint(name="manual_journal_line_not_zero", condition=~models.Q(amount_minor=0)),
        ]

    def __str__(self) -> str:
        return f"{self.journal_id}/{self.position}"


class ManualJournalAttachment(models.Model):
    """A file that shows why: kept in the database beside what it proves. Append-only, and complete with the draft."""

    journal = models.ForeignKey(ManualJournal, on_delete=models.PROTECT, related_name="attachments")
    name = models.TextField()
    content_type = models.TextField()
    size = models.PositiveIntegerField(help_text="in bytes")
    sha256 = models.CharField(max_length=64, help_text="of the content, in hexadecimal")
    content = models.BinaryField()
    added_by = models.TextField()
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            # The same file twice on one journal is one file.
            models.UniqueConstraint(fields=["journal", "sha256"], name="manual_journal_attachment_once"),
        ]

    def __str__(self) -> str:
        return self.name
