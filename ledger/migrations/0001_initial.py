import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.TextField()),
                ("currency", models.CharField(max_length=3)),
                (
                    "type",
                    models.TextField(
                        choices=[
                            ("asset", "asset"),
                            ("liability", "liability"),
                            ("income", "income"),
                            ("expense", "expense"),
                            ("equity", "equity"),
                        ]
                    ),
                ),
                (
                    "guarded",
                    models.BooleanField(
                        help_text="its balance is stored, and the database refuses to let it go below zero"
                    ),
                ),
                ("held", models.BooleanField(help_text="each of its items is a hold, which resolves exactly once")),
                ("opened_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Seal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("entries", models.PositiveBigIntegerField(help_text="how many it covers itself")),
                ("txid", models.BigIntegerField(help_text="it covers what was written below this transaction number")),
                ("entry_floor", models.BigIntegerField(help_text="entries that it does not cover have a greater id")),
                ("line_floor", models.BigIntegerField(help_text="lines that it does not cover have a greater id")),
                (
                    "date_floor",
                    models.DateField(help_text="lines that it does not cover have this business date, or a later one"),
                ),
                ("previous_hash", models.BinaryField(help_text="the seal's before, 32 zero bytes at the beginning")),
                (
                    "hash",
                    models.BinaryField(help_text="SHA-256 of the previous hash and of those of its entries, by id"),
                ),
                ("sealed_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="JournalLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField(help_text="debit positive, credit negative")),
                ("item", models.TextField(blank=True, help_text="the open item it belongs to")),
                (
                    "balance_after_minor",
                    models.BigIntegerField(help_text="of a guarded account, on its normal side", null=True),
                ),
                ("business_date", models.DateField(help_text="its entry's")),
                ("value_date", models.DateField(help_text="its entry's")),
                ("recorded_at", models.DateTimeField(help_text="its entry's")),
                ("txid", models.BigIntegerField(help_text="its entry's")),
            ],
            options={
                "db_table": "ledger_journalline",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="checkpoints",
                        db_index=False,
                        to="ledger.account",
                    ),
                ),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id", "day", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField(help_text="one on which a line was booked, or had its value")),
                ("debit_minor", models.BigIntegerField(help_text="by business date, debits positive")),
                ("value_debit_minor", models.BigIntegerField(help_text="by value date, debits positive")),
            ],
        ),
        migrations.CreateModel(
            name="ClosedDay",
            fields=[
                ("business_date", models.DateField(primary_key=True, serialize=False)),
                ("closed_by", models.TextField()),
                ("closed_at", models.DateTimeField()),
                (
                    "entries",
                    models.PositiveBigIntegerField(help_text="journal entries of the days that were closed with it"),
                ),
                (
                    "digest",
                    models.TextField(help_text="SHA-256 over those entries, after the digest before"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holds",
                        db_index=False,
                        to="ledger.account",
                    ),
                ),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id", "item", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("item", models.TextField()),
                ("held_minor", models.BigIntegerField(help_text="what is left of it, on the account's normal side")),
            ],
        ),
        migrations.CreateModel(
            name="JournalEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("recipe", models.TextField()),
                ("reference", models.TextField(help_text="the provider's object id, or our own")),
                ("subject", models.TextField(blank=True, help_text="what it is about, as kind:id")),
                ("description", models.TextField(blank=True)),
                ("actor", models.TextField()),
                ("business_date", models.DateField(help_text="the open day it was booked into")),
                ("value_date", models.DateField(help_text="the day the money moved in the outside world")),
                ("line_count", models.SmallIntegerField(help_text="fixed when the entry is written")),
                ("digest", models.BinaryField(help_text="of its lines, to tell a repetition from a contradiction")),
                ("recorded_at", models.DateTimeField()),
                ("txid", models.BigIntegerField(help_text="the number of the transaction that wrote it")),
            ],
            options={
                "verbose_name_plural": "journal entries",
            },
        ),
        migrations.CreateModel(
            name="Proof",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("green", models.BooleanField()),
                ("findings", models.JSONField(default=list)),
                ("entries", models.PositiveBigIntegerField()),
                (
                    "full",
                    models.BooleanField(default=True, help_text="proved from the first entry, not only what was new"),
                ),
                ("ran_at", models.DateTimeField()),
                ("duration_ms", models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Balance",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        serialize=False,
                        to="ledger.account",
                    ),
                ),
                ("code", models.TextField(help_text="its account's")),
                ("currency", models.CharField(help_text="its account's", max_length=3)),
                ("sign", models.SmallIntegerField(help_text="what a debit of one does to it: 1 or -1")),
                ("balance_minor", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.UniqueConstraint(fields=("code", "currency"), name="account_unique_code_currency"),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.UniqueConstraint(fields=("id", "currency"), name="account_unique_id_currency"),
        ),
        migrations.AddIndex(
            model_name="journalentry",
            index=models.Index(
                condition=models.Q(("subject", ""), _negated=True), fields=["subject"], name="entry_by_subject"
            ),
        ),
        migrations.AddIndex(
            model_name="journalentry",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["business_date"], name="entry_by_business_date", pages_per_range=16
            ),
        ),
        migrations.AddConstraint(
            model_name="journalentry",
            constraint=models.UniqueConstraint(fields=("recipe", "reference"), name="entry_unique_recipe_reference"),
        ),
        migrations.AddConstraint(
            model_name="seal",
            constraint=models.UniqueConstraint(fields=("previous_hash",), name="seal_chain_does_not_fork"),
        ),
        migrations.AddField(
            model_name="proof",
            name="seal",
            field=models.ForeignKey(
                help_text="up to which the journal was proved",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="ledger.seal",
            ),
        ),
        migrations.AddConstraint(
            model_name="balance",
            constraint=models.CheckConstraint(
                condition=models.Q(("balance_minor__gte", 0)), name="balance_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="balance",
            constraint=models.UniqueConstraint(fields=("currency", "code"), name="balance_unique_currency_code"),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(condition=models.Q(("held_minor__gte", 0)), name="hold_not_negative"),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(condition=models.Q(("item", ""), _negated=True), name="hold_has_an_item"),
        ),
    ]
