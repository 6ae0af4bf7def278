"""Locking a wallet sees the accounts that were opened while it waited."""

from django.db import migrations

from operations import database


class Migration(migrations.Migration):
    dependencies = [("ledger", "0006_clearing_items")]
    operations = [migrations.RunSQL(database.script("ledger", "locks.sql"), migrations.RunSQL.noop)]
