from functools import partial

from django.db import models

from ledger.money import MinorMoney, Money
from operations.ids import new_id
from operations.lifecycle import StateField, StatefulModel, with_transitions
from payments.states import DISPUTE, EVIDENCE, DisputeState, EvidenceState


class Bearer(models.TextChoices):
    """Who bears a dispute that is lost."""

    SELLER = "seller", "the seller"
    PLATFORM = "platform", "we"


@with_transitions(DISPUTE)
class Dispute(StatefulModel):
    """A buyer's bank takes a payment back until it is decided who is right, or asks before it does."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "dsp"), editable=False)
    checkout = models.ForeignKey("payments.Checkout", on_delete=models.PROTECT, related_name="disputes")
    psp = models.TextField()
    psp_ref = models.TextField(unique=True, help_text="the provider's dispute")
    charge_ref = models.TextField(help_text="the provider's charge")
    amount_minor = models.BigIntegerField(help_text="what is disputed; may be more than was paid")
    currency = models.CharField(max_length=3)
    reason = models.TextField(blank=True, help_text="the bank's, in the provider's words")
    state = StateField(choices=DisputeState.choices, default=DisputeState.RECORDED)
    state_since = models.DateTimeField()
    withdrawals = models.PositiveSmallIntegerField(default=0, help_text="how often the provider withdrew the money")
    reinstatements = models.PositiveSmallIntegerField(default=0, help_text="how often it gave it back")
    withdrawn_minor = models.BigIntegerField(default=0, help_text="withdrawn and not given back by now")
    fee_minor = models.BigIntegerField(default=0, help_text="the provider's fees for it so far")
    fee_currency = models.CharField(
        max_length=3, blank=True, default="", db_default="", help_text="the fees'; nothing means the dispute's own"
    )
    fee_borne_by = models.TextField(choices=Bearer.choices, default=Bearer.PLATFORM, help_text="as of the opening")
    evidence_due_by = models.DateTimeField(null=True, blank=True)
    warned_at = models.DateTimeField(null=True, blank=True, help_text="when the deadline was warned of")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    amount = MinorMoney("amount_minor")
    withdrawn = MinorMoney("withdrawn_minor")

    class Meta:
        constraints = [
            models.CheckConstraint(name="dispute_amount_positive", condition=models.Q(amount_minor__gt=0)),
            # What was lost may come back in parts; what was never withdrawn does not.
            models.CheckConstraint(
                name="dispute_counts_agree",
                condition=models.Q(reinstatements=0) | models.Q(withdrawals__gt=0),
            ),
            models.CheckConstraint(name="dispute_withdrawn_not_negative", condition=models.Q(withdrawn_minor__gte=0)),
        ]
        indexes = [
            models.Index(fields=["charge_ref"], name="dispute_by_charge"),
            models.Index(fields=["state"], name="dispute_by_state"),
        ]

    def __str__(self) -> str:
        return self.psp_ref

    @property
    def fee(self) -> Money:
        """Return the provider's fees so far, in the currency in which it settles."""
        return Money(self.fee_minor, self.fee_currency or self.currency)


class DisputeShare(models.Model):
    """What of a dispute one seller's order has at stake, and who bears it if it is lost: frozen when it opened."""

    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="shares")
    order = models.ForeignKey("payments.PaymentOrder", on_delete=models.PROTECT, related_name="dispute_shares")
    borne_by = models.TextField(choices=Bearer.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    amount = MinorMoney("amount_minor")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dispute", "order"], name="share_one_per_order"),
            models.CheckConstraint(name="share_not_negative", condition=models.Q(amount_minor__gte=0)),
            models.CheckConstraint(
                name="share_borne_by_somebody", condition=models.Q(borne_by__in=["seller", "platform"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dispute_id}: {self.order_id}"


@with_transitions(EVIDENCE)
class DisputeEvidence(StatefulModel):
    """What was handed in for a dispute, with its request frozen before it was sent."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "evi"), editable=False)
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="evidence")
    psp_key = models.TextField(unique=True, help_text="our idempotency key at the provider")
    params = models.JSONField(help_text="the request, frozen")
    final = models.BooleanField(help_text="handed to the bank at once, after which nothing can be added")
    state = StateField(choices=EvidenceState.choices, default=EvidenceState.REQUESTED)
    last_error = models.TextField(blank=True)
    submitted_by = models.TextField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "dispute evidence"
        constraints = [
            # What is under way is known before more is handed in: the last word must not overtake the first.
            models.UniqueConstraint(
                fields=["dispute"],
                name="evidence_one_under_way",
                condition=models.Q(state__in=["requested", "sending", "unknown"]),
            ),
        ]

    def __str__(self) -> str:
        return self.id
