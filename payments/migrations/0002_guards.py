"""What PostgreSQL itself refuses. The moves stand here literally: a migration does not change when a table does."""

from django.db import migrations

from operations import database

MOVES = {
    "payments_paymentorder": (
        ["NOT_STARTED"],
        [
            ("AUTHORIZED", "CANCELED"),
            ("AUTHORIZED", "FAILED"),
            ("AUTHORIZED", "SUCCESS"),
            ("CANCELED", "SUCCESS"),
            ("EXECUTING", "AUTHORIZED"),
            ("EXECUTING", "CANCELED"),
            ("EXECUTING", "EXPIRED"),
            ("EXECUTING", "FAILED"),
            ("EXECUTING", "IN_REVIEW"),
            ("EXECUTING", "REQUIRES_ACTION"),
            ("EXECUTING", "SUCCESS"),
            ("EXECUTING", "UNKNOWN"),
            ("EXPIRED", "SUCCESS"),
            ("FAILED", "SUCCESS"),
            ("IN_REVIEW", "AUTHORIZED"),
            ("IN_REVIEW", "EXPIRED"),
            ("IN_REVIEW", "FAILED"),
            ("IN_REVIEW", "SUCCESS"),
            ("IN_REVIEW", "UNKNOWN"),
            ("NOT_STARTED", "CANCELED"),
            ("NOT_STARTED", "EXECUTING"),
            ("NOT_STARTED", "EXPIRED"),
            ("NOT_STARTED", "FAILED"),
            ("NOT_STARTED", "UNKNOWN"),
            ("REQUIRES_ACTION", "AUTHORIZED"),
            ("REQUIRES_ACTION", "EXPIRED"),
            ("REQUIRES_ACTION", "FAILED"),
            ("REQUIRES_ACTION", "IN_REVIEW"),
            ("REQUIRES_ACTION", "SUCCESS"),
            ("REQUIRES_ACTION", "UNKNOWN"),
            ("UNKNOWN", "AUTHORIZED"),
            ("UNKNOWN", "EXECUTING"),
            ("UNKNOWN", "EXPIRED"),
            ("UNKNOWN", "FAILED"),
            ("UNKNOWN", "IN_REVIEW"),
            ("UNKNOWN", "REQUIRES_ACTION"),
            ("UNKNOWN", "SUCCESS"),
        ],
    ),
    "payments_attempt": (
        ["created"],
        [
            ("created", "abandoned"),
            ("created", "declined"),
            ("created", "pending"),
            ("created", "unknown"),
            ("declined", "succeeded"),
            ("expired", "succeeded"),
            ("pending", "declined"),
            ("pending", "expired"),
            ("pending", "succeeded"),
            ("unknown", "abandoned"),
            ("unknown", "declined"),
            ("unknown", "pending"),
        ],
    ),
    "payments_refund": (
        ["requested"],
        [
            ("pending", "canceled"),
            ("pending", "failed"),
            ("pending", "succeeded"),
            ("requested", "canceled"),
            ("requested", "sending"),
            ("sending", "failed"),
            ("sending", "pending"),
            ("sending", "sending"),
            ("sending", "succeeded"),
            ("sending", "unknown"),
            ("unknown", "failed"),
            ("unknown", "pending"),
            ("unknown", "sending"),
            ("unknown", "succeeded"),
        ],
    ),
}
APPEND_ONLY = []


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial"), ("operations", "0002_guards")]
    operations = [
        migrations.RunSQL(database.script("payments", "guards.sql"), migrations.RunSQL.noop),
        *[
            migrations.RunSQL(*database.transition_guard(table, initial=initial, allowed=allowed))
            for table, (initial, allowed) in MOVES.items()
        ],
        *[migrations.RunSQL(*database.append_only(table)) for table in APPEND_ONLY],
    ]
