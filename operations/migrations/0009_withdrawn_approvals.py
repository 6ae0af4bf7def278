"""A question for a second person can be withdrawn: what it was about was called off."""

from django.db import migrations, models

from operations import database

# The moves stand here literally: a migration does not change when a table does.
MOVES = [("requested", "granted"), ("requested", "rejected"), ("requested", "withdrawn")]
GUARD = database.transition_guard("operations_approval", initial=["requested"], allowed=MOVES)[0]


class Migration(migrations.Migration):
    dependencies = [("operations", "0008_task_items")]

    operations = [
        migrations.RunSQL(
            "DROP TRIGGER guard_operations_approval_state ON operations_approval;", migrations.RunSQL.noop
        ),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
        migrations.AlterField(
            "approval",
            "state",
            models.TextField(
                choices=[
                    ("requested", "waiting for a second person"),
                    ("granted", "granted and carried out"),
                    ("rejected", "rejected"),
                    ("withdrawn", "called off before anybody decided"),
                ],
                default="requested",
            ),
        ),
    ]
