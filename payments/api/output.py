"""The shapes of what the API answers, for the OpenAPI document; `representations` fills them.

The tests validate every answer against the document, so the two cannot part.
"""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from payments.event_catalogue import EVENT_TYPES
from payments.gateway.declines import Retry
from payments.models.checkouts import CaptureMethod
from payments.models.disputes import Bearer
from payments.models.evidence_files import EvidenceKind
from payments.states import DisputeState, EventDeliveryState, EvidenceState, OrderState, RefundState

_AMOUNT = r"^(0|[1-9]\d*)(\.\d{1,4})?$"


@extend_schema_field({"type": "string", "pattern": _AMOUNT, "description": "In major units, exactly."})
class AmountText(serializers.CharField):
    """An amount that is never negative."""


@extend_schema_field({"type": "string", "pattern": "^-?" + _AMOUNT[1:], "description": "In major units, exactly."})
class SignedAmountText(serializers.CharField):
    """An amount that may be negative."""


@extend_schema_field({"type": "string", "pattern": "^[A-Z]{3}$"})
class CurrencyCode(serializers.CharField):
    """An ISO 4217 code."""


@extend_schema_field({"type": "string", "enum": list(OrderState.values)})
class OrderStatus(serializers.CharField):
    """Where a payment order stands."""


@extend_schema_field({"type": "string", "enum": list(RefundState.values)})
class RefundStatus(serializers.CharField):
    """Where a refund stands."""


@extend_schema_field({"type": "string", "enum": list(EventDeliveryState.values)})
class DeliveryStatus(serializers.CharField):
    """Where a delivery of an event stands."""


@extend_schema_field({"type": "string", "enum": list(DisputeState.values)})
class DisputeStatus(serializers.CharField):
    """Where a dispute stands."""


@extend_schema_field({"type": "string", "enum": list(EvidenceState.values)})
class EvidenceStatus(serializers.CharField):
    """Where what was handed in stands."""


@extend_schema_field({"type": "string", "enum": list(EvidenceKind.values)})
class EvidenceKindName(serializers.CharField):
    """What a file shows."""


@extend_schema_field({"type": "string", "enum": list(Bearer.values)})
class BearerName(serializers.CharField):
    """Who bears a share of a dispute."""


@extend_schema_field({"type": "string", "enum": list(CaptureMethod.values)})
class CaptureMethodName(serializers.CharField):
    """Whether the money is taken at once, or reserved first."""


@extend_schema_field({"type": "string", "enum": [each.value for each in Retry]})
class RetryableBy(serializers.CharField):
    """Who may try again."""


@extend_schema_field({"type": "string", "enum": ["buyer", "provider", "storefront", "us", "person"]})
class WaitedFor(serializers.CharField):
    """Whom something unfinished waits for."""


@extend_schema_field({"type": "string", "enum": list(EVENT_TYPES)})
class EventTypeName(serializers.CharField):
    """A type of the event catalogue."""


Output = serializers.Serializer
Fields = dict[str, serializers.Field[Any, Any, Any, Any]]


class WaitingOutput(Output[Any]):
    """Whom something unfinished waits for, for what, and since when."""

    on = WaitedFor()
    since = serializers.DateTimeField()

    def get_fields(self) -> Fields:
        """Add the field whose name Python keeps for itself."""
        return {**super().get_fields(), "for": serializers.CharField()}


class RefundOutput(Output[Any]):
    """A refund."""

    id = serializers.CharField()
    payment_order_id = serializers.CharField()
    amount = AmountText()
    currency = CurrencyCode()
    status = RefundStatus()
    waiting = WaitingOutput(allow_null=True, help_text="Null once it is over.")
    waiting_for_approval = serializers.BooleanField(help_text="A second person of ours has to agree first.")
    reason = serializers.CharField()
    failure_reason = serializers.CharField(help_text="Empty unless it failed.")
    created_at = serializers.DateTimeField()


class CheckoutRefundsOutput(Output[Any]):
    """What was refunded of a checkout: one refund of each of its orders that gives something of it."""

    checkout_id = serializers.CharField()
    refunds = RefundOutput(many=True)


