from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0012_evidence_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="attempt",
            name="processing_since",
            field=models.DateTimeField(
                blank=True, help_text="when it was seen that the buyer is done, and the bank not yet", null=True
            ),
        ),
    ]
