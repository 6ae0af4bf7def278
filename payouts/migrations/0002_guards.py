"""What PostgreSQL itself refuses. The moves stand here literally: a migration does not change when a table does."""

from django.db import migrations

from operations import database

MOVES = {
    "payouts_batch": (
        ["proposed"],
        [
            ("approved", "completed"),
            ("proposed", "approved"),
            ("proposed", "canceled"),
        ],
    ),
    "payouts_payout": (
        ["draft"],
        [
            ("approved", "canceled"),
            ("approved", "sending"),
            ("draft", "approved"),
            ("draft", "canceled"),
            ("paid", "returned"),
            ("sending", "failed"),
            ("sending", "sending"),
            ("sending", "sent"),
            ("sending", "unknown"),
            ("sent", "paid"),
            ("sent", "returned"),
            ("unknown", "failed"),
            ("unknown", "sending"),
            ("unknown", "sent"),
        ],
    ),
}
APPEND_ONLY = ["payouts_payoutitem"]


class Migration(migrations.Migration):
    dependencies = [("payouts", "0001_initial"), ("operations", "0002_guards")]
    operations = [
        migrations.RunSQL(database.script("payouts", "guards.sql"), migrations.RunSQL.noop),
        *[
            migrations.RunSQL(*database.transition_guard(table, initial=initial, allowed=allowed))
            for table, (initial, allowed) in MOVES.items()
        ],
        *[migrations.RunSQL(*database.append_only(table)) for table in APPEND_ONLY],
    ]
