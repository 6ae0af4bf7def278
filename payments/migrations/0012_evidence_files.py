from django.db import migrations, models

from operations import database


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0011_provider_calls"),
        ("ledger", "0004_dispute_fees_on_statements"),
    ]

    operations = [
        # Money of a lost dispute may come back in parts: each is a reinstatement.
        migrations.RemoveConstraint(model_name="dispute", name="dispute_counts_agree"),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(("reinstatements", 0), ("withdrawals__gt", 0), _connector="OR"),
                name="dispute_counts_agree",
            ),
        ),
        # The ledger's view of clearing items counts fees that came back too.
        migrations.RunSQL(database.script("ledger", "views.sql"), migrations.RunSQL.noop),
    ]
