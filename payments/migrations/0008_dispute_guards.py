"""What PostgreSQL itself refuses of refunds and disputes. The moves stand here literally."""

from django.db import migrations

from operations import database

MOVES = {
    "payments_refund": (
        ["requested"],
        [
            ("approved", "sending"),
            ("pending", "canceled"),
            ("pending", "failed"),
            ("pending", "succeeded"),
            ("requested", "approved"),
            ("requested", "canceled"),
            ("requested", "sending"),
            ("sending", "canceled"),
            ("sending", "failed"),
            ("sending", "pending"),
            ("sending", "sending"),
            ("sending", "succeeded"),
            ("sending", "unknown"),
            ("succeeded", "failed"),
            ("unknown", "canceled"),
            ("unknown", "failed"),
            ("unknown", "pending"),
            ("unknown", "sending"),
            ("unknown", "succeeded"),
        ],
    ),
    "payments_dispute": (
        ["recorded"],
        [
            ("appeal_needs_response", "appeal_under_review"),
            ("appeal_needs_response", "lost"),
            ("appeal_needs_response", "won"),
            ("appeal_under_review", "lost"),
            ("appeal_under_review", "won"),
            ("needs_response", "appeal_needs_response"),
            ("needs_response", "appeal_under_review"),
            ("needs_response", "lost"),
            ("needs_response", "under_review"),
            ("needs_response", "won"),
            ("recorded", "appeal_needs_response"),
            ("recorded", "appeal_under_review"),
            ("recorded", "lost"),
            ("recorded", "needs_response"),
            ("recorded", "prevented"),
            ("recorded", "under_review"),
            ("recorded", "warning_closed"),
            ("recorded", "warning_needs_response"),
            ("recorded", "warning_under_review"),
            ("recorded", "won"),
            ("under_review", "appeal_needs_response"),
            ("under_review", "appeal_under_review"),
            ("under_review", "lost"),
            ("under_review", "won"),
            ("warning_needs_response", "lost"),
            ("warning_needs_response", "needs_response"),
            ("warning_needs_response", "prevented"),
            ("warning_needs_response", "under_review"),
            ("warning_needs_response", "warning_closed"),
            ("warning_needs_response", "warning_under_review"),
            ("warning_needs_response", "won"),
            ("warning_under_review", "lost"),
            ("warning_under_review", "needs_response"),
            ("warning_under_review", "prevented"),
            ("warning_under_review", "under_review"),
            ("warning_under_review", "warning_closed"),
            ("warning_under_review", "won"),
            ("won", "appeal_needs_response"),
            ("won", "appeal_under_review"),
            ("won", "lost"),
            ("won", "needs_response"),
            ("won", "under_review"),
        ],
    ),
    "payments_disputeevidence": (
        ["requested"],
        [
            ("requested", "sending"),
            ("sending", "accepted"),
            ("sending", "refused"),
            ("sending", "sending"),
            ("sending", "unknown"),
            ("unknown", "accepted"),
            ("unknown", "refused"),
            ("unknown", "sending"),
        ],
    ),
}
# The guard of refunds is made anew: it has more moves.
DROP_REFUNDS = "DROP TRIGGER guard_payments_refund_state ON payments_refund;"


class Migration(migrations.Migration):
    dependencies = [("payments", "0007_disputes"), ("operations", "0002_guards")]
    operations = [
        migrations.RunSQL(DROP_REFUNDS, migrations.RunSQL.noop),
        *[
            migrations.RunSQL(database.transition_guard(table, initial=initial, allowed=allowed)[0])
            for table, (initial, allowed) in MOVES.items()
        ],
        migrations.RunSQL(database.append_only("payments_disputeshare")[0]),
        migrations.RunSQL(database.script("payments", "after_the_sale.sql")),
    ]
