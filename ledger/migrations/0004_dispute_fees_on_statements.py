"""The fee of a dispute is a fee to whoever compares the books with a statement."""

from django.db import migrations

from operations import database


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_manual_journals")]
    operations = [migrations.RunSQL(database.script("ledger", "views.sql"), migrations.RunSQL.noop)]
