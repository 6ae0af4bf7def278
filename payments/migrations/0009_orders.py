"""Captures apart from payments, versions of carts, instructions, surpluses, risk verdicts."""

import functools

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import operations.ids
import operations.lifecycle
from operations import database

# The moves stand here literally: a migration does not change when a table does.
MOVES = {
    "payments_paymentorder": (
        ["NOT_STARTED"],
        [
            ("AUTHORIZED", "CANCELED"),
            ("AUTHORIZED", "EXPIRED"),
            ("AUTHORIZED", "FAILED"),
            ("AUTHORIZED", "SUCCESS"),
            ("CANCELED", "SUCCESS"),
            ("EXECUTING", "AUTHORIZED"),
            ("EXECUTING", "CANCELED"),
            ("EXECUTING", "EXPIRED"),
            ("EXECUTING", "FAILED"),
            ("EXECUTING", "IN_REVIEW"),
            ("EXECUTING", "REQUIRES_ACTION"),
            ("EXECUTING", "SUCCESS"),
            ("EXECUTING", "UNKNOWN"),
            ("EXPIRED", "SUCCESS"),
            ("FAILED", "SUCCESS"),
            ("IN_REVIEW", "AUTHORIZED"),
            ("IN_REVIEW", "CANCELED"),
            ("IN_REVIEW", "EXECUTING"),
            ("IN_REVIEW", "EXPIRED"),
            ("IN_REVIEW", "FAILED"),
            ("IN_REVIEW", "SUCCESS"),
            ("IN_REVIEW", "UNKNOWN"),
            ("NOT_STARTED", "CANCELED"),
            ("NOT_STARTED", "EXECUTING"),
            ("NOT_STARTED", "EXPIRED"),
            ("NOT_STARTED", "FAILED"),
            ("NOT_STARTED", "IN_REVIEW"),
            ("NOT_STARTED", "UNKNOWN"),
            ("REQUIRES_ACTION", "AUTHORIZED"),
            ("REQUIRES_ACTION", "CANCELED"),
            ("REQUIRES_ACTION", "EXPIRED"),
            ("REQUIRES_ACTION", "FAILED"),
            ("REQUIRES_ACTION", "IN_REVIEW"),
            ("REQUIRES_ACTION", "SUCCESS"),
            ("REQUIRES_ACTION", "UNKNOWN"),
            ("UNKNOWN", "AUTHORIZED"),
            ("UNKNOWN", "CANCELED"),
            ("UNKNOWN", "EXECUTING"),
            ("UNKNOWN", "EXPIRED"),
            ("UNKNOWN", "FAILED"),
            ("UNKNOWN", "IN_REVIEW"),
            ("UNKNOWN", "REQUIRES_ACTION"),
            ("UNKNOWN", "SUCCESS"),
        ],
    ),
    "payments_attempt": (
        ["created"],
        [
            ("abandoned", "succeeded"),
            ("authorized", "canceled"),
            ("authorized", "expired"),
            ("authorized", "succeeded"),
            ("canceled", "succeeded"),
            ("created", "abandoned"),
            ("created", "declined"),
            ("created", "pending"),
            ("created", "unknown"),
            ("declined", "succeeded"),
            ("expired", "succeeded"),
            ("pending", "authorized"),
            ("pending", "canceled"),
            ("pending", "declined"),
            ("pending", "expired"),
            ("pending", "succeeded"),
            ("unknown", "abandoned"),
            ("unknown", "declined"),
            ("unknown", "pending"),
        ],
    ),
    "payments_instruction": (
        ["requested"],
        [
            ("requested", "failed"),
            ("requested", "sending"),
            ("requested", "succeeded"),
            ("sending", "failed"),
            ("sending", "sending"),
            ("sending", "succeeded"),
            ("sending", "unknown"),
            ("unknown", "failed"),
            ("unknown", "sending"),
            ("unknown", "succeeded"),
        ],
    ),
    "payments_surplus": (
        ["booked"],
        [
            ("booked", "sending"),
            ("failed", "sending"),
            ("pending", "failed"),
            ("pending", "returned"),
            ("returned", "failed"),
            ("sending", "failed"),
            ("sending", "pending"),
            ("sending", "returned"),
            ("sending", "sending"),
            ("sending", "unknown"),
            ("unknown", "failed"),
            ("unknown", "pending"),
            ("unknown", "returned"),
            ("unknown", "sending"),
        ],
    ),
}
REPLACED = ("payments_paymentorder", "payments_attempt")


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0005_human_tasks"),
        ("payments", "0008_dispute_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="Instruction",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=functools.partial(operations.ids.new_id, *("ins",)),
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
                            ("capture", "take what is reserved, or a part of it"),
                            ("void", "release what is reserved"),
                            ("close", "close the page"),
                        ]
                    ),
                ),
                (
                    "purpose",
                    models.TextField(
                        choices=[
                            ("capture", "the storefront takes the money"),
                            ("cancel", "the storefront called it off"),
                            ("expire", "its time is over"),
                            ("replace", "the cart changed"),
                            ("supersede", "the checkout is paid, or over, without it"),
                        ]
                    ),
                ),
                (
                    "amount_minor",
                    models.BigIntegerField(default=0, help_text="what is captured; zero for the other kinds"),
                ),
                ("currency", models.CharField(max_length=3)),
                ("final", models.BooleanField(default=True, help_text="a capture that releases the rest")),
                (
                    "parts",
                    models.JSONField(
                        default=dict, help_text="what is captured of each order, by our id, in minor units"
                    ),
                ),
                ("psp_key", models.TextField(help_text="our idempotency key at the provider", unique=True)),
                ("params", models.JSONField(help_text="the request, frozen")),
                (
                    "state",
                    operations.lifecycle.StateField(
                        choices=[
                            ("requested", "stored, not yet sent"),
                            ("sending", "being sent"),
                            ("unknown", "sent, no answer that can be believed"),
                            ("succeeded", "done, as the provider's own object shows"),
                            ("failed", "not done"),
                        ],
                        default="requested",
                        max_length=40,
                        protected=True,
                    ),
                ),
                ("state_since", models.DateTimeField()),
                ("actor", models.TextField()),
                ("last_error", models.TextField(blank=True)),
                ("created_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="RiskVerdict",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("cart", models.PositiveSmallIntegerField(help_text="which version of the cart was looked at")),
                ("check_kind", models.TextField(help_text="the check that was asked, or `person`")),
                (
                    "decision",
                    models.TextField(
                        choices=[
                            ("accept", "may be executed"),
                            ("reject", "must not be executed"),
                            ("review", "a person decides"),
                        ]
                    ),
                ),
                ("rule", models.TextField(blank=True, help_text="the rule that decided")),
                ("reason", models.TextField(blank=True)),
                ("decided_by", models.TextField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Surplus",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=functools.partial(operations.ids.new_id, *("sur",)),
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("charge_ref", models.TextField(unique=True)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("psp_key", models.TextField(help_text="our idempotency key at the provider", unique=True)),
                ("params", models.JSONField(help_text="the request that sends it back, frozen")),
                (
                    "state",
                    operations.lifecycle.StateField(
                        choices=[
                            ("booked", "in our books as nobody's, to be sent back"),
                            ("sending", "being sent back"),
                            ("unknown", "sent back, no answer that can be believed"),
                            ("pending", "accepted by the provider, not yet done"),
                            ("returned", "on its way to the buyer"),
                            ("failed", "could not be sent back: a person must look"),
                        ],
                        default="booked",
                        max_length=40,
                        protected=True,
                    ),
                ),
                ("state_since", models.DateTimeField()),
                ("psp_ref", models.TextField(help_text="the provider's refund", null=True, unique=True)),
                ("last_error", models.TextField(blank=True)),
                ("created_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name_plural": "surpluses",
            },
        ),
        migrations.RemoveConstraint(
            model_name="attempt",
            name="attempt_one_alive",
        ),
        migrations.RemoveConstraint(
            model_name="paymentorder",
            name="order_refunds_within_amount",
        ),
        migrations.AddField(
            model_name="attempt",
            name="amount_minor",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="attempt",
            name="authorized_until",
            field=models.DateTimeField(blank=True, help_text="when a reservation lapses", null=True),
        ),
        migrations.AddField(
            model_name="attempt",
            name="cart",
            field=models.PositiveSmallIntegerField(default=1, help_text="the version of the cart that it is for"),
        ),
        migrations.AddField(
            model_name="attempt",
            name="currency",
            field=models.CharField(max_length=3, null=True),
        ),
        migrations.AddField(
            model_name="attempt",
            name="state_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="attempt",
            name="declined_as",
            field=models.TextField(blank=True, default="", help_text="the code of a definite refusal"),
        ),
        migrations.AddField(
            model_name="attempt",
            name="warned_at",
            field=models.DateTimeField(blank=True, help_text="when the storefront was told that it will", null=True),
        ),
        migrations.AddField(
            model_name="checkout",
            name="capture_method",
            field=models.TextField(
                choices=[
                    ("automatic", "the money is taken when the buyer pays"),
                    ("manual", "the money is reserved, and captured later"),
                ],
                default="automatic",
            ),
        ),
        migrations.AddField(
            model_name="checkout",
            name="cart",
            field=models.PositiveSmallIntegerField(default=1, help_text="which version of the cart counts"),
        ),
        migrations.AddField(
            model_name="paymentorder",
            name="captured_commission_minor",
            field=models.BigIntegerField(default=0, help_text="our commission on what was captured"),
        ),
        migrations.AddField(
            model_name="paymentorder",
            name="captured_minor",
            field=models.BigIntegerField(default=0, help_text="taken and booked so far"),
        ),
        migrations.AddField(
            model_name="paymentorder",
            name="captured_tax_minor",
            field=models.BigIntegerField(default=0, help_text="the tax on that commission"),
        ),
        migrations.AddField(
            model_name="paymentorder",
            name="cart",
            field=models.PositiveSmallIntegerField(default=1, help_text="the version of the cart that it belongs to"),
        ),
        migrations.AddField(
            model_name="paymentorder",
            name="paid_by",
            field=models.ForeignKey(
                blank=True,
                help_text="the attempt that reserved or took the money",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="paid_orders",
                to="payments.attempt",
            ),
        ),
        migrations.AddField(
            model_name="paymentorder",
            name="state_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(database.script("payments", "orders_backfill.sql"), migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="attempt",
            name="amount_minor",
            field=models.BigIntegerField(help_text="what the buyer is asked to pay"),
        ),
        migrations.AlterField(model_name="attempt", name="currency", field=models.CharField(max_length=3)),
        migrations.AlterField(model_name="attempt", name="state_since", field=models.DateTimeField()),
        migrations.AlterField(model_name="paymentorder", name="state_since", field=models.DateTimeField()),
        migrations.AlterField(
            model_name="attempt",
            name="state",
            field=operations.lifecycle.StateField(
                choices=[
                    ("created", "stored, not yet sent"),
                    ("unknown", "sent, no answer that can be believed"),
                    ("pending", "registered; the buyer has the page"),
                    ("authorized", "the amount is reserved, to be captured"),
                    ("succeeded", "paid"),
                    ("declined", "refused"),
                    ("expired", "ran out of time at the provider"),
                    ("canceled", "closed at the provider because we said so"),
                    ("abandoned", "the provider never knew it"),
                ],
                default="created",
                max_length=40,
                protected=True,
            ),
        ),
        migrations.AlterField(
            model_name="checkout",
            name="is_payment_done",
            field=models.BooleanField(default=False, help_text="every payment order of the cart succeeded"),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["created", "unknown", "pending", "authorized"])),
                fields=("checkout",),
                name="attempt_one_alive",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentorder",
            constraint=models.CheckConstraint(
                condition=models.Q(("captured_minor__gte", 0), ("captured_minor__lte", models.F("amount_minor"))),
                name="order_captured_within_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentorder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("captured_commission_minor__gte", 0),
                    (
                        "captured_minor__gte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("captured_commission_minor"), "+", models.F("captured_tax_minor")
                        ),
                    ),
                    ("captured_tax_minor__gte", 0),
                ),
                name="order_captured_commission_within_captured",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentorder",
            constraint=models.CheckConstraint(
                condition=models.Q(("refunded_minor__gte", 0), ("refunded_minor__lte", models.F("captured_minor"))),
                name="order_refunds_within_captured",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentorder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "SUCCESS"), _negated=True),
                    models.Q(("captured_minor__gt", 0), ("paid_by__isnull", False)),
                    _connector="OR",
                ),
                name="order_success_is_captured",
            ),
        ),
        migrations.AddField(
            model_name="instruction",
            name="attempt",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="instructions", to="payments.attempt"
            ),
        ),
        migrations.AddField(
            model_name="riskverdict",
            name="checkout",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="risk_verdicts", to="payments.checkout"
            ),
        ),
        migrations.AddField(
            model_name="surplus",
            name="attempt",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="surplus", to="payments.attempt"
            ),
        ),
        migrations.AddConstraint(
            model_name="instruction",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["requested", "sending", "unknown"])),
                fields=("attempt",),
                name="instruction_one_alive",
            ),
        ),
        migrations.AddConstraint(
            model_name="instruction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount_minor__gt", 0), ("kind", "capture")),
                    models.Q(models.Q(("kind", "capture"), _negated=True), ("amount_minor", 0)),
                    _connector="OR",
                ),
                name="instruction_amount_of_captures",
            ),
        ),
        migrations.AddConstraint(
            model_name="riskverdict",
            constraint=models.UniqueConstraint(
                fields=("checkout", "cart", "check_kind"), name="risk_one_verdict_per_cart_and_check"
            ),
        ),
        migrations.AddConstraint(
            model_name="surplus",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="surplus_amount_positive"
            ),
        ),
        migrations.RunSQL(database.script("payments", "orders.sql"), migrations.RunSQL.noop),
        *[
            migrations.RunSQL(f"DROP TRIGGER guard_{table}_state ON {table};", migrations.RunSQL.noop)
            for table in REPLACED
        ],
        *[
            migrations.RunSQL(
                database.transition_guard(table, initial=initial, allowed=allowed)[0], migrations.RunSQL.noop
            )
            for table, (initial, allowed) in MOVES.items()
        ],
        migrations.RunSQL(*database.append_only("payments_riskverdict")),
    ]
