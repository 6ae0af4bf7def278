from django.db import models

from ledger.money import MinorMoney
from operations.lifecycle import StateField, StatefulModel, with_transitions
from reconciliation.states import STATEMENT, DispositionKind, StatementState


@with_transitions(STATEMENT)
class Statement(StatefulModel):
    """What the outside world says happened in an interval. Its identity is its content's checksum."""

    psp = models.TextField()
    format = models.TextField()
    sha256 = models.TextField(unique=True)
    interval_start = models.DateTimeField()
    interval_end = models.DateTimeField(help_text="exclusive")
    state = StateField(choices=StatementState.choices, default=StatementState.PARSED)
    line_count = models.PositiveIntegerField()
    control_totals = models.JSONField(help_text="currency -> sum of net in minor units, from the file")
    imported_by = models.TextField()
    imported_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["psp", "interval_end"], name="statement_by_interval")]

    def __str__(self) -> str:
        return f"{self.psp} {self.interval_start:%Y-%m-%d %H:%M} – {self.interval_end:%Y-%m-%d %H:%M}"


class StatementLine(models.Model):
    """One movement on the provider's side of our balance. Never changed."""

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="lines")
    line_no = models.PositiveIntegerField(help_text="in the file, the header being 1")
    transaction_ref = models.TextField()
    category = models.TextField()
    source_ref = models.TextField(help_text="the charge, refund, transfer or payout that moved the balance")
    currency = models.CharField(max_length=3)
    gross_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    net_minor = models.BigIntegerField()
    created_at = models.DateTimeField()
    available_on = models.DateTimeField()
    description = models.TextField(blank=True)

    gross = MinorMoney("gross_minor")
    fee = MinorMoney("fee_minor")
    net = MinorMoney("net_minor")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["statement", "line_no"], name="statement_line_unique"),
            models.CheckConstraint(
                name="statement_line_net_is_gross_less_fee",
                condition=models.Q(net_minor=models.F("gross_minor") - models.F("fee_minor")),
            ),
        ]
        indexes = [
            models.Index(fields=["source_ref"], name="statement_line_by_source"),
            models.Index(fields=["transaction_ref"], name="statement_line_by_transaction"),
        ]

    def __str__(self) -> str:
        return f"{self.statement_id}:{self.line_no} {self.transaction_ref}"


class Disposition(models.Model):
    """Where a statement line ended. A line has exactly one that is current; an earlier one is kept beside it."""

    line = models.ForeignKey(StatementLine, on_delete=models.PROTECT, related_name="dispositions")
    kind = models.TextField(choices=DispositionKind.choices)
    rule = models.TextField(help_text="the rule that decided")
    current = models.BooleanField(default=True)
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line"], name="disposition_one_current", condition=models.Q(current=True))
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.rule}"
