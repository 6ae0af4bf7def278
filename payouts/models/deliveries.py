from django.db import models


class Delivery(models.Model):
    """The storefront's word that an order was delivered: from then on the hold runs."""

    order_id = models.CharField(max_length=40, unique=True, help_text="our id of the payment order")
    seller_id = models.CharField(max_length=40)
    checkout_id = models.CharField(max_length=40)
    currency = models.CharField(max_length=3)
    delivered_at = models.DateTimeField()
    release_at = models.DateTimeField(help_text="delivered, and the hold over")
    reported_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    released_minor = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [models.Index(fields=["release_at"], name="delivery_due", condition=models.Q(released_at=None))]

    def __str__(self) -> str:
        return self.order_id
