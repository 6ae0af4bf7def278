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
from payments.services.disputes import sync_dispute, warn_of_deadline
from payments.services.events import EventNotAccepted, send_event
from payments.services.evidence import (
    EVIDENCE_FIELDS,
    EvidenceNotWanted,
    EvidenceTooLong,
    EvidenceUnderWay,
    send_evidence,
    submit_evidence,
)
from payments.services.fees import true_up_fee
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
    PaymentDisputed,
    RefundExceedsPaid,
    approve_refund,
    reject_refund,
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
    "EVIDENCE_FIELDS",
    "AmountMismatch",
    "CheckoutExists",
    "CheckoutResult",
    "EventNotAccepted",
    "EvidenceNotWanted",
    "EvidenceTooLong",
    "EvidenceUnderWay",
    "Listing",
    "ListingFailed",
    "NewCheckout",
    "NewOrder",
    "NotRefundable",
    "NotReplayable",
    "OrderExists",
    "PaymentDisputed",
    "ProviderRefused",
    "RefundExceedsPaid",
    "SellerExists",
    "TaxUnnamed",
    "approve_refund",
    "buyer_returned",
    "compare_events",
    "create_checkout",
    "handle_event",
    "open_seller_account",
    "receive_event",
    "register_attempt",
    "register_seller",
    "reject_refund",
    "replay_event",
    "request_refund",
    "send_event",
    "send_evidence",
    "send_refund",
    "submit_evidence",
    "sync_attempt",
    "sync_dispute",
    "sync_events",
    "sync_refund",
    "sync_seller_account",
    "true_up_fee",
    "warn_of_deadline",
]
