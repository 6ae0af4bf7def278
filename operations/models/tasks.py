from django.db import models


class TaskState(models.TextChoices):
    OPEN = "open", "waits for a person"
    DONE = "done", "a person dealt with it"
    SETTLED = "settled", "it resolved itself"


class HumanTask(models.Model):
    """A question that only a person can answer: nothing waits for ever, and nothing waits unseen."""

    kind = models.TextField()
    subject = models.TextField(help_text="what it is about, as kind:id")
    #: Tells several questions of a kind about one subject apart: of one checkout two refunds may be unclear.
    item = models.TextField(blank=True, default="", db_default="")
    waits_for = models.TextField(help_text="who should look: operator, finance")
    reason = models.TextField()
    since = models.DateTimeField()
    state = models.TextField(choices=TaskState.choices, default=TaskState.OPEN)
    closed_by = models.TextField(blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject", "item"], name="task_one_open_per_item", condition=models.Q(state="open")
            ),
            models.CheckConstraint(
                name="task_closed_by_somebody",
                condition=models.Q(state="open", closed_at__isnull=True, closed_by="")
                | (~models.Q(state="open") & models.Q(closed_at__isnull=False) & ~models.Q(closed_by="")),
            ),
        ]
        indexes = [models.Index(fields=["subject"], name="task_by_subject")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
