from functools import partial

from django.db import models

from operations.ids import new_id


class StorefrontEvent(models.Model):
    """A message to a storefront: written with the change that it tells of, delivered at least once after."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "evt"), editable=False)
    storefront = models.ForeignKey("operations.Storefront", on_delete=models.PROTECT, related_name="events")
    type = models.TextField()
    payload = models.JSONField()
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)
    last_answer = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
