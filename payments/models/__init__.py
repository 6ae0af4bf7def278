"""The tables of money in."""

from payments.models.checkouts import Attempt, Checkout, PaymentOrder
from payments.models.events import StorefrontEvent
from payments.models.refunds import Refund
from payments.models.sellers import CommissionMinimum, CommissionRate, Seller
from payments.models.webhooks import EventListing, WebhookEvent

__all__ = [
    "Attempt",
    "Checkout",
    "CommissionMinimum",
    "CommissionRate",
    "EventListing",
    "PaymentOrder",
    "Refund",
    "Seller",
    "StorefrontEvent",
    "WebhookEvent",
]
