from django.db import models


class AuditEntry(models.Model):
    """Who did what to which object, with the facts known at that moment. Append-only."""

    action = models.TextField(help_text="dotted, in the past tense: payouts.batch.approved")
    actor = models.TextField()
    subject = models.TextField(help_text="kind:id")
    facts = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["subject", "at"], name="audit_by_subject")]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class StateChange(models.Model):
    """One move of one state machine. Append-only."""

    machine = models.TextField()
    subject_id = models.TextField()
    event = models.TextField()
    from_state = models.TextField()
    to_state = models.TextField()
    actor = models.TextField()
    reason = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["machine", "subject_id", "id"], name="state_change_by_subject")]

    def __str__(self) -> str:
        return f"{self.machine} {self.from_state} → {self.to_state}"
