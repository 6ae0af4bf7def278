"""A surplus may go back to the buyer by a dispute that is lost."""

from django.db import migrations

from operations import database

# The moves stand here literally: a migration does not change when a table does.
MOVES = [
    ("booked", "returned"),
    ("booked", "sending"),
    ("failed", "returned"),
    ("failed", "sending"),
    ("pending", "failed"),
    ("pending", "returned"),
    ("returned", "failed"),
    ("sending", "failed"),
    ("sending", "pending"),
    ("sending", "returned"),
    ("sending", "sending"),
    ("sending", "unknown"),
    ("unknown", "failed"),
    ("unknown", "pending"),
    ("unknown", "returned"),
    ("unknown", "sending"),
]
GUARD = database.transition_guard("payments_surplus", initial=["booked"], allowed=MOVES)[0]


class Migration(migrations.Migration):
    dependencies = [("payments", "0022_what_in_review_means")]

    operations = [
        migrations.RunSQL("DROP TRIGGER guard_payments_surplus_state ON payments_surplus;", migrations.RunSQL.noop),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
    ]
