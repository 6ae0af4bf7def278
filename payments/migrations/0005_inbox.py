from django.db import migrations, models

from operations import database


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0004_commission_terms"),
    ]

    operations = [
        migrations.AddField(
            model_name="webhookevent",
            name="source",
            field=models.TextField(
                choices=[
                    ("webhook", "the provider sent it"),
                    ("listing", "its webhook was lost; it was found in the provider's list of events"),
                ],
                default="webhook",
            ),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="waiting_for",
            field=models.TextField(blank=True, default="", help_text="why it is parked"),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="created_at",
            field=models.DateTimeField(blank=True, help_text="when it happened, by the provider's clock", null=True),
        ),
        migrations.AlterField(
            model_name="webhookevent",
            name="state",
            field=models.TextField(
                choices=[
                    ("received", "kept, to be acted on"),
                    ("parked", "kept; what it is about is not known here yet, so it is tried again"),
                    ("handled", "acted on"),
                    ("ignored", "of a kind that nothing here depends on"),
                ],
                default="received",
            ),
        ),
        migrations.CreateModel(
            name="EventListing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("psp", models.TextField()),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("listed", models.PositiveIntegerField(help_text="events on which something here depends")),
                ("missing", models.PositiveIntegerField(help_text="of them, those whose webhook never came")),
                ("actor", models.TextField()),
                ("ran_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["psp", "-until"], name="listing_latest")],
            },
        ),
        migrations.RunSQL(*database.append_only("payments_eventlisting")),
        # Jobs that wait find everything in the event's body; what they carried besides is no argument any more.
        migrations.RunSQL(
            "UPDATE operations_job SET args = jsonb_build_object('webhook', args -> 'webhook')"
            " WHERE kind = 'payments.handle_event'",
            migrations.RunSQL.noop,
        ),
    ]
