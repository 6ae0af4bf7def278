"""The tables of money in."""

from payments.models.checkouts import Attempt, Checkout, PaymentOrder
from payments.models.disputes import Bearer, Dispute, DisputeEvidence, DisputeShare
from payments.models.events import StorefrontEvent
from payments.models.refunds import Refund
from payments.models.sellers import CommissionMinimum, CommissionRate, Seller
from payments.models.webhooks import EventListing, WebhookEvent

__all__ = [
    "Attempt",
    "Bearer",
    "Checkout",
    "CommissionMinimum",
    "CommissionRate",
    "Dispute",
    "DisputeEvidence",
    "DisputeShare",
    "EventListing",
    "PaymentOrder",
    "Refund",
    "Seller",
    "StorefrontEvent",
    "WebhookEvent",
]