class RateOutput(Output[Any]):
    """The rate of our commission on one category, in basis points."""

    category = serializers.CharField()
    bps = serializers.IntegerField()


class MinimumOutput(Output[Any]):
    """The least commission on a sale in one currency."""

    amount = AmountText()
    currency = CurrencyCode()


class WalletOutput(Output[Any]):
    """What a seller has with us in one currency; the receivable is what they owe us."""

    currency = CurrencyCode()
    pending = AmountText()
    available = AmountText()
    reserved = AmountText()
    receivable = AmountText()


class SellerOutput(Output[Any]):
    """A seller, with the terms of our commission. The balances stand where one seller is shown, or on demand."""

    seller_id = serializers.CharField()
    name = serializers.CharField()
    country = serializers.CharField()
    commission_bps = serializers.IntegerField()
    commission_tax_bps = serializers.IntegerField()
    commission_tax = serializers.CharField()
    commission_rates = RateOutput(many=True)
    commission_minimums = MinimumOutput(many=True)
    payouts_enabled = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    balances = WalletOutput(many=True, required=False)


class OrderOutput(Output[Any]):
    """One seller's part of a checkout, and where it stands."""

    payment_order_id = serializers.CharField()
    seller_account = serializers.CharField()
    amount = AmountText()
    currency = CurrencyCode()
    category = serializers.CharField()
    captured = AmountText()
    refunded = AmountText()
    status = OrderStatus()
    waiting = WaitingOutput(allow_null=True, help_text="Null once it is over.")
    ledger_updated = serializers.BooleanField()
    wallet_updated = serializers.BooleanField()


class PageOutput(Output[Any]):
    """The provider's page on which the buyer pays."""

    url = serializers.CharField()
    token = serializers.CharField()


class AuthorizationOutput(Output[Any]):
    """An amount that is reserved."""

    expires_at = serializers.DateTimeField(help_text="Capture it before.")


class LastErrorOutput(Output[Any]):
    """Why the last try failed."""

    code = serializers.CharField()
    retryable = RetryableBy(help_text="Who may try again.")


class CheckoutOutput(Output[Any]):
    """A buyer's purchase with one payment order per seller."""

    id = serializers.CharField()
    checkout_id = serializers.CharField()
    amount = AmountText()
    currency = CurrencyCode()
    is_payment_done = serializers.BooleanField()
    capture_method = CaptureMethodName()
    authorization = AuthorizationOutput(allow_null=True, help_text="Null while nothing is reserved.")
    last_error = LastErrorOutput(allow_null=True)
    payment_page = PageOutput(allow_null=True, help_text="Null while the provider has not registered the checkout.")
    status_page = serializers.URLField(
        help_text="Where the buyer sees how the payment stands: while it is confirmed, or under review."
    )
    expires_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    payment_orders = OrderOutput(many=True)
    refunds = RefundOutput(many=True, required=False)


class PaymentOutput(OrderOutput):
    """A payment order with its refunds; checkout and seller whole on demand."""

    checkout_id = serializers.CharField()
    is_payment_done = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    refunds = RefundOutput(many=True)
    checkout = CheckoutOutput(required=False)
    seller = SellerOutput(required=False)


class ExpandedRefundOutput(RefundOutput):
    """A refund; its payment whole on demand."""

    payment = PaymentOutput(required=False)


class ShareOutput(Output[Any]):
    """What a dispute is about of one payment order."""

    payment_order_id = serializers.CharField()
    amount = AmountText()
    borne_by = BearerName()


class EvidenceOutput(Output[Any]):
    """What was handed in for a dispute."""

    id = serializers.CharField()
    status = EvidenceStatus()
    final = serializers.BooleanField()
    evidence = serializers.DictField(child=serializers.CharField())
    files = serializers.ListField(child=serializers.CharField(), help_text="Ids of the dispute's files.")
    failure_reason = serializers.CharField()


