"""The state IN_REVIEW says who may be looking: the provider, or we before it."""

from django.db import migrations

import operations.lifecycle


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0021_won_in_parts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="paymentorder",
            name="state",
            field=operations.lifecycle.StateField(
                choices=[
                    ("NOT_STARTED", "stored, not yet at the provider"),
                    ("EXECUTING", "the buyer can pay on the provider's page"),
                    ("UNKNOWN", "the provider did not say; we are asking"),
                    ("REQUIRES_ACTION", "the buyer's bank wants something of the buyer"),
                    ("IN_REVIEW", "the provider looks at it, or we do first"),
                    ("AUTHORIZED", "reserved on the card, to be captured"),
                    ("SUCCESS", "paid and booked"),
                    ("FAILED", "definitely not paid"),
                    ("CANCELED", "called off before it was paid"),
                    ("EXPIRED", "nobody paid in time"),
                ],
                default="NOT_STARTED",
                max_length=40,
                protected=True,
            ),
        ),
    ]
