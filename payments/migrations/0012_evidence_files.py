from functools import partial

import django.db.models.deletion
from django.db import migrations, models

import operations.ids
import operations.lifecycle
from operations import database

MOVES = [
    ("requested", "sending"),
    ("sending", "accepted"),
    ("sending", "refused"),
    ("sending", "sending"),
    ("sending", "unknown"),
    ("unknown", "accepted"),
    ("unknown", "refused"),
    ("unknown", "sending"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0011_provider_calls"),
        ("ledger", "0007_lock_balances"),
    ]

    operations = [
        migrations.CreateModel(
            name="EvidenceFile",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=partial(operations.ids.new_id, *("evf",)),
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("cancellation_policy", "Cancellation policy, as shown to the customer"),
                            ("customer_communication", "Communication with the customer"),
                            ("customer_signature", "Customer's signature"),
                            ("duplicate_charge_documentation", "Documentation of the other charge"),
                            ("receipt", "Receipt"),
                            ("refund_policy", "Refund policy, as shown to the customer"),
                            ("service_documentation", "Documentation of the service"),
                            ("shipping_documentation", "Shipping documentation"),
                            ("uncategorized_file", "Anything else"),
                        ],
                        help_text="what it shows",
                    ),
                ),
                ("name", models.TextField(help_text="ours; what it was called elsewhere is not kept", unique=True)),
                ("media_type", models.TextField(help_text="by its content")),
                ("size", models.PositiveIntegerField(help_text="in bytes")),
                ("sha256", models.CharField(max_length=64)),
                ("content", models.BinaryField()),
                ("psp_key", models.TextField(help_text="our idempotency key at the provider", unique=True)),
                ("psp_ref", models.TextField(help_text="the provider's file", null=True, unique=True)),
                (
                    "state",
                    operations.lifecycle.StateField(
                        choices=[
                            ("requested", "kept here, not yet sent"),
                            ("sending", "being sent"),
                            ("unknown", "sent, no answer that can be believed"),
                            ("accepted", "the provider has it, and evidence may refer to it"),
                            ("refused", "the provider did not take it"),
                        ],
                        default="requested",
                        max_length=40,
                        protected=True,
                    ),
                ),
                ("last_error", models.TextField(blank=True)),
                ("submitted_by", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                (
                    "dispute",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="files", to="payments.dispute"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("media_type__in", ["application/pdf", "image/jpeg", "image/png"])),
                        name="evidence_file_of_a_taken_type",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("size__gt", 0), ("size__lte", 5242880)), name="evidence_file_within_size"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "accepted"), _negated=True), ("psp_ref__isnull", False), _connector="OR"
                        ),
                        name="evidence_file_accepted_with_a_reference",
                    ),
                ],
            },
        ),
        # Money of a lost dispute may come back in parts: each is a reinstatement.
        migrations.RemoveConstraint(model_name="dispute", name="dispute_counts_agree"),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(("reinstatements", 0), ("withdrawals__gt", 0), _connector="OR"),
                name="dispute_counts_agree",
            ),
        ),
        # The ledger's view of clearing items counts fees that came back too.
        migrations.RunSQL(database.script("ledger", "views.sql"), migrations.RunSQL.noop),
        migrations.RunSQL(database.script("payments", "evidence_files.sql")),
        migrations.RunSQL(database.transition_guard("payments_evidencefile", initial=["requested"], allowed=MOVES)[0]),
    ]