class EvidenceFileOutput(Output[Any]):
    """A file that was handed in for a dispute."""

    id = serializers.CharField()
    kind = EvidenceKindName()
    name = serializers.CharField(help_text="Ours.")
    media_type = serializers.CharField(help_text="By its content.")
    size = serializers.IntegerField(help_text="In bytes.")
    sha256 = serializers.CharField()
    status = EvidenceStatus()
    failure_reason = serializers.CharField()
    created_at = serializers.DateTimeField()


class DisputeOutput(Output[Any]):
    """A dispute of the buyer's bank, with the orders that it is about and what was handed in."""

    id = serializers.CharField()
    checkout_id = serializers.CharField()
    amount = AmountText()
    currency = CurrencyCode()
    status = DisputeStatus()
    waiting = WaitingOutput(allow_null=True, help_text="Null once it is over.")
    reason = serializers.CharField(help_text="The bank's, in the provider's words.")
    withdrawn = AmountText(help_text="What the bank holds of it now.")
    fee = AmountText(help_text="The provider's fees for it so far.")
    fee_currency = CurrencyCode(help_text="In which the provider settles: the dispute's own, or another.")
    wants_evidence = serializers.BooleanField()
    evidence_due_by = serializers.DateTimeField(allow_null=True)
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    payment_orders = ShareOutput(many=True)
    evidence = EvidenceOutput(many=True)
    files = EvidenceFileOutput(many=True)


class BalanceOutput(Output[Any]):
    """A seller's wallets, one a currency."""

    seller_id = serializers.CharField()
    balances = WalletOutput(many=True)


class PartsOutput(Output[Any]):
    """The parts of a wallet."""

    pending = SignedAmountText()
    available = SignedAmountText()
    reserved = SignedAmountText()
    receivable = SignedAmountText()


class MovementOutput(PartsOutput):
    """What one kind of event did to a wallet in a period."""

    event = serializers.CharField(help_text="As docs/ledger.md names it.")
    entries = serializers.IntegerField()
    net = SignedAmountText()


class StatementOutput(Output[Any]):
    """A seller's statement: opening and movements sum to closing, part by part."""

    seller_id = serializers.CharField()
    currency = CurrencyCode()
    until = serializers.DateField()
    opening = PartsOutput()
    movements = MovementOutput(many=True)
    closing = PartsOutput()

    def get_fields(self) -> Fields:
        """Add the field whose name Python keeps for itself."""
        return {**super().get_fields(), "from": serializers.DateField()}


class TryOutput(Output[Any]):
    """One try to deliver, and what the endpoint answered."""

    at = serializers.DateTimeField()
    http_status = serializers.IntegerField(allow_null=True, help_text="Null where no answer came.")
    milliseconds = serializers.IntegerField()
    answer = serializers.CharField()


class DeliveryLogOutput(Output[Any]):
    """How one event fares with one endpoint."""

    id = serializers.CharField()
    event_id = serializers.CharField()
    endpoint_id = serializers.CharField()
    status = DeliveryStatus()
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)
    tries = TryOutput(many=True)


class MessageOutput(Output[Any]):
    """The message that endpoints get; docs/events has the schema of its data for each type."""

    type = EventTypeName()
    timestamp = serializers.DateTimeField()

    def get_fields(self) -> Fields:
        """Add the field whose name the serializer keeps for itself."""
        return {**super().get_fields(), "data": serializers.DictField()}


class EventOutput(Output[Any]):
    """An event of your storefront."""

    id = serializers.CharField(help_text="The webhook-id of its message.")
    type = EventTypeName()
    created_at = serializers.DateTimeField()
    message = MessageOutput()
    deliveries = DeliveryLogOutput(many=True, required=False)


class EndpointOutput(Output[Any]):
    """Where you want to be told."""

    id = serializers.CharField()
    url = serializers.CharField()
    description = serializers.CharField()
    event_types = serializers.ListField(child=EventTypeName(), help_text="Empty: all.")
    enabled = serializers.BooleanField()
    disabled_reason = serializers.CharField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class EndpointWithSecretOutput(EndpointOutput):
    """An endpoint with the secret that its messages are signed with, shown this once."""

    secret = serializers.CharField()
