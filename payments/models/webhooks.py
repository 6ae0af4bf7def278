from django.db import models


class WebhookState(models.TextChoices):
    RECEIVED = "received", "kept, to be acted on"
    PARKED = "parked", "kept; what it is about is not known here yet, so it is tried again"
    HANDLED = "handled", "acted on"
    IGNORED = "ignored", "of a kind that nothing here depends on"


class WebhookSource(models.TextChoices):
    WEBHOOK = "webhook", "the provider sent it"
    LISTING = "listing", "its webhook was lost; it was found in the provider's list of events"


class WebhookEvent(models.Model):
    """The inbox: what the provider told us, verified, raw, once per event id."""

    psp = models.TextField()
    event_id = models.TextField()
    type = models.TextField()
    object_id = models.TextField(blank=True)
    account = models.TextField(blank=True, help_text="the seller's account that it is about, if it is about one")
    payment_ref = models.TextField(blank=True, default="", help_text="the payment that its object names, if any")
    payload = models.TextField(help_text="the body as it came")
    state = models.TextField(choices=WebhookState.choices, default=WebhookState.RECEIVED)
    source = models.TextField(choices=WebhookSource.choices, default=WebhookSource.WEBHOOK)
    waiting_for = models.TextField(blank=True, default="", help_text="why it is parked")
    created_at = models.DateTimeField(null=True, blank=True, help_text="when it happened, by the provider's clock")
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["psp", "event_id"], name="webhook_unique_event")]
        indexes = [
            models.Index(fields=["object_id"], name="webhook_by_object"),
            models.Index(fields=["received_at"], name="webhook_ignored", condition=models.Q(state="ignored")),
            # About objects of which there may be no row here: a refund made at the provider, a review, a dispute.
            models.Index(fields=["payment_ref"], name="webhook_by_payment", condition=~models.Q(payment_ref="")),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class EventListing(models.Model):
    """One comparison of the inbox with the provider's own list of events."""

    psp = models.TextField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    listed = models.PositiveIntegerField(help_text="events on which something here depends")
    missing = models.PositiveIntegerField(help_text="of them, those whose webhook never came")
    actor = models.TextField()
    ran_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["psp", "-until"], name="listing_latest")]

    def __str__(self) -> str:
        return f"{self.psp} {self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M}"
