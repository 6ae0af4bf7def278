from django.db import models


class RiskDecision(models.TextChoices):
    ACCEPT = "accept", "may be executed"
    REJECT = "reject", "must not be executed"
    REVIEW = "review", "a person decides"


class RiskVerdict(models.Model):
    """What a risk check, or a person after it, said of a payment before it was executed. Append-only."""

    checkout = models.ForeignKey("payments.Checkout", on_delete=models.PROTECT, related_name="risk_verdicts")
    cart = models.PositiveSmallIntegerField(help_text="which version of the cart was looked at")
    check_kind = models.TextField(help_text="the check that was asked, or `person`")
    decision = models.TextField(choices=RiskDecision.choices)
    rule = models.TextField(blank=True, help_text="the rule that decided")
    reason = models.TextField(blank=True)
    decided_by = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            # One machine's verdict and at most one person's: a repetition is the same question.
            models.UniqueConstraint(
                fields=["checkout", "cart", "check_kind"], name="risk_one_verdict_per_cart_and_check"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision} {self.checkout_id}"
