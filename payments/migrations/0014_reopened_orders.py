"""An order whose buyer's bank was not satisfied is open again."""

from django.db import migrations

from operations import database

# The moves stand here literally: a migration does not change when a table does.
MOVES = [
    ("AUTHORIZED", "CANCELED"),
    ("AUTHORIZED", "EXPIRED"),
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
    ("IN_REVIEW", "CANCELED"),
    ("IN_REVIEW", "EXECUTING"),
    ("IN_REVIEW", "EXPIRED"),
    ("IN_REVIEW", "FAILED"),
    ("IN_REVIEW", "SUCCESS"),
    ("IN_REVIEW", "UNKNOWN"),
    ("NOT_STARTED", "CANCELED"),
    ("NOT_STARTED", "EXECUTING"),
    ("NOT_STARTED", "EXPIRED"),
    ("NOT_STARTED", "FAILED"),
    ("NOT_STARTED", "IN_REVIEW"),
    ("NOT_STARTED", "UNKNOWN"),
    ("REQUIRES_ACTION", "AUTHORIZED"),
    ("REQUIRES_ACTION", "CANCELED"),
    ("REQUIRES_ACTION", "EXECUTING"),
    ("REQUIRES_ACTION", "EXPIRED"),
    ("REQUIRES_ACTION", "FAILED"),
    ("REQUIRES_ACTION", "IN_REVIEW"),
    ("REQUIRES_ACTION", "SUCCESS"),
    ("REQUIRES_ACTION", "UNKNOWN"),
    ("UNKNOWN", "AUTHORIZED"),
    ("UNKNOWN", "CANCELED"),
    ("UNKNOWN", "EXECUTING"),
    ("UNKNOWN", "EXPIRED"),
    ("UNKNOWN", "FAILED"),
    ("UNKNOWN", "IN_REVIEW"),
    ("UNKNOWN", "REQUIRES_ACTION"),
    ("UNKNOWN", "SUCCESS"),
]
GUARD = database.transition_guard("payments_paymentorder", initial=["NOT_STARTED"], allowed=MOVES)[0]


class Migration(migrations.Migration):
    dependencies = [("payments", "0013_processing_since")]

    operations = [
        migrations.RunSQL(
            "DROP TRIGGER guard_payments_paymentorder_state ON payments_paymentorder;", migrations.RunSQL.noop
        ),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
    ]
