"""Questions for people."""

from django.db import migrations, models

from operations import database


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0004_discarded_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="HumanTask",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.TextField()),
                ("subject", models.TextField(help_text="what it is about, as kind:id")),
                ("waits_for", models.TextField(help_text="who should look: operator, finance")),
                ("reason", models.TextField()),
                ("since", models.DateTimeField()),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("open", "waits for a person"),
                            ("done", "a person dealt with it"),
                            ("settled", "it resolved itself"),
                        ],
                        default="open",
                    ),
                ),
                ("closed_by", models.TextField(blank=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.TextField(blank=True)),
            ],
            options={
                "indexes": [models.Index(fields=["subject"], name="task_by_subject")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")),
                        fields=("kind", "subject"),
                        name="task_one_open_per_subject",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("closed_by", ""), ("state", "open")),
                            models.Q(
                                models.Q(("state", "open"), _negated=True),
                                ("closed_at__isnull", False),
                                models.Q(("closed_by", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="task_closed_by_somebody",
                    ),
                ],
            },
        ),
        migrations.RunSQL(database.script("operations", "tasks.sql"), migrations.RunSQL.noop),
    ]
