from functools import partial

from django.conf import settings
from django.db import models

from ledger.money import MinorMoney, Money
from operations.ids import new_id
from operations.lifecycle import StateField, StatefulModel, with_transitions
from payments.states import ATTEMPT, ORDER, AttemptState, OrderState


class CaptureMethod(models.TextChoices):
    AUTOMATIC = "automatic", "the money is taken when the buyer pays"
    MANUAL = "manual", "the money is reserved, and captured later"


class Checkout(models.Model):
    """One buyer's purchase: the chapter's payment event. It holds one payment order per seller."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "chk"), editable=False)
    storefront = models.ForeignKey("operations.Storefront", on_delete=models.PROTECT, related_name="checkouts")
    checkout_id = models.TextField(help_text="the storefront's own id")
    buyer_info = models.JSONField(default=dict)
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    return_url = models.TextField(blank=True, help_text="where the buyer goes back to")
    capture_method = models.TextField(choices=CaptureMethod.choices, default=CaptureMethod.AUTOMATIC)
    cart = models.PositiveSmallIntegerField(default=1, help_text="which version of the cart counts")
    is_payment_done = models.BooleanField(default=False, help_text="every payment order of the cart succeeded")
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()

    total = MinorMoney("total_minor")

    class Meta:
        indexes = [models.Index(fields=["storefront", "id"], name="checkout_by_storefront")]
        constraints = [
            models.UniqueConstraint(fields=["storefront", "checkout_id"], name="checkout_unique_per_storefront"),
            models.CheckConstraint(name="checkout_total_positive", condition=models.Q(total_minor__gt=0)),
        ]

    def __str__(self) -> str:
        return self.checkout_id

    @property
    def status_page(self) -> str:
        """Return the address of ours where the buyer comes back to, and sees how the payment stands."""
        return f"{settings.PUBLIC_URL}/pay/{self.id}/return"


@with_transitions(ORDER)
class PaymentOrder(StatefulModel):
    """One seller's part of a checkout."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "ord"), editable=False)
    checkout = models.ForeignKey(Checkout, on_delete=models.PROTECT, related_name="orders")
    storefront = models.ForeignKey("operations.Storefront", on_delete=models.PROTECT, related_name="+")
    payment_order_id = models.TextField(help_text="the storefront's own id")
    seller = models.ForeignKey("payments.Seller", on_delete=models.PROTECT, related_name="orders")
    amount_minor = models.BigIntegerField()
    category = models.CharField(max_length=50, blank=True, default="", help_text="what was sold, for the commission")
    commission_minor = models.BigIntegerField(help_text="frozen at the sale")
    commission_tax_minor = models.BigIntegerField(default=0, help_text="tax on the commission, frozen at the sale")
    tax = models.TextField(blank=True, default="", help_text="that tax's account, frozen at the sale")
    currency = models.CharField(max_length=3)
    cart = models.PositiveSmallIntegerField(default=1, help_text="the version of the cart that it belongs to")
    captured_minor = models.BigIntegerField(default=0, help_text="taken and booked so far")
    captured_commission_minor = models.BigIntegerField(default=0, help_text="our commission on what was captured")
    captured_tax_minor = models.BigIntegerField(default=0, help_text="the tax on that commission")
    refunded_minor = models.BigIntegerField(default=0, help_text="refunds under way and done")
    paid_by = models.ForeignKey(
        "payments.Attempt",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="paid_orders",
        help_text="the attempt that reserved or took the money",
    )
    state = StateField(choices=OrderState.choices, default=OrderState.NOT_STARTED)
    state_since = models.DateTimeField()
    ledger_updated = models.BooleanField(default=False)
    wallet_updated = models.BooleanField(default=False)
    paid_at = models.DateTimeField(null=True, blank=True)

    amount = MinorMoney("amount_minor")
    commission = MinorMoney("commission_minor")
    commission_tax = MinorMoney("commission_tax_minor")
    captured = MinorMoney("captured_minor")
    captured_commission = MinorMoney("captured_commission_minor")
    captured_tax = MinorMoney("captured_tax_minor")
    refunded = MinorMoney("refunded_minor")

    class Meta:
        indexes = [models.Index(fields=["storefront", "id"], name="order_by_storefront")]
        constraints = [
            models.UniqueConstraint(fields=["storefront", "payment_order_id"], name="order_unique_per_storefront"),
            models.CheckConstraint(name="order_amount_positive", condition=models.Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="order_commission_within_amount",
                condition=models.Q(
                    commission_minor__gte=0,
                    commission_tax_minor__gte=0,
                    amount_minor__gte=models.F("commission_minor") + models.F("commission_tax_minor"),
                ),
            ),
            models.CheckConstraint(
                name="order_tax_has_an_account",
                condition=models.Q(commission_tax_minor=0) | ~models.Q(tax=""),
            ),
            models.CheckConstraint(
                name="order_captured_within_amount",
                condition=models.Q(captured_minor__gte=0, captured_minor__lte=models.F("amount_minor")),
            ),
            models.CheckConstraint(
                name="order_captured_commission_within_captured",
                condition=models.Q(
                    captured_commission_minor__gte=0,
                    captured_tax_minor__gte=0,
                    captured_minor__gte=models.F("captured_commission_minor") + models.F("captured_tax_minor"),
                ),
            ),
            models.CheckConstraint(
                name="order_refunds_within_captured",
                condition=models.Q(refunded_minor__gte=0, refunded_minor__lte=models.F("captured_minor")),
            ),
            # Wallet and ledger move in one transaction with the state; the flags say so to readers.
            models.CheckConstraint(
                name="order_success_is_booked",
                condition=~models.Q(state="SUCCESS") | models.Q(ledger_updated=True, wallet_updated=True),
            ),
            models.CheckConstraint(
                name="order_success_is_captured",
                condition=~models.Q(state="SUCCESS") | models.Q(captured_minor__gt=0, paid_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.payment_order_id


@with_transitions(ATTEMPT)
class Attempt(StatefulModel):
    """One try to have a checkout paid at the provider, with its request frozen before it is sent."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "att"), editable=False)
    checkout = models.ForeignKey(Checkout, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    cart = models.PositiveSmallIntegerField(default=1, help_text="the version of the cart that it is for")
    amount_minor = models.BigIntegerField(help_text="what the buyer is asked to pay")
    currency = models.CharField(max_length=3)
    psp = models.TextField()
    psp_key = models.TextField(unique=True, help_text="our idempotency key at the provider")
    params = models.JSONField(help_text="the request, frozen: a repetition is the same to the letter")
    state = StateField(choices=AttemptState.choices, default=AttemptState.CREATED)
    state_since = models.DateTimeField()
    psp_ref = models.TextField(null=True, unique=True, help_text="the provider's token")  # noqa: DJ001 - unique
    page_url = models.TextField(blank=True)
    page_secret = models.TextField(blank=True, default="", help_text="what the embedded form opens with")
    charge_ref = models.TextField(null=True, unique=True)  # noqa: DJ001 - unique, so none must be NULL
    payment_ref = models.TextField(blank=True)
    fee_minor = models.BigIntegerField(default=0, help_text="what the provider charged, or is expected to")
    fee_currency = models.CharField(
        max_length=3, blank=True, default="", db_default="", help_text="the fee's; nothing means the attempt's own"
    )
    fee_known = models.BooleanField(default=True, help_text="false while the fee is only expected")
    authorized_until = models.DateTimeField(null=True, blank=True, help_text="when a reservation lapses")
    warned_at = models.DateTimeField(null=True, blank=True, help_text="when the storefront was told that it will")
    processing_since = models.DateTimeField(
        null=True, blank=True, help_text="when it was seen that the buyer is done, and the bank not yet"
    )
    last_error = models.TextField(blank=True)
    declined_as = models.TextField(blank=True, default="", help_text="the code of a definite refusal")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    sends = models.PositiveSmallIntegerField(default=0, help_text="how many processes may have sent it, or be at it")

    amount = MinorMoney("amount_minor")

    class Meta:
        indexes = [
            models.Index(
                fields=["state_since"],
                name="attempt_ended",
                condition=models.Q(
                    state__in=["succeeded", "authorized", "declined", "expired", "canceled", "not_sent"]
                ),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["checkout", "number"], name="attempt_unique_number"),
            # No second attempt starts before the first one's outcome is known.
            models.UniqueConstraint(
                fields=["checkout"],
                name="attempt_one_alive",
                condition=models.Q(state__in=["created", "unknown", "pending", "authorized"]),
            ),
            models.CheckConstraint(
                name="attempt_sent_by_somebody",
                condition=models.Q(sends=0, sent_at__isnull=True) | models.Q(sends__gt=0, sent_at__isnull=False),
            ),
            # Another provider is asked only where this one surely was not.
            models.CheckConstraint(
                name="attempt_not_sent_by_anybody",
                condition=~models.Q(state="not_sent") | models.Q(psp_ref__isnull=True, sends=0),
            ),
        ]

    def __str__(self) -> str:
        return self.psp_ref or self.id

    @property
    def fee(self) -> Money:
        """Return the provider's fee, in the currency in which it settles."""
        return Money(self.fee_minor, self.fee_currency or self.currency)

    @property
    def error_code(self) -> str:
        """Return the code of the last refusal; nothing where there was none, or its reason is no code."""
        return self.last_error if self.last_error.isidentifier() else self.declined_as
