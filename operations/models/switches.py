from django.db import models


class StopSwitch(models.Model):
    """A brake that a person or a failed proof can pull: payouts, refunds, checkout."""

    name = models.TextField(primary_key=True)
    stopped = models.BooleanField(default=False)
    reason = models.TextField(blank=True)
    changed_by = models.TextField(blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "stop switches"

    def __str__(self) -> str:
        return self.name
