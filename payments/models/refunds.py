from functools import partial

from django.db import models

from ledger.money import MinorMoney
from operations.ids import new_id
from operations.lifecycle import StateField, StatefulModel, with_transitions
from payments.states import REFUND, RefundState


@with_transitions(REFUND)
class Refund(StatefulModel):
    """Money back to the buyer of one payment order, in the currency that was charged."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "rfd"), editable=False)
    order = models.ForeignKey("payments.PaymentOrder", on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.TextField(blank=True)
    psp_key = models.TextField(unique=True, help_text="our idempotency key at the provider")
    params = models.JSONField(help_text="the request, frozen")
    state = StateField(choices=RefundState.choices, default=RefundState.REQUESTED)
    state_since = models.DateTimeField()
    psp_ref = models.TextField(null=True, unique=True)  # noqa: DJ001 - unique, so none must be NULL
    last_error = models.TextField(blank=True)
    requested_by = models.TextField()
    needs_approval = models.BooleanField(default=False, help_text="above the limit when it was requested")
    approved_by = models.TextField(null=True, blank=True)  # noqa: DJ001 - nobody yet is not an empty name
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    amount = MinorMoney("amount_minor")

    class Meta:
        constraints = [
            models.CheckConstraint(name="refund_amount_positive", condition=models.Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="refund_maker_is_not_checker",
                condition=models.Q(approved_by__isnull=True) | ~models.Q(approved_by=models.F("requested_by")),
            ),
            # Above the limit nothing is sent before a second person agreed.
            models.CheckConstraint(
                name="refund_above_limit_is_approved",
                condition=models.Q(needs_approval=False)
                | models.Q(state__in=["requested", "canceled"])
                | models.Q(approved_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.psp_ref or self.id
