from django.db import migrations, models

from operations import database


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0010_api"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProviderCall",
            fields=[
                ("id", models.CharField(editable=False, max_length=40, primary_key=True, serialize=False)),
                ("psp", models.TextField()),
                ("op", models.TextField(help_text="what was asked, as in `refund.create`")),
                ("about", models.TextField(blank=True, help_text="what it is for (kind:id)")),
                (
                    "key",
                    models.TextField(blank=True, help_text="our idempotency key; none where nothing was to be changed"),
                ),
                ("sent_at", models.DateTimeField()),
                ("took_ms", models.PositiveIntegerField()),
                (
                    "outcome",
                    models.TextField(
                        choices=[
                            ("succeeded", "it answered, and this is what it said"),
                            ("declined", "a definite no"),
                            ("unknown", "no answer that can be believed"),
                            ("not_sent", "it was not even asked, because it has not answered for a while"),
                        ]
                    ),
                ),
                ("reason", models.TextField(blank=True, help_text="why it did not succeed")),
                (
                    "requests",
                    models.PositiveSmallIntegerField(help_text="of how many HTTP requests it consisted"),
                ),
                (
                    "http_status",
                    models.PositiveSmallIntegerField(blank=True, help_text="the last answer's", null=True),
                ),
                ("request_id", models.TextField(blank=True, help_text="the provider's name for the request")),
                ("object_id", models.TextField(blank=True, help_text="the provider's object")),
                (
                    "body",
                    models.TextField(
                        blank=True, help_text="the last answer, secrets and card numbers masked, cut to size"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["about"], name="call_by_subject"),
                    models.Index(fields=["-sent_at"], name="call_latest"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ["succeeded", "declined", "unknown", "not_sent"])),
                        name="call_outcome_known",
                    )
                ],
            },
        ),
        migrations.RunSQL(*database.append_only("payments_providercall")),
        migrations.AddField(model_name="refund", name="state_since", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="dispute", name="state_since", field=models.DateTimeField(null=True)),
        migrations.RunSQL(database.script("payments", "waits_backfill.sql"), migrations.RunSQL.noop),
        migrations.AlterField(model_name="refund", name="state_since", field=models.DateTimeField()),
        migrations.AlterField(model_name="dispute", name="state_since", field=models.DateTimeField()),
    ]
