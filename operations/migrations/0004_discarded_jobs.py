"""A dead letter can be given up for good. The moves stand here literally."""

from django.db import migrations, models

from operations import database

BEFORE = [
    ("dead", "todo"),
    ("doing", "dead"),
    ("doing", "done"),
    ("doing", "todo"),
    ("todo", "doing"),
    ("todo", "done"),
]
_forward, _backward = database.transition_guard(
    "operations_job", initial=["todo"], allowed=[*BEFORE, ("dead", "discarded")]
)
_before, _drop = database.transition_guard("operations_job", initial=["todo"], allowed=BEFORE)


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0003_storefront_events"),
    ]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="state",
            field=models.TextField(
                choices=[
                    ("todo", "waiting for its time"),
                    ("doing", "claimed by a worker"),
                    ("done", "done"),
                    ("dead", "parked as a dead letter"),
                    ("discarded", "a dead letter that a person gave up, with a reason"),
                ],
                default="todo",
            ),
        ),
        migrations.RunSQL(_drop + _forward, _backward + _before),
    ]
