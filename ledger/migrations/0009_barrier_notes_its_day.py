"""A barrier notes the first open day itself: what is posted after it is found, even in a day closed before the seal."""

from django.db import migrations

from operations import database


class Migration(migrations.Migration):
    dependencies = [("ledger", "0008_exchanges_back")]
    operations = [
        # Of a database that was made before. The day of a barrier that stands there is the first of all: it holds.
        migrations.RunSQL(
            "ALTER TABLE ledger_barrier ADD COLUMN IF NOT EXISTS date_floor date NOT NULL DEFAULT '0001-01-01';"
            "ALTER TABLE ledger_barrier ALTER COLUMN date_floor DROP DEFAULT",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            database.functions("ledger", "seals.sql", "ledger_put_barrier", "ledger_seal"), migrations.RunSQL.noop
        ),
    ]
