from django.db import models


class CallOutcome(models.TextChoices):
    """What came of one call to a provider."""

    SUCCEEDED = "succeeded", "it answered, and this is what it said"
    DECLINED = "declined", "a definite no"
    UNKNOWN = "unknown", "no answer that can be believed"
    NOT_SENT = "not_sent", "it was not even asked, because it has not answered for a while"


class ProviderCall(models.Model):
    """One call to a provider, kept with what was recorded of it. Append-only.

    A process that died between the call and its record left no row here; the attempt, refund or instruction says that
    it was sent.
    """

    id = models.CharField(primary_key=True, max_length=40, editable=False)
    psp = models.TextField()
    op = models.TextField(help_text="what was asked, as in `refund.create`")
    about = models.TextField(blank=True, help_text="what it is for (kind:id)")
    key = models.TextField(blank=True, help_text="our idempotency key; none where nothing was to be changed")
    sent_at = models.DateTimeField()
    took_ms = models.PositiveIntegerField()
    outcome = models.TextField(choices=CallOutcome.choices)
    reason = models.TextField(blank=True, help_text="why it did not succeed")
    requests = models.PositiveSmallIntegerField(help_text="of how many HTTP requests it consisted")
    http_status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="the last answer's")
    request_id = models.TextField(blank=True, help_text="the provider's name for the request")
    object_id = models.TextField(blank=True, help_text="the provider's object")
    body = models.TextField(blank=True, help_text="the last answer, secrets and card numbers masked, cut to size")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="call_outcome_known",
                condition=models.Q(outcome__in=["succeeded", "declined", "unknown", "not_sent"]),
            ),
        ]
        indexes = [
            models.Index(fields=["about"], name="call_by_subject"),
            models.Index(fields=["-sent_at"], name="call_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.op} {self.id}"
