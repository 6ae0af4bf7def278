from django.db import models

from ledger.money import MinorMoney
from operations.lifecycle import StateField, StatefulModel, with_transitions
from reconciliation.states import DISCREPANCY, DiscrepancyClass, DiscrepancyKind, DiscrepancyState


@with_transitions(DISCREPANCY)
class Discrepancy(StatefulModel):
    """Something in which the books and the outside world disagree, until somebody has settled it."""

    kind = models.TextField(choices=DiscrepancyKind.choices)
    klass = models.TextField("class", choices=DiscrepancyClass.choices)
    reference = models.TextField(help_text="the provider's object")
    subject = models.TextField(blank=True, help_text="what of ours it is about, where that is known")
    line = models.ForeignKey(
        "reconciliation.StatementLine", on_delete=models.PROTECT, null=True, related_name="discrepancies"
    )
    currency = models.CharField(max_length=3)
    expected_minor = models.BigIntegerField(help_text="what the books say")
    found_minor = models.BigIntegerField(help_text="what the statement says")
    state = StateField(choices=DiscrepancyState.choices, default=DiscrepancyState.OPEN)
    owner = models.TextField(blank=True)
    note = models.TextField(blank=True)
    opened_at = models.DateTimeField()

    expected = MinorMoney("expected_minor")
    found = MinorMoney("found_minor")

    class Meta:
        verbose_name_plural = "discrepancies"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "reference"],
                name="discrepancy_one_open",
                condition=models.Q(state__in=["open", "assigned"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reference}"

    @property
    def at_risk_minor(self) -> int:
        """Return the money at risk, in minor units."""
        return abs(self.expected_minor - self.found_minor)
