"""The address for messages that an operator set became the storefront's first endpoint, in payments.0009."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0006_rate_limits"),
        ("payments", "0010_api"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="storefront",
            name="event_secret",
        ),
        migrations.RemoveField(
            model_name="storefront",
            name="event_url",
        ),
    ]
