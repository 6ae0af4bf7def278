"""PostgreSQL knows by itself which codes are in the chart, and of which type each is."""

from django.db import migrations

from operations import database


class Migration(migrations.Migration):
    dependencies = [("ledger", "0009_barrier_notes_its_day")]
    operations = [
        migrations.RunSQL(database.functions("ledger", "accounts.sql", "ledger_type_of"), migrations.RunSQL.noop),
        migrations.RunSQL(
            "ALTER TABLE ledger_account DROP CONSTRAINT IF EXISTS account_type_by_code,"
            " ADD CONSTRAINT account_type_by_code CHECK (type IS NOT DISTINCT FROM ledger_type_of(code))",
            migrations.RunSQL.noop,
        ),
    ]
