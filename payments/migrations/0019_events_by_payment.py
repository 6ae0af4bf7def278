"""Events of the provider by the payment that they name; those that are kept are read for it once."""

from django.db import migrations, models

# Only of these kinds there may be objects that are no row here. The bodies are Stripe's JSON, verified when they came.
READ = """
UPDATE payments_webhookevent
SET payment_ref = COALESCE(payload::jsonb #>> '{data,object,payment_intent}', '')
WHERE psp = 'stripe' AND (type LIKE 'review.%' OR type LIKE 'refund.%' OR type LIKE 'charge.dispute.%')
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0018_sellers_bank")]

    operations = [
        migrations.AddField(
            "webhookevent",
            "payment_ref",
            models.TextField(blank=True, default="", help_text="the payment that its object names, if any"),
        ),
        migrations.RunSQL(READ, migrations.RunSQL.noop),
        migrations.AddIndex(
            "webhookevent",
            models.Index(fields=["payment_ref"], name="webhook_by_payment", condition=~models.Q(payment_ref="")),
        ),
    ]
