"""A dispute that was won and came back in parts may have a second round: what counts is that money is withdrawn."""

from django.db import migrations

from operations import database


class Migration(migrations.Migration):
    dependencies = [("payments", "0020_ignored_events")]

    operations = [
        migrations.RunSQL(
            database.functions("payments", "after_the_sale.sql", "guard_dispute_facts"), migrations.RunSQL.noop
        ),
    ]
