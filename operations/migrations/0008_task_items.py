"""Several open questions of a kind about one subject, told apart by what of it they are about."""

from django.db import migrations, models

from operations import database


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0007_endpoints_moved"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="humantask",
            name="task_one_open_per_subject",
        ),
        migrations.AddField(
            model_name="humantask",
            name="item",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddConstraint(
            model_name="humantask",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")),
                fields=("kind", "subject", "item"),
                name="task_one_open_per_item",
            ),
        ),
        migrations.RunSQL(database.script("operations", "task_items.sql"), migrations.RunSQL.noop),
    ]
