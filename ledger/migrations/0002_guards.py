"""The partitioned lines, the posting function, seals, balances, and what PostgreSQL itself refuses."""

from django.db import migrations

from operations import database

SCRIPTS = [
    "accounts.sql",
    "tables.sql",
    "partitions.sql",
    "posting.sql",
    "guards.sql",
    "seals.sql",
    "balances.sql",
    "periods.sql",
    "views.sql",
]
APPEND_ONLY = [
    "ledger_journalentry",
    "ledger_journalline",
    "ledger_closedday",
    "ledger_seal",
    "ledger_proof",
]


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial"), ("operations", "0002_guards")]
    operations = [
        *[migrations.RunSQL(database.script("ledger", name), migrations.RunSQL.noop) for name in SCRIPTS],
        *[migrations.RunSQL(*database.append_only(table)) for table in APPEND_ONLY],
        migrations.RunSQL(
            "SELECT ledger_guard_partition('ledger_journalline_default');"
            "SELECT ledger_make_partitions(current_date, (current_date + interval '3 months')::date);",
            migrations.RunSQL.noop,
        ),
    ]
