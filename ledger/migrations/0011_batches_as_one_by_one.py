"""A batch takes no entry without its lines, and resolves no hold before it is held."""

from django.db import migrations

from operations import database


class Migration(migrations.Migration):
    dependencies = [("ledger", "0010_account_types")]
    operations = [
        migrations.RunSQL(
            database.functions("ledger", "posting.sql", "ledger_move_holds", "ledger_post_batch"),
            migrations.RunSQL.noop,
        ),
    ]
