"""What the API reads and writes. Amounts are strings in major units, never JSON numbers."""

from typing import Any
from urllib.parse import urlsplit

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger.money import BadAmount, UnknownCurrency, exponent, parse_amount
from operations.api.serializers import CountryField, EmailField, IdentifierField, StrictCharField, StrictSerializer

MAX_ORDERS = 100


@extend_schema_field({"type": "string", "pattern": r"^(0|[1-9]\d*)(\.\d{1,4})?$", "example": "12.30"})
class AmountField(StrictCharField):
    """An amount as text, to the letter; its currency stands beside it."""


class CurrencyField(StrictCharField):
    """An ISO 4217 code in capitals."""

    def to_internal_value(self, data: Any) -> str:
        """Return the code."""
        code = super().to_internal_value(data)
        try:
            exponent(code)
        except UnknownCurrency as error:
            raise serializers.ValidationError(str(error), code=error.code) from error
        return code


class MoneySerializer(StrictSerializer):
    """Mixes `amount` and `currency` into one Money under `money`."""

    amount = AmountField()
    currency = CurrencyField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Read the amount with the decimals that its currency has."""
        try:
            attrs["money"] = parse_amount(attrs["amount"], attrs["currency"])
        except BadAmount as error:
            raise serializers.ValidationError({"amount": [str(error)]}, code=error.code) from error
        return attrs


class PaymentOrderInput(MoneySerializer):
    """One seller's part of a payment."""

    payment_order_id = IdentifierField()
    seller_account = IdentifierField()


class BuyerInput(StrictSerializer):
    """What the storefront tells of the buyer."""

    buyer_id = IdentifierField(required=False)
    name = StrictCharField(max_length=200, required=False)
    email = EmailField(required=False)
    country = CountryField(required=False)


class OrdersField(serializers.ListField):
    """The payment orders of a checkout. Counted before any is read, so that a huge list costs nothing."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the orders."""
        if isinstance(data, list) and len(data) > MAX_ORDERS:
            raise serializers.ValidationError(f"A checkout has at most {MAX_ORDERS} payment orders.")
        return super().to_internal_value(data)


class PaymentInput(StrictSerializer):
    """A payment: a checkout with one order per seller, all in one currency."""

    checkout_id = IdentifierField()
    buyer_info = BuyerInput()
    payment_orders = OrdersField(child=PaymentOrderInput(), min_length=1, max_length=MAX_ORDERS)
    return_url = StrictCharField(max_length=2000, required=False)

    def validate_payment_orders(self, orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse two currencies in one checkout, and one order twice."""
        if len({order["currency"] for order in orders}) > 1:
            raise serializers.ValidationError("All payment orders of a checkout must be in one currency.")
        if len({order["payment_order_id"] for order in orders}) < len(orders):
            raise serializers.ValidationError("Each payment_order_id may appear only once.")
        return orders

    def validate_return_url(self, url: str) -> str:
        """Allow only the origins that this storefront registered, compared whole."""
        origins: list[str] = self.context["return_origins"]
        parts = urlsplit(url)
        plain = url.isascii() and "\\" not in url and "@" not in parts.netloc
        if not plain or f"{parts.scheme}://{parts.netloc}" not in origins:
            raise serializers.ValidationError("This is not an address of this storefront.")
        return url


class SellerInput(StrictSerializer):
    """A seller to be made known."""

    seller_id = IdentifierField()
    name = StrictCharField(max_length=200)
    country = CountryField()


class RefundInput(StrictSerializer):
    """A refund of a payment order; without an amount, of all that is left."""

    payment_order_id = IdentifierField()
    amount = AmountField(required=False)
    currency = CurrencyField(required=False)
    reason = StrictCharField(max_length=500, required=False, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Read the amount, which needs its currency beside it."""
        if ("amount" in attrs) != ("currency" in attrs):
            raise serializers.ValidationError({"currency": ["Give amount and currency together, or neither."]})
        if "amount" in attrs:
            try:
                attrs["money"] = parse_amount(attrs["amount"], attrs["currency"])
            except BadAmount as error:
                raise serializers.ValidationError({"amount": [str(error)]}, code=error.code) from error
        return attrs
