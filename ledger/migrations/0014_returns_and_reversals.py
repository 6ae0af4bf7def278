"""A return, and a reversal of the payment that it returns, wait for each other."""

from django.db import migrations

from operations import database


class Migration(migrations.Migration):
    dependencies = [("ledger", "0013_days_to_come")]
    operations = [
        migrations.RunSQL(database.functions("ledger", "guards.sql", "ledger_require_paid"), migrations.RunSQL.noop),
    ]
