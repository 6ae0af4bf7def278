from django.db import models


class ApprovalState(models.TextChoices):
    REQUESTED = "requested", "waiting for a second person"
    GRANTED = "granted", "granted and carried out"
    REJECTED = "rejected", "rejected"
    WITHDRAWN = "withdrawn", "called off before anybody decided"


class Approval(models.Model):
    """A stored call that waits for a second person: the database itself refuses its maker as checker."""

    kind = models.TextField()
    subject = models.TextField(help_text="what is decided, as kind:id")
    payload = models.JSONField(default=dict, help_text="the call's arguments, frozen")
    reason = models.TextField()
    maker = models.TextField()
    checker = models.TextField(null=True, blank=True)  # noqa: DJ001 - nobody yet is not an empty name
    state = models.TextField(choices=ApprovalState.choices, default=ApprovalState.REQUESTED)
    note = models.TextField(blank=True)
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="approval_maker_is_not_checker",
                condition=models.Q(checker__isnull=True) | ~models.Q(checker=models.F("maker")),
            ),
            models.CheckConstraint(
                name="approval_granted_has_checker",
                condition=~models.Q(state="granted") | models.Q(checker__isnull=False),
            ),
            # One open request per subject and kind: a second click is the same request.
            models.UniqueConstraint(
                name="approval_one_open_per_subject",
                fields=["kind", "subject"],
                condition=models.Q(state="requested"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
