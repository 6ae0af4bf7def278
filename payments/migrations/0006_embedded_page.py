from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0005_inbox"),
    ]

    operations = [
        migrations.AddField(
            model_name="attempt",
            name="page_secret",
            field=models.TextField(blank=True, default="", help_text="what the embedded form opens with"),
        ),
    ]
