from django.db import models


class WebhookState(models.TextChoices):
    RECEIVED = "received", "kept, to be acted on"
    HANDLED = "handled", "acted on"
    IGNORED = "ignored", "of a kind that nothing here depends on"


class WebhookEvent(models.Model):
    """The inbox: what the provider told us, verified, raw, once per event id."""

    psp = models.TextField()
    event_id = models.TextField()
    type = models.TextField()
    object_id = models.TextField(blank=True)
    account = models.TextField(blank=True, help_text="the seller's account that it is about, if it is about one")
    payload = models.TextField(help_text="the body as it came")
    state = models.TextField(choices=WebhookState.choices, default=WebhookState.RECEIVED)
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["psp", "event_id"], name="webhook_unique_event")]
        indexes = [models.Index(fields=["object_id"], name="webhook_by_object")]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
