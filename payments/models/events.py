from functools import partial

from django.db import models

from operations.ids import new_id
from operations.lifecycle import StateField, StatefulModel, with_transitions
from payments.states import EVENT_DELIVERY, EventDeliveryState


class StorefrontEvent(models.Model):
    """A message to a storefront: written with the change that it tells of, delivered at least once after."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "evt"), editable=False)
    storefront = models.ForeignKey("operations.Storefront", on_delete=models.PROTECT, related_name="events")
    type = models.TextField()
    payload = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["storefront", "id"], name="event_by_storefront")]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class WebhookEndpoint(models.Model):
    """An address at which a storefront wants to be told. One that was deleted stays, for the log."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "whe"), editable=False)
    storefront = models.ForeignKey("operations.Storefront", on_delete=models.PROTECT, related_name="endpoints")
    url = models.TextField()
    description = models.TextField(blank=True)
    event_types = models.JSONField(default=list, help_text="the types that it wants; none named means all")
    enabled = models.BooleanField(default=True)
    disabled_reason = models.TextField(blank=True)
    failing_since = models.DateTimeField(null=True, blank=True, help_text="the first failure since the last success")
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["storefront", "id"], name="endpoint_by_storefront")]
        constraints = [
            models.CheckConstraint(
                name="endpoint_deleted_is_disabled",
                condition=models.Q(deleted_at__isnull=True) | models.Q(enabled=False),
            ),
            models.CheckConstraint(
                name="endpoint_disabled_says_why",
                condition=models.Q(enabled=True, disabled_reason="")
                | models.Q(models.Q(enabled=False), ~models.Q(disabled_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return self.url

    def wants(self, type: str) -> bool:
        """Tell whether it asked for events of this type."""
        return not self.event_types or type in self.event_types


class EndpointSecret(models.Model):
    """What messages to an endpoint are signed with. While one is rotated out, both sign."""

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="secrets")
    secret = models.TextField(help_text="whsec_ + base 64")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="from when on it signs no more")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint"],
                name="secret_one_current_per_endpoint",
                condition=models.Q(expires_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"secret {self.pk} of {self.endpoint_id}"


@with_transitions(EVENT_DELIVERY)
class EventDelivery(StatefulModel):
    """One event on its way to one endpoint. `round` counts how often somebody asked to have it sent."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "dlv"), editable=False)
    event = models.ForeignKey(StorefrontEvent, on_delete=models.PROTECT, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    state = StateField(choices=EventDeliveryState.choices, default=EventDeliveryState.WAITING)
    round = models.PositiveIntegerField(default=1)
    tries_left = models.PositiveIntegerField(help_text="of this round")
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "event deliveries"
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="delivery_unique_event_and_endpoint"),
            models.CheckConstraint(
                name="delivery_delivered_says_when",
                condition=~models.Q(state="delivered") | models.Q(delivered_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def job_key(self) -> str:
        """Return the key of the job that sends it: another one for each round."""
        return f"{self.id}:{self.round}"


class DeliveryTry(models.Model):
    """One try to deliver, and what the endpoint answered. Append-only."""

    delivery = models.ForeignKey(EventDelivery, on_delete=models.PROTECT, related_name="tries")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="of HTTP; none where no answer came")
    milliseconds = models.PositiveIntegerField()
    answer = models.TextField(blank=True, help_text="the beginning of the answer, or why there was none")

    class Meta:
        verbose_name_plural = "delivery tries"
        indexes = [models.Index(fields=["delivery", "id"], name="try_by_delivery")]

    def __str__(self) -> str:
        return f"{self.delivery_id} {self.status or self.answer}"
