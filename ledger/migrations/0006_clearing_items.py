"""Fees that were reversed are none on a statement; and what moved on a clearing account is found by its days."""

from django.db import migrations

from operations import database


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_exchanges")]
    operations = [migrations.RunSQL(database.script("ledger", "views.sql"), migrations.RunSQL.noop)]
