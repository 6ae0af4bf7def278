"""An attempt counts who may have sent it; one that surely nobody sent can be passed on to another provider."""

from django.db import migrations, models

from operations import database
from operations.lifecycle import StateField

# The moves stand here literally: a migration does not change when a table does.
MOVES = [
    ("abandoned", "succeeded"),
    ("authorized", "canceled"),
    ("authorized", "expired"),
    ("authorized", "succeeded"),
    ("canceled", "succeeded"),
    ("created", "abandoned"),
    ("created", "declined"),
    ("created", "not_sent"),
    ("created", "pending"),
    ("created", "unknown"),
    ("declined", "succeeded"),
    ("expired", "succeeded"),
    ("pending", "authorized"),
    ("pending", "canceled"),
    ("pending", "declined"),
    ("pending", "expired"),
    ("pending", "succeeded"),
    ("unknown", "abandoned"),
    ("unknown", "declined"),
    ("unknown", "pending"),
]
GUARD = database.transition_guard("payments_attempt", initial=["created"], allowed=MOVES)[0]
# Whoever sent what was sent before this is not known: one process at least.
COUNT = "UPDATE payments_attempt SET sends = 1 WHERE sent_at IS NOT NULL;"
STATES = [
    ("created", "stored, not yet sent"),
    ("unknown", "sent, no answer that can be believed"),
    ("pending", "registered; the buyer has the page"),
    ("authorized", "the amount is reserved, to be captured"),
    ("succeeded", "paid"),
    ("declined", "refused"),
    ("expired", "ran out of time at the provider"),
    ("canceled", "closed at the provider because we said so"),
    ("abandoned", "the provider never knew it"),
    ("not_sent", "never sent, and another provider asked instead"),
]
ENDED = ["succeeded", "authorized", "declined", "expired", "canceled", "not_sent"]


class Migration(migrations.Migration):
    dependencies = [("payments", "0014_reopened_orders")]

    operations = [
        migrations.RunSQL("DROP TRIGGER guard_payments_attempt_state ON payments_attempt;", migrations.RunSQL.noop),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="attempt",
            name="state",
            field=StateField(choices=STATES, default="created", max_length=40, protected=True),
        ),
        migrations.AddField(
            model_name="attempt",
            name="sends",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="how many processes may have sent it, or be at it"
            ),
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(condition=models.Q(state__in=ENDED), fields=["state_since"], name="attempt_ended"),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.CheckConstraint(
                name="attempt_sent_by_somebody",
                condition=models.Q(sends=0, sent_at__isnull=True) | models.Q(sends__gt=0, sent_at__isnull=False),
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.CheckConstraint(
                name="attempt_not_sent_by_anybody",
                condition=~models.Q(state="not_sent") | models.Q(psp_ref__isnull=True, sends=0),
            ),
        ),
    ]
