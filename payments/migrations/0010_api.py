"""Endpoints of storefronts, their secrets, and the log of what they were sent; pages of the API have their indexes.

What an operator had set on a storefront becomes its first endpoint, and what was on its way to it a delivery.
"""

import functools

import django.db.models.deletion
from django.db import migrations, models

import operations.ids
import operations.lifecycle
from operations import database

CARRY_OVER = """
INSERT INTO payments_webhookendpoint
    (id, storefront_id, url, description, event_types, enabled, disabled_reason, created_at)
SELECT 'whe_' || substr(md5(slug), 1, 26), slug, event_url, 'set by an operator', '[]', true, '', created_at
FROM operations_storefront WHERE event_url <> '' AND event_secret <> '';

INSERT INTO payments_endpointsecret (endpoint_id, secret, created_at)
SELECT 'whe_' || substr(md5(slug), 1, 26), event_secret, created_at
FROM operations_storefront WHERE event_url <> '' AND event_secret <> '';

INSERT INTO payments_eventdelivery (id, event_id, endpoint_id, state, round, tries_left, created_at, delivered_at)
SELECT 'dlv_' || substr(event.id, 5), event.id, endpoint.id,
       CASE WHEN event.delivered_at IS NULL THEN 'waiting' ELSE 'delivered' END, 1, 25, event.created_at,
       event.delivered_at
FROM payments_storefrontevent AS event
JOIN payments_webhookendpoint AS endpoint ON endpoint.storefront_id = event.storefront_id;

INSERT INTO payments_deliverytry (delivery_id, at, status, milliseconds, answer)
SELECT 'dlv_' || substr(event.id, 5), COALESCE(event.delivered_at, event.created_at),
       substring(event.last_answer FROM '^([0-9]{3}): ')::smallint, 0, event.last_answer
FROM payments_storefrontevent AS event
JOIN payments_webhookendpoint AS endpoint ON endpoint.storefront_id = event.storefront_id
WHERE event.last_answer <> '';

-- What was not sent yet is sent by the new kind of job.
UPDATE operations_job AS job
SET kind = 'payments.deliver_event', key = delivery.id || ':1', args = jsonb_build_object('delivery', delivery.id)
FROM payments_eventdelivery AS delivery
WHERE job.kind = 'payments.send_event' AND job.key = delivery.event_id AND job.state <> 'done';

SET CONSTRAINTS ALL IMMEDIATE;
"""
# Of a delivery: one that is carried over begins where it stood, so the guard comes after.
GUARD = database.transition_guard(
    "payments_eventdelivery",
    initial=["waiting"],
    allowed=[
        ("delivered", "waiting"),
        ("dropped", "waiting"),
        ("failed", "waiting"),
        ("waiting", "delivered"),
        ("waiting", "dropped"),
        ("waiting", "failed"),
    ],
)
SECRETS = (
    """
    CREATE FUNCTION guard_endpoint_secret() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.endpoint_id, NEW.secret, NEW.created_at) IS DISTINCT FROM (OLD.endpoint_id, OLD.secret, OLD.created_at)
           OR (OLD.expires_at IS NOT NULL AND NEW.expires_at IS DISTINCT FROM OLD.expires_at) THEN
            RAISE EXCEPTION 'secret % only ends, and once', OLD.id USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER guard_endpoint_secret BEFORE UPDATE ON payments_endpointsecret
        FOR EACH ROW EXECUTE FUNCTION guard_endpoint_secret();
    """,
    "DROP TRIGGER guard_endpoint_secret ON payments_endpointsecret; DROP FUNCTION guard_endpoint_secret();",
)


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0006_rate_limits"),
        ("payments", "0009_orders"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeliveryTry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                (
                    "status",
                    models.PositiveSmallIntegerField(
                        blank=True, help_text="of HTTP; none where no answer came", null=True
                    ),
                ),
                ("milliseconds", models.PositiveIntegerField()),
                (
                    "answer",
                    models.TextField(blank=True, help_text="the beginning of the answer, or why there was none"),
                ),
            ],
            options={
                "verbose_name_plural": "delivery tries",
            },
        ),
        migrations.CreateModel(
            name="EndpointSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("secret", models.TextField(help_text="whsec_ + base 64")),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(blank=True, help_text="from when on it signs no more", null=True)),
            ],
        ),
        migrations.CreateModel(
            name="EventDelivery",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=functools.partial(operations.ids.new_id, *("dlv",)),
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "state",
                    operations.lifecycle.StateField(
                        choices=[
                            ("waiting", "to be sent, or to be sent again"),
                            ("delivered", "the endpoint took it"),
                            ("failed", "the endpoint did not take it for days; nobody tries any more"),
                            ("dropped", "the endpoint was disabled or deleted before it took it"),
                        ],
                        default="waiting",
                        max_length=40,
                        protected=True,
                    ),
                ),
                ("round", models.PositiveIntegerField(default=1)),
                ("tries_left", models.PositiveIntegerField(help_text="of this round")),
                ("created_at", models.DateTimeField()),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name_plural": "event deliveries",
            },
        ),
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=functools.partial(operations.ids.new_id, *("whe",)),
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("url", models.TextField()),
                ("description", models.TextField(blank=True)),
                (
                    "event_types",
                    models.JSONField(default=list, help_text="the types that it wants; none named means all"),
                ),
                ("enabled", models.BooleanField(default=True)),
                ("disabled_reason", models.TextField(blank=True)),
                (
                    "failing_since",
                    models.DateTimeField(blank=True, help_text="the first failure since the last success", null=True),
                ),
                ("created_at", models.DateTimeField()),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddIndex(
            model_name="checkout",
            index=models.Index(fields=["storefront", "id"], name="checkout_by_storefront"),
        ),
        migrations.AddIndex(
            model_name="paymentorder",
            index=models.Index(fields=["storefront", "id"], name="order_by_storefront"),
        ),
        migrations.AddIndex(
            model_name="storefrontevent",
            index=models.Index(fields=["storefront", "id"], name="event_by_storefront"),
        ),
        migrations.AddField(
            model_name="eventdelivery",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="payments.storefrontevent"
            ),
        ),
        migrations.AddField(
            model_name="deliverytry",
            name="delivery",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="tries", to="payments.eventdelivery"
            ),
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="storefront",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="endpoints", to="operations.storefront"
            ),
        ),
        migrations.AddField(
            model_name="eventdelivery",
            name="endpoint",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="payments.webhookendpoint"
            ),
        ),
        migrations.AddField(
            model_name="endpointsecret",
            name="endpoint",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="secrets", to="payments.webhookendpoint"
            ),
        ),
        migrations.AddIndex(
            model_name="deliverytry",
            index=models.Index(fields=["delivery", "id"], name="try_by_delivery"),
        ),
        migrations.AddIndex(
            model_name="webhookendpoint",
            index=models.Index(fields=["storefront", "id"], name="endpoint_by_storefront"),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("deleted_at__isnull", True), ("enabled", False), _connector="OR"),
                name="endpoint_deleted_is_disabled",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("disabled_reason", ""), ("enabled", True)),
                    models.Q(models.Q(("enabled", False)), models.Q(("disabled_reason", ""), _negated=True)),
                    _connector="OR",
                ),
                name="endpoint_disabled_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="eventdelivery",
            constraint=models.UniqueConstraint(fields=("event", "endpoint"), name="delivery_unique_event_and_endpoint"),
        ),
        migrations.AddConstraint(
            model_name="eventdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "delivered"), _negated=True), ("delivered_at__isnull", False), _connector="OR"
                ),
                name="delivery_delivered_says_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="endpointsecret",
            constraint=models.UniqueConstraint(
                condition=models.Q(("expires_at__isnull", True)),
                fields=("endpoint",),
                name="secret_one_current_per_endpoint",
            ),
        ),
        migrations.RunSQL(CARRY_OVER, migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name="storefrontevent",
            name="delivered_at",
        ),
        migrations.RemoveField(
            model_name="storefrontevent",
            name="last_answer",
        ),
        migrations.RunSQL(*GUARD),
        migrations.RunSQL(*SECRETS),
        migrations.RunSQL(*database.append_only("payments_storefrontevent")),
        migrations.RunSQL(*database.append_only("payments_deliverytry")),
    ]
