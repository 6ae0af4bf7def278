"""A day that has not begun is not closed, whoever asks."""

from django.db import migrations

from operations import database

# New databases have it from 0002 already.
FORWARD = f"""
{database.functions("ledger", "periods.sql", "guard_closed_day")}
CREATE OR REPLACE TRIGGER guard_closed_day BEFORE INSERT ON ledger_closedday
    FOR EACH ROW EXECUTE FUNCTION guard_closed_day();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0012_payments_that_came_back")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
