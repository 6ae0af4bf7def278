"""What PostgreSQL itself refuses. The moves stand here literally: a migration does not change when a table does."""

from django.db import migrations

from operations import database

MOVES = {
    "operations_job": (
        ["todo"],
        [
            ("dead", "todo"),
            ("doing", "dead"),
            ("doing", "done"),
            ("doing", "todo"),
            ("todo", "doing"),
            ("todo", "done"),
        ],
    ),
    "operations_approval": (
        ["requested"],
        [
            ("requested", "granted"),
            ("requested", "rejected"),
        ],
    ),
}
APPEND_ONLY = ["operations_auditentry", "operations_statechange"]


class Migration(migrations.Migration):
    dependencies = [("operations", "0001_initial")]
    operations = [
        migrations.RunSQL(database.script("operations", "guards.sql"), migrations.RunSQL.noop),
        *[
            migrations.RunSQL(*database.transition_guard(table, initial=initial, allowed=allowed))
            for table, (initial, allowed) in MOVES.items()
        ],
        *[migrations.RunSQL(*database.append_only(table)) for table in APPEND_ONLY],
    ]
