"""No text of an entry holds the character that stands between them in its hash."""

from django.db import migrations

# New databases have it from 0002 already.
FORWARD = r"""
ALTER TABLE ledger_journalentry DROP CONSTRAINT IF EXISTS entry_texts_are_apart;
ALTER TABLE ledger_journalentry ADD CONSTRAINT entry_texts_are_apart
    CHECK (strpos(recipe || reference || subject || description || actor, E'\x1f') = 0);
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0014_returns_and_reversals")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
