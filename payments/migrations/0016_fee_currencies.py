"""A fee is in the currency in which the provider settles, which may be another than the buyer's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0015_passed_on")]
    operations = [
        migrations.AddField(
            model_name="attempt",
            name="fee_currency",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="the fee's; nothing means the attempt's own",
                max_length=3,
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="fee_currency",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="the fees'; nothing means the dispute's own",
                max_length=3,
            ),
        ),
    ]
