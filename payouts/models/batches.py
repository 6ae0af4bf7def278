from functools import partial

from django.db import models

from ledger.money import MinorMoney
from operations.ids import new_id
from operations.lifecycle import StateField, StatefulModel, with_transitions
from payouts.states import BATCH, PAYOUT, BatchState, PayoutState


@with_transitions(BATCH)
class Batch(StatefulModel):
    """A set of payouts that one person proposed and another decides."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "bat"), editable=False)
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField(default=0)
    payouts_count = models.PositiveIntegerField(default=0)
    state = StateField(choices=BatchState.choices, default=BatchState.PROPOSED)
    proposed_by = models.TextField()
    proposed_at = models.DateTimeField()
    decided_by = models.TextField(null=True, blank=True)  # noqa: DJ001 - nobody yet is not an empty name
    decided_at = models.DateTimeField(null=True, blank=True)

    total = MinorMoney("total_minor")

    class Meta:
        verbose_name = "payout batch"
        verbose_name_plural = "payout batches"
        constraints = [
            models.CheckConstraint(
                name="batch_maker_is_not_checker",
                condition=models.Q(decided_by__isnull=True) | ~models.Q(decided_by=models.F("proposed_by")),
            ),
            models.CheckConstraint(
                name="batch_decided_by_somebody",
                condition=models.Q(state="proposed") | models.Q(decided_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.id


@with_transitions(PAYOUT)
class Payout(StatefulModel):
    """What one seller gets in one batch."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "pay"), editable=False)
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="payouts")
    seller_id = models.CharField(max_length=40)
    seller_name = models.TextField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    destination = models.TextField(help_text="the seller's account at the provider")
    psp_key = models.TextField(unique=True, help_text="our idempotency key at the provider")
    params = models.JSONField(help_text="the request, frozen")
    state = StateField(choices=PayoutState.choices, default=PayoutState.DRAFT)
    psp_ref = models.TextField(null=True, unique=True)  # noqa: DJ001 - unique, so none must be NULL
    last_error = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)

    amount = MinorMoney("amount_minor")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "seller_id"], name="payout_one_per_seller_and_batch"),
            models.CheckConstraint(name="payout_amount_positive", condition=models.Q(amount_minor__gt=0)),
        ]
        indexes = [models.Index(fields=["seller_id"], name="payout_by_seller")]

    def __str__(self) -> str:
        return self.id


class PayoutItem(models.Model):
    """One movement of the seller's available money that a payout settles; the items sum to the payout.

    Each line of the available account is settled once: a failed payout's money comes back as a line of its own.
    """

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="items")
    line_id = models.BigIntegerField(unique=True, help_text="the journal line on the seller's available account")
    order_id = models.CharField(max_length=40, blank=True)
    recipe = models.TextField()
    amount_minor = models.BigIntegerField(help_text="positive for what the seller earned")
    currency = models.CharField(max_length=3)

    amount = MinorMoney("amount_minor")

    def __str__(self) -> str:
        return f"{self.recipe} {self.order_id}"
