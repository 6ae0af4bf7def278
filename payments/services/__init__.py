"""The front door for verbs: what other rooms may ask of money in."""

from payments.services.captures import AmountMismatch, sync_attempt
from payments.services.checkouts import (
    CheckoutExists,
    CheckoutResult,
    NewCheckout,
    NewOrder,
    OrderExists,
    ProviderRefused,
    create_checkout,
    register_attempt,
)
from payments.services.events import EventNotAccepted, send_event
from payments.services.refunds import (
    NotRefundable,
    RefundExceedsPaid,
    request_refund,
    send_refund,
    sync_refund,
)
from payments.services.sellers import (
    SellerExists,
    TaxUnnamed,
    open_seller_account,
    register_seller,
    sync_seller_account,
)
from payments.services.webhooks import handle_event, receive_event

__all__ = [
    "AmountMismatch",
    "CheckoutExists",
    "CheckoutResult",
    "EventNotAccepted",
    "NewCheckout",
    "NewOrder",
    "NotRefundable",
    "OrderExists",
    "ProviderRefused",
    "RefundExceedsPaid",
    "SellerExists",
    "TaxUnnamed",
    "create_checkout",
    "handle_event",
    "open_seller_account",
    "receive_event",
    "register_attempt",
    "register_seller",
    "request_refund",
    "send_event",
    "send_refund",
    "sync_attempt",
    "sync_refund",
    "sync_seller_account",
]
