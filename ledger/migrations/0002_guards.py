"""What PostgreSQL itself refuses. The moves stand here literally: a migration does not change when a table does."""

from django.db import migrations

from operations import database

APPEND_ONLY = ["ledger_journalentry", "ledger_journalline", "ledger_closedday", "ledger_proof"]


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial"), ("operations", "0002_guards")]
    operations = [
        migrations.RunSQL(database.script("ledger", "guards.sql"), migrations.RunSQL.noop),
        migrations.RunSQL(database.script("ledger", "posting.sql"), migrations.RunSQL.noop),
        migrations.RunSQL(database.script("ledger", "views.sql"), migrations.RunSQL.noop),
        *[migrations.RunSQL(*database.append_only(table)) for table in APPEND_ONLY],
    ]
