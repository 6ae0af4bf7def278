"""A payment of a payout is not reversed while what came back of it stands."""

from django.db import migrations

from operations import database


class Migration(migrations.Migration):
    dependencies = [("ledger", "0011_batches_as_one_by_one")]
    operations = [
        migrations.RunSQL(
            database.functions("ledger", "guards.sql", "ledger_require_paid", "guard_lines"), migrations.RunSQL.noop
        ),
    ]
