"""What bank accounts are behind a seller's account at the provider, and since when they are others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0017_surplus_returned_again")]

    operations = [
        migrations.AddField(
            "seller",
            "bank",
            models.TextField(
                blank=True, default="", help_text="the bank accounts behind it, as the provider tells them apart"
            ),
        ),
        migrations.AddField(
            "seller",
            "bank_changed_at",
            models.DateTimeField(blank=True, help_text="when it was seen that they are others", null=True),
        ),
    ]
