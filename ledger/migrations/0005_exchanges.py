"""The facts of currency exchanges, and returns of payouts that are held against what was paid."""

import django.db.models.deletion
from django.db import migrations, models

from operations import database

GUARDS = ("ledger_require_exchange", "ledger_require_paid", "guard_lines")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_dispute_fees_on_statements")]
    operations = [
        migrations.CreateModel(
            name="Exchange",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="exchange",
                        serialize=False,
                        to="ledger.journalentry",
                    ),
                ),
                ("presentment_minor", models.BigIntegerField(help_text="what was sold")),
                ("presentment_currency", models.CharField(max_length=3)),
                ("settlement_minor", models.BigIntegerField(help_text="what came for it")),
                ("settlement_currency", models.CharField(max_length=3)),
                (
                    "ledger_minor",
                    models.BigIntegerField(
                        help_text="in the settlement currency: what was sold, converted at the rate"
                    ),
                ),
                ("fee_minor", models.BigIntegerField(help_text="what the provider kept back")),
                ("fee_currency", models.CharField(max_length=3)),
                (
                    "exponent_shift",
                    models.SmallIntegerField(help_text="decimals of the settlement currency less the other's"),
                ),
                ("base", models.CharField(max_length=3)),
                ("quote", models.CharField(max_length=3)),
                ("rate_digits", models.BigIntegerField(help_text="1 base = digits / 10^scale quote")),
                ("rate_scale", models.SmallIntegerField()),
                ("said_at", models.DateTimeField()),
                ("source", models.TextField()),
            ],
        ),
        # The table's statements wait for the key's check: it must be made by then.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RunSQL(database.script("ledger", "exchanges.sql"), migrations.RunSQL.noop),
        migrations.RunSQL(*database.append_only("ledger_exchange")),
        # Databases that were made before have the older ones.
        migrations.RunSQL(database.script("ledger", "views.sql"), migrations.RunSQL.noop),
        migrations.RunSQL(database.functions("ledger", "guards.sql", *GUARDS), migrations.RunSQL.noop),
        *[
            migrations.RunSQL(database.view("ledger", "posting.sql", name), migrations.RunSQL.noop)
            for name in ("ledger_posting", "ledger_posting_batch")
        ],
        migrations.RunSQL(
            database.functions("ledger", "posting.sql", "ledger_post", "ledger_post_batch"), migrations.RunSQL.noop
        ),
    ]
