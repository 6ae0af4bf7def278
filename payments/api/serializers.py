"""What the API reads and writes. Amounts are strings in major units, never JSON numbers."""

import base64
import binascii
import re
from typing import Any
from urllib.parse import urlsplit

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger.money import BadAmount, Money, UnknownCurrency, exponent, parse_amount
from operations.api.serializers import CountryField, EmailField, IdentifierField, StrictCharField, StrictSerializer
from payments.commissions import ALL_BPS
from payments.models.checkouts import CaptureMethod
from payments.models.evidence_files import EvidenceKind
from payments.services import EVIDENCE_FIELDS, EvidenceFileRefused
from payments.services.evidence import LONGEST_TEXT
from payments.services.evidence_files import MOST_BYTES, media_type_of

MAX_ORDERS = 100
MAX_RATES = 100
# More than there are currencies to be paid in.
MAX_MINIMUMS = 200
# Four characters for each three bytes.
LONGEST_BASE64 = -(-MOST_BYTES // 3) * 4
_TAX = re.compile(r"[a-z0-9_]{1,30}\Z")


@extend_schema_field({"type": "string", "pattern": r"^(0|[1-9]\d*)(\.\d{1,4})?$", "example": "12.30"})
class AmountField(StrictCharField):
    """An amount as text, to the letter; its currency stands beside it."""


@extend_schema_field({"type": "string", "pattern": "^[A-Z]{3}$", "example": "EUR"})
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


class CategoryField(StrictCharField):
    """A category of goods as the storefront names it, to the letter: a seller may have a rate for it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=50, **kwargs)


class WholeNumberField(serializers.IntegerField):
    """A JSON integer from zero: no text, no fraction, no truth value."""

    default_error_messages = {"invalid": "This must be a JSON integer."}

    def __init__(self, *, max_value: int, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=max_value, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        """Return the number itself; never one made of something else."""
        if type(data) is not int:
            self.fail("invalid")
        return int(data)


class TruthField(serializers.BooleanField):
    """A JSON truth value: no text, no number."""

    default_error_messages = {"invalid": "This must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        """Return the value itself; never one made of something else."""
        if type(data) is not bool:
            self.fail("invalid")
        return bool(data)


class TaxField(StrictCharField):
    """The name of a tax, which is the name of its account: vat_pt."""

    default_error_messages = {"tax": "Use 1 to 30 small letters, digits or '_', as in vat_pt."}

    def to_internal_value(self, data: Any) -> str:
        """Return the name."""
        text = super().to_internal_value(data)
        if not _TAX.match(text):
            self.fail("tax")
        return text


class PaymentOrderInput(MoneySerializer):
    """One seller's part of a payment. A category may have a commission rate of its own."""

    payment_order_id = IdentifierField()
    seller_account = IdentifierField()
    category = CategoryField(required=False)


class BuyerInput(StrictSerializer):
    """What the storefront tells of the buyer."""

    buyer_id = IdentifierField(required=False)
    name = StrictCharField(max_length=200, required=False)
    email = EmailField(required=False)
    country = CountryField(required=False)


class CountedListField(serializers.ListField):
    """A list that is counted before any of it is read, so that a huge one costs nothing."""

    def __init__(self, *, max_length: int, too_many: str, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)
        self.too_many = too_many

    def to_internal_value(self, data: Any) -> Any:
        """Return the entries."""
        if isinstance(data, list) and len(data) > (self.max_length or 0):
            raise serializers.ValidationError(self.too_many)
        return super().to_internal_value(data)


class CartInput(StrictSerializer):
    """The payment orders of a checkout, one per seller and all in one currency."""

    payment_orders = CountedListField(
        child=PaymentOrderInput(),
        min_length=1,
        max_length=MAX_ORDERS,
        too_many=f"A checkout has at most {MAX_ORDERS} payment orders.",
    )

    def validate_payment_orders(self, orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse two currencies in one checkout, and one order twice."""
        if len({order["currency"] for order in orders}) > 1:
            raise serializers.ValidationError("All payment orders of a checkout must be in one currency.")
        if len({order["payment_order_id"] for order in orders}) < len(orders):
            raise serializers.ValidationError("Each payment_order_id may appear only once.")
        return orders


class PaymentInput(CartInput):
    """A payment: a checkout with one order per seller, all in one currency."""

    checkout_id = IdentifierField()
    buyer_info = BuyerInput()
    return_url = StrictCharField(max_length=2000, required=False)
    capture_method = serializers.ChoiceField(choices=CaptureMethod.choices, required=False)

    def validate_return_url(self, url: str) -> str:
        """Allow only the origins that this storefront registered, compared whole."""
        origins: list[str] = self.context["return_origins"]
        parts = urlsplit(url)
        plain = url.isascii() and "\\" not in url and "@" not in parts.netloc
        if not plain or f"{parts.scheme}://{parts.netloc}" not in origins:
            raise serializers.ValidationError("This is not an address of this storefront.")
        return url


class CapturePartInput(MoneySerializer):
    """How much to capture of one payment order."""

    payment_order_id = IdentifierField()


class CaptureInput(StrictSerializer):
    """A capture: of all that is still reserved, or of parts. A final one, as by default, releases the rest."""

    payment_orders = CountedListField(
        child=CapturePartInput(),
        min_length=1,
        max_length=MAX_ORDERS,
        required=False,
        too_many=f"A checkout has at most {MAX_ORDERS} payment orders.",
    )
    final_capture = TruthField(required=False, default=True)

    def validate_payment_orders(self, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse one order twice, and a part of nothing."""
        if len({part["payment_order_id"] for part in parts}) < len(parts):
            raise serializers.ValidationError("Each payment_order_id may appear only once.")
        if any(not part["money"].minor for part in parts):
            raise serializers.ValidationError("Each amount must be more than zero.")
        return parts


class CancelInput(StrictSerializer):
    """A cancellation, which needs no words."""


class CommissionRateInput(StrictSerializer):
    """The rate of our commission on one category, in basis points."""

    category = CategoryField()
    bps = WholeNumberField(max_value=ALL_BPS)


class CommissionMinimumInput(MoneySerializer):
    """The least commission on a sale in one currency."""


class SellerInput(StrictSerializer):
    """A seller to be made known, with the terms of our commission where they are not the usual ones."""

    seller_id = IdentifierField()
    name = StrictCharField(max_length=200)
    country = CountryField()
    commission_tax_bps = WholeNumberField(max_value=ALL_BPS, required=False)
    commission_tax = TaxField(required=False)
    commission_rates = CountedListField(
        child=CommissionRateInput(),
        required=False,
        max_length=MAX_RATES,
        too_many=f"A seller has rates for at most {MAX_RATES} categories.",
    )
    commission_minimums = CountedListField(
        child=CommissionMinimumInput(),
        required=False,
        max_length=MAX_MINIMUMS,
        too_many=f"A seller has minimums in at most {MAX_MINIMUMS} currencies.",
    )

    def validate_commission_rates(self, rates: list[dict[str, Any]]) -> dict[str, int]:
        """Return the rates by category; refuse one category twice."""
        by_category = {rate["category"]: rate["bps"] for rate in rates}
        if len(by_category) < len(rates):
            raise serializers.ValidationError("Each category may appear only once.")
        return by_category

    def validate_commission_minimums(self, minimums: list[dict[str, Any]]) -> list[Money]:
        """Return the amounts; refuse one currency twice."""
        if len({minimum["currency"] for minimum in minimums}) < len(minimums):
            raise serializers.ValidationError("Each currency may appear only once.")
        return [minimum["money"] for minimum in minimums]


class CheckoutRefundInput(StrictSerializer):
    """A refund of a checkout, split over its orders; without an amount, of all that is left."""

    amount = AmountField(required=False)
    currency = CurrencyField(required=False)
    reason = StrictCharField(max_length=500, required=False, default="", allow_blank=True)

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


class RefundInput(CheckoutRefundInput):
    """A refund of a payment order; without an amount, of all that is left."""

    payment_order_id = IdentifierField()


class EvidenceTextField(StrictCharField):
    """A text for a bank: it may have several lines, and holds no card number."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text itself; its line ends and tabs are no control characters here."""
        if isinstance(data, str):
            super().to_internal_value(data.translate({9: " ", 10: " ", 13: " "}))
            return data
        return super().to_internal_value(data)


class EvidenceTextsInput(StrictSerializer):
    """The texts of the evidence, by name."""

    def get_fields(self) -> dict[str, Any]:
        """Return a field for each text that a bank takes."""
        return {name: EvidenceTextField(max_length=LONGEST_TEXT, required=False) for name in EVIDENCE_FIELDS}


class FileIdsField(CountedListField):
    """Ids of files that were handed in for the dispute."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=IdentifierField(), max_length=9, too_many="Name at most nine files.", **kwargs)


class EvidenceInput(StrictSerializer):
    """Evidence for a dispute. With `final`, which it is by default, it goes to the bank, and nothing can be added.

    `files` are ids of files that were handed in for the dispute, at most one of each kind.
    """

    evidence = EvidenceTextsInput(required=False, default=dict)
    files = FileIdsField(required=False, default=list)
    final = TruthField(required=False, default=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse evidence that says nothing."""
        if not attrs["evidence"] and not attrs["files"]:
            raise serializers.ValidationError({"evidence": ["Give at least one text, or a file."]})
        return attrs


@extend_schema_field({"type": "string", "contentEncoding": "base64", "maxLength": LONGEST_BASE64})
class FileContentField(serializers.Field[bytes, Any, str, Any]):
    """A file's content in base 64; what it is shows by its content alone."""

    def to_internal_value(self, data: Any) -> bytes:
        """Return the bytes."""
        if not isinstance(data, str):
            raise serializers.ValidationError("Not a valid string.")
        try:
            content = base64.b64decode(data.encode("ascii"), validate=True)
        except (UnicodeEncodeError, binascii.Error) as error:
            raise serializers.ValidationError("Give the content in base 64, without line breaks.") from error
        try:
            media_type_of(content)
        except EvidenceFileRefused as error:
            raise serializers.ValidationError(str(error), code=error.code) from error
        return content

    def to_representation(self, value: bytes) -> str:
        """Return the content as it came."""
        return base64.b64encode(value).decode()


@extend_schema_field({"type": "string", "enum": list(EvidenceKind.values)})
class EvidenceKindField(StrictCharField):
    """What a file shows, by the bank's names."""

    def to_internal_value(self, data: Any) -> str:
        """Return the name."""
        found = super().to_internal_value(data)
        if found not in EvidenceKind.values:
            raise serializers.ValidationError(f"It must be one of {', '.join(EvidenceKind.values)}.")
        return found


class EvidenceFileInput(StrictSerializer):
    """A file as evidence: what it shows, and its content. It is given a name of ours."""

    kind = EvidenceKindField(max_length=40)
    content = FileContentField()


class EventTypesField(CountedListField):
    """Types of the event catalogue; none means all."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            child=StrictCharField(max_length=100), max_length=100, too_many="Name at most 100 types.", **kwargs
        )
