from django.db import models


class IdempotencyKey(models.Model):
    """One client's promise that two requests are the same, and the answer that the first one got."""

    scope = models.TextField(help_text="the client, so that keys of two clients never meet")
    key = models.TextField()
    fingerprint = models.TextField(help_text="of method, path and body: the same key with another request is refused")
    subject = models.TextField(blank=True, help_text="what the first request made")
    response_status = models.PositiveSmallIntegerField(null=True, blank=True)
    response_body = models.JSONField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="on the database's clock")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="idempotency_unique_scope_key")]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
