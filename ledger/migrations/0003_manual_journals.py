"""Journals that people write, and what PostgreSQL refuses about them. The moves stand here literally."""

import functools

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import operations.ids
import operations.lifecycle
from operations import database

MOVES = [
    ("drafted", "posted"),
    ("drafted", "requested"),
    ("drafted", "withdrawn"),
    ("requested", "posted"),
    ("requested", "rejected"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0002_guards"),
        ("operations", "0002_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="ManualJournal",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=functools.partial(operations.ids.new_id, *("mj",)),
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.TextField(choices=[("journal", "manual journal"), ("reversal", "reversal")]),
                ),
                (
                    "state",
                    operations.lifecycle.StateField(
                        choices=[
                            ("drafted", "written; nothing is asked or booked yet"),
                            ("requested", "waiting for a second person"),
                            ("posted", "in the books"),
                            ("rejected", "a second person refused; nothing was booked"),
                            ("withdrawn", "called off as a draft; nothing was booked"),
                        ],
                        default="drafted",
                        max_length=40,
                        protected=True,
                    ),
                ),
                ("description", models.TextField(help_text="the reason, which goes into the books with the entry")),
                ("value_date", models.DateField(blank=True, help_text="none means: the day it is booked", null=True)),
                ("maker", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("key", models.TextField(blank=True, null=True)),
                (
                    "entry",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="manual_journal",
                        to="ledger.journalentry",
                    ),
                ),
                (
                    "reverses",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ledger.journalentry",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ManualJournalAttachment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField()),
                ("content_type", models.TextField()),
                ("size", models.PositiveIntegerField(help_text="in bytes")),
                ("sha256", models.CharField(help_text="of the content, in hexadecimal", max_length=64)),
                ("content", models.BinaryField()),
                ("added_by", models.TextField()),
                ("added_at", models.DateTimeField()),
                (
                    "journal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attachments",
                        to="ledger.manualjournal",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ManualJournalLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                ("account", models.TextField()),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField(help_text="debit positive, credit negative")),
                ("item", models.TextField(blank=True, help_text="the open item it belongs to")),
                (
                    "journal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="ledger.manualjournal"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="manualjournal",
            index=models.Index(fields=["-created_at"], name="manual_journal_by_age"),
        ),
        migrations.AddConstraint(
            model_name="manualjournal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "reversal"), ("reverses__isnull", False)),
                    models.Q(("kind", "journal"), ("reverses__isnull", True)),
                    _connector="OR",
                ),
                name="manual_journal_reversal_names_entry",
            ),
        ),
        migrations.AddConstraint(
            model_name="manualjournal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("entry__isnull", False), ("state", "posted")),
                    models.Q(models.Q(("state", "posted"), _negated=True), ("entry__isnull", True)),
                    _connector="OR",
                ),
                name="manual_journal_posted_has_entry",
            ),
        ),
        migrations.AddConstraint(
            model_name="manualjournal",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.GreaterThanOrEqual(
                    django.db.models.functions.text.Length(django.db.models.functions.text.Trim("description")), 10
                ),
                name="manual_journal_has_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="manualjournal",
            constraint=models.UniqueConstraint(fields=("key",), name="manual_journal_form_once"),
        ),
        migrations.AddConstraint(
            model_name="manualjournal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["drafted", "requested", "posted"])),
                fields=("reverses",),
                name="manual_journal_one_reversal_per_entry",
            ),
        ),
        migrations.AddConstraint(
            model_name="manualjournalattachment",
            constraint=models.UniqueConstraint(fields=("journal", "sha256"), name="manual_journal_attachment_once"),
        ),
        migrations.AddConstraint(
            model_name="manualjournalline",
            constraint=models.UniqueConstraint(
                fields=("journal", "position"), name="manual_journal_line_unique_position"
            ),
        ),
        migrations.AddConstraint(
            model_name="manualjournalline",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor", 0), _negated=True), name="manual_journal_line_not_zero"
            ),
        ),
        migrations.RunSQL(database.script("ledger", "manual_journals.sql"), migrations.RunSQL.noop),
        migrations.RunSQL(*database.transition_guard("ledger_manualjournal", initial=["drafted"], allowed=MOVES)),
        migrations.RunSQL(*database.append_only("ledger_manualjournalattachment")),
    ]
