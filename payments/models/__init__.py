"""The tables of money in."""

from payments.models.calls import CallOutcome, ProviderCall
from payments.models.checkouts import Attempt, Checkout, PaymentOrder
from payments.models.disputes import Bearer, Dispute, DisputeEvidence, DisputeShare
from payments.models.events import DeliveryTry, EndpointSecret, EventDelivery, StorefrontEvent, WebhookEndpoint
from payments.models.evidence_files import EvidenceFile, EvidenceKind
from payments.models.instructions import Instruction, Surplus
from payments.models.refunds import Refund
from payments.models.risk import RiskVerdict
from payments.models.sellers import CommissionMinimum, CommissionRate, Seller
from payments.models.webhooks import EventListing, WebhookEvent

__all__ = [
    "Attempt",
    "Bearer",
    "CallOutcome",
    "Checkout",
    "CommissionMinimum",
    "CommissionRate",
    "DeliveryTry",
    "Dispute",
    "DisputeEvidence",
    "DisputeShare",
    "EndpointSecret",
    "EventDelivery",
    "EventListing",
    "EvidenceFile",
    "EvidenceKind",
    "Instruction",
    "PaymentOrder",
    "ProviderCall",
    "Refund",
    "RiskVerdict",
    "Seller",
    "StorefrontEvent",
    "Surplus",
    "WebhookEndpoint",
    "WebhookEvent",
]
