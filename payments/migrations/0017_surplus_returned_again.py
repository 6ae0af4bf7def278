"""A surplus whose return failed may be given back by another one."""

from django.db import migrations

from operations import database


class Migration(migrations.Migration):
    dependencies = [("payments", "0016_fee_currencies")]

    operations = [
        migrations.RunSQL(
            database.functions("payments", "orders.sql", "guard_surplus_request"), migrations.RunSQL.noop
        ),
    ]
