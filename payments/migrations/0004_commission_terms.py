"""Commissions by category, minimums by currency, a tax; the terms of an order are guarded with the new columns."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

from operations import database


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0003_storefront_events"),
        ("payments", "0003_storefront_events"),
    ]

    operations = [
        migrations.CreateModel(
            name="CommissionRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("category", models.CharField(help_text="as the storefront names it, to the letter", max_length=50)),
                ("bps", models.PositiveIntegerField(help_text="our commission in hundredths of a percent")),
            ],
        ),
        migrations.CreateModel(
            name="CommissionMinimum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(max_length=3)),
                ("minimum_minor", models.BigIntegerField(help_text="in minor units of this currency")),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="paymentorder",
            name="order_commission_within_amount",
        ),
        migrations.AddField(
            model_name="paymentorder",
            name="category",
            field=models.CharField(
                blank=True, default="", help_text="what was sold, for the commission", max_length=50
            ),
        ),
        migrations.AddField(
            model_name="paymentorder",
            name="commission_tax_minor",
            field=models.BigIntegerField(default=0, help_text="tax on the commission, frozen at the sale"),
        ),
        migrations.AddField(
            model_name="paymentorder",
            name="tax",
            field=models.TextField(blank=True, default="", help_text="that tax's account, frozen at the sale"),
        ),
        migrations.AddField(
            model_name="seller",
            name="commission_tax",
            field=models.TextField(blank=True, default="", help_text="that tax's account, as in vat_pt"),
        ),
        migrations.AddField(
            model_name="seller",
            name="commission_tax_bps",
            field=models.PositiveIntegerField(
                default=0, help_text="the tax on our commission in hundredths of a percent of it"
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentorder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "amount_minor__gte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("commission_minor"), "+", models.F("commission_tax_minor")
                        ),
                    ),
                    ("commission_minor__gte", 0),
                    ("commission_tax_minor__gte", 0),
                ),
                name="order_commission_within_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentorder",
            constraint=models.CheckConstraint(
                condition=models.Q(("commission_tax_minor", 0), models.Q(("tax", ""), _negated=True), _connector="OR"),
                name="order_tax_has_an_account",
            ),
        ),
        migrations.AddConstraint(
            model_name="seller",
            constraint=models.CheckConstraint(
                condition=models.Q(("commission_tax_bps__lte", 10000)), name="seller_commission_tax_at_most_all"
            ),
        ),
        migrations.AddConstraint(
            model_name="seller",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("commission_tax", ""), ("commission_tax_bps", 0)),
                    ("commission_tax__regex", "^[a-z0-9_]{1,30}$"),
                    _connector="OR",
                ),
                name="seller_commission_tax_has_an_account",
            ),
        ),
        migrations.AddField(
            model_name="commissionrate",
            name="seller",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="commission_rates", to="payments.seller"
            ),
        ),
        migrations.AddConstraint(
            model_name="commissionrate",
            constraint=models.UniqueConstraint(
                fields=("seller", "category"), name="rate_unique_per_seller_and_category"
            ),
        ),
        migrations.AddConstraint(
            model_name="commissionrate",
            constraint=models.CheckConstraint(condition=models.Q(("bps__lte", 10000)), name="rate_at_most_all"),
        ),
        migrations.AddConstraint(
            model_name="commissionrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("category", ""), _negated=True), name="rate_has_a_category"
            ),
        ),
        migrations.AddField(
            model_name="commissionminimum",
            name="seller",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="commission_minimums", to="payments.seller"
            ),
        ),
        migrations.AddConstraint(
            model_name="commissionminimum",
            constraint=models.UniqueConstraint(
                fields=("seller", "currency"), name="minimum_unique_per_seller_and_currency"
            ),
        ),
        migrations.AddConstraint(
            model_name="commissionminimum",
            constraint=models.CheckConstraint(
                condition=models.Q(("minimum_minor__gte", 0)), name="minimum_not_negative"
            ),
        ),
        migrations.RunSQL(database.script("payments", "order_terms.sql"), migrations.RunSQL.noop),
    ]
