"""What PostgreSQL itself refuses. The moves stand here literally: a migration does not change when a table does."""

from django.db import migrations

from operations import database

MOVES = {
    "reconciliation_statement": (
        ["parsed"],
        [
            ("matched", "closed"),
            ("matched", "superseded"),
            ("parsed", "matched"),
            ("parsed", "superseded"),
        ],
    ),
    "reconciliation_discrepancy": (
        ["open"],
        [
            ("assigned", "assigned"),
            ("assigned", "resolved"),
            ("assigned", "written_off"),
            ("open", "assigned"),
            ("open", "resolved"),
            ("open", "written_off"),
        ],
    ),
}
APPEND_ONLY = ["reconciliation_statementline"]


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0001_initial"), ("ledger", "0002_guards")]
    operations = [
        migrations.RunSQL(database.script("reconciliation", "views.sql"), migrations.RunSQL.noop),
        *[
            migrations.RunSQL(*database.transition_guard(table, initial=initial, allowed=allowed))
            for table, (initial, allowed) in MOVES.items()
        ],
        *[migrations.RunSQL(*database.append_only(table)) for table in APPEND_ONLY],
    ]
