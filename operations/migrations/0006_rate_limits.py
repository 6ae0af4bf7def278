"""Buckets of the API's rate limits: no model, because no row of the business depends on them."""

from django.db import migrations

FORWARD = """
CREATE UNLOGGED TABLE operations_ratebucket (
    client text NOT NULL,
    kind text NOT NULL,
    millitokens bigint NOT NULL CHECK (millitokens >= 0),
    refused boolean NOT NULL,
    filled_at timestamptz NOT NULL,
    PRIMARY KEY (client, kind)
) WITH (fillfactor = 50);
"""


class Migration(migrations.Migration):
    dependencies = [("operations", "0005_human_tasks")]
    operations = [migrations.RunSQL(FORWARD, "DROP TABLE operations_ratebucket;")]
