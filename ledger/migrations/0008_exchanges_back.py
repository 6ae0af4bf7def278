"""Exchanges back, as of a refund, and the fees that exchanges kept back, as on a statement."""

from django.db import migrations

from operations import database

GUARDS = ("ledger_require_exchange", "guard_lines")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0007_lock_balances")]
    operations = [
        migrations.RunSQL(database.functions("ledger", "guards.sql", *GUARDS), migrations.RunSQL.noop),
        migrations.RunSQL(database.functions("ledger", "exchanges.sql", "guard_exchange"), migrations.RunSQL.noop),
        migrations.RunSQL(database.script("ledger", "views.sql"), migrations.RunSQL.noop),
    ]
