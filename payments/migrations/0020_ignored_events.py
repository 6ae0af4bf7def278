"""Ignored events by when they came: they are not kept for ever."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0019_events_by_payment")]

    operations = [
        migrations.AddIndex(
            "webhookevent",
            models.Index(fields=["received_at"], name="webhook_ignored", condition=models.Q(state="ignored")),
        ),
    ]
