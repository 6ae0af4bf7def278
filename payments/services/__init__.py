"""The front door for verbs: what other rooms may ask of money in."""

from payments.services.captures import AmountMismatch, sync_attempt
from payments.services.checkouts import (
    CheckoutExists,
    CheckoutResult,
    NewCheckout,
    NewOrder,
    OrderExists,
    ProviderRefused,
    buyer_returned,
    create_checkout,
    register_attempt,
)
from payments.services.events import EventNotAccepted, send_event
from payments.services.inbox import (
    Listing,
    ListingFailed,
    NotReplayable,
    compare_events,
    handle_event,
    receive_event,
    replay_event,
    sync_events,
)
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

__all__ = [
    "AmountMismatch",
    "CheckoutExists",
    "CheckoutResult",
    "EventNotAccepted",
    "Listing",
    "ListingFailed",
    "NewCheckout",
    "NewOrder",
    "NotRefundable",
    "NotReplayable",
    "OrderExists",
    "ProviderRefused",
    "RefundExceedsPaid",
    "SellerExists",
    "TaxUnnamed",
    "buyer_returned",
    "compare_events",
    "create_checkout",
    "handle_event",
    "open_seller_account",
    "receive_event",
    "register_attempt",
    "register_seller",
    "replay_event",
    "request_refund",
    "send_event",
    "send_refund",
    "sync_attempt",
    "sync_events",
    "sync_refund",
    "sync_seller_account",
]
