from django.db import models


class JobState(models.TextChoices):
    TODO = "todo", "waiting for its time"
    DOING = "doing", "claimed by a worker"
    DONE = "done", "done"
    DEAD = "dead", "parked as a dead letter"
    DISCARDED = "discarded", "a dead letter that a person gave up, with a reason"


class Job(models.Model):
    """A durable piece of work. This table is the queue; a broker message is only a hint that carries `id`."""

    kind = models.TextField()
    key = models.TextField(help_text="what makes two requests the same work")
    args = models.JSONField(default=dict)
    state = models.TextField(choices=JobState.choices, default=JobState.TODO)
    attempts = models.PositiveIntegerField(default=0, help_text="counted before each run")
    next_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True, help_text="on the database's clock")
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="job_unique_kind_key")]
        indexes = [
            # The sweeper's question: what is due, or was abandoned in the middle?
            models.Index(fields=["next_at"], name="job_due", condition=models.Q(state="todo")),
            models.Index(fields=["lease_until"], name="job_abandoned", condition=models.Q(state="doing")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
