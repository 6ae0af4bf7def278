from functools import partial

from django.db import models

from ledger.money import MinorMoney, Money
from operations.ids import new_id
from payments.commissions import ALL_BPS, Terms


class Seller(models.Model):
    """Somebody who sells through a storefront, and to whom we owe what they earn."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "sel"), editable=False)
    storefront = models.ForeignKey("operations.Storefront", on_delete=models.PROTECT, related_name="sellers")
    seller_id = models.TextField(help_text="the storefront's own id")
    name = models.TextField()
    country = models.CharField(max_length=2)
    commission_bps = models.PositiveIntegerField(help_text="our commission in hundredths of a percent")
    commission_tax_bps = models.PositiveIntegerField(
        default=0, help_text="the tax on our commission in hundredths of a percent of it"
    )
    commission_tax = models.TextField(blank=True, default="", help_text="that tax's account, as in vat_pt")
    disputes_borne_by = models.TextField(
        blank=True,
        default="",
        choices=[("seller", "the seller"), ("platform", "we")],
        help_text="who bears a lost dispute, where it is not as usual",
    )
    psp_account = models.TextField(blank=True, help_text="the seller's account at the provider, once opened")
    payouts_enabled = models.BooleanField(default=False, help_text="the provider lets money through to it")
    bank = models.TextField(
        blank=True, default="", help_text="the bank accounts behind it, as the provider tells them apart"
    )
    bank_changed_at = models.DateTimeField(null=True, blank=True, help_text="when it was seen that they are others")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["storefront", "seller_id"], name="seller_unique_per_storefront"),
            models.CheckConstraint(
                name="seller_commission_at_most_all", condition=models.Q(commission_bps__lte=ALL_BPS)
            ),
            models.CheckConstraint(
                name="seller_disputes_borne_by_somebody",
                condition=models.Q(disputes_borne_by__in=["", "seller", "platform"]),
            ),
            models.CheckConstraint(
                name="seller_commission_tax_at_most_all", condition=models.Q(commission_tax_bps__lte=ALL_BPS)
            ),
            models.CheckConstraint(
                name="seller_commission_tax_has_an_account",
                condition=models.Q(commission_tax_bps=0, commission_tax="")
                | models.Q(commission_tax__regex=r"^[a-z0-9_]{1,30}$"),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def terms(self, *, bps: int | None = None, minimum: Money | None = None) -> Terms:
        """Return the terms of a sale: the seller's, with what its category and its currency have of their own."""
        return Terms(
            bps=self.commission_bps if bps is None else bps,
            minimum=minimum,
            tax_bps=self.commission_tax_bps,
        )


class CommissionRate(models.Model):
    """The rate of our commission on one seller's sales of one category, instead of the seller's own."""

    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="commission_rates")
    category = models.CharField(max_length=50, help_text="as the storefront names it, to the letter")
    bps = models.PositiveIntegerField(help_text="our commission in hundredths of a percent")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["seller", "category"], name="rate_unique_per_seller_and_category"),
            models.CheckConstraint(name="rate_at_most_all", condition=models.Q(bps__lte=ALL_BPS)),
            models.CheckConstraint(name="rate_has_a_category", condition=~models.Q(category="")),
        ]

    def __str__(self) -> str:
        return f"{self.seller}: {self.category}"


class CommissionMinimum(models.Model):
    """The least commission on one seller's sales in one currency. In the others there is none."""

    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="commission_minimums")
    currency = models.CharField(max_length=3)
    minimum_minor = models.BigIntegerField(help_text="in minor units of this currency")

    minimum = MinorMoney("minimum_minor")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["seller", "currency"], name="minimum_unique_per_seller_and_currency"),
            models.CheckConstraint(name="minimum_not_negative", condition=models.Q(minimum_minor__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.seller}: {self.minimum}"
