from functools import partial

from django.db import models

from operations.ids import new_id


class Seller(models.Model):
    """Somebody who sells through a storefront, and to whom we owe what they earn."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "sel"), editable=False)
    storefront = models.ForeignKey("operations.Storefront", on_delete=models.PROTECT, related_name="sellers")
    seller_id = models.TextField(help_text="the storefront's own id")
    name = models.TextField()
    country = models.CharField(max_length=2)
    commission_bps = models.PositiveIntegerField(help_text="our commission in hundredths of a percent")
    psp_account = models.TextField(blank=True, help_text="the seller's account at the provider, once opened")
    payouts_enabled = models.BooleanField(default=False, help_text="the provider lets money through to it")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["storefront", "seller_id"], name="seller_unique_per_storefront"),
            models.CheckConstraint(
                name="seller_commission_at_most_all", condition=models.Q(commission_bps__lte=10_000)
            ),
        ]

    def __str__(self) -> str:
        return self.name
