"""The payment providers: values in, values out. The only package that imports a provider's SDK."""

from django.conf import settings

from operations import switchboard
from payments.gateway.abilities import Abilities
from payments.gateway.base import (
    REFUND_GONE,
    CaptureRequest,
    CheckoutFacts,
    CheckoutRequest,
    CheckoutStatus,
    Declined,
    DisputeFacts,
    DisputeMovement,
    DisputeStatus,
    EvidenceFileRequest,
    EvidenceRequest,
    Gateway,
    Outcome,
    ProviderEvent,
    RefundFacts,
    RefundRequest,
    RefundStatus,
    Succeeded,
    Unknown,
)
from payments.gateway.calls import Call, with_subject
from payments.gateway.money_out import Account, AccountRequest, Transfer, TransferRequest
from payments.gateway.settlements import Settlement

__all__ = [
    "ACCOUNTS_PSP",
    "REFUND_GONE",
    "Abilities",
    "Account",
    "AccountRequest",
    "Call",
    "CaptureRequest",
    "CheckoutFacts",
    "CheckoutRequest",
    "CheckoutStatus",
    "Declined",
    "DisputeFacts",
    "DisputeMovement",
    "DisputeStatus",
    "EvidenceFileRequest",
    "EvidenceRequest",
    "Gateway",
    "Outcome",
    "ProviderEvent",
    "RefundFacts",
    "RefundRequest",
    "RefundStatus",
    "Settlement",
    "Succeeded",
    "Transfer",
    "TransferRequest",
    "Unknown",
    "provider",
]


# The provider at which sellers have accounts, and through which they are paid out.
ACCOUNTS_PSP = "stripe"


def provider(name: str = ACCOUNTS_PSP, *, about: str = "") -> Gateway:
    """Return a provider's gateway by the name under which the switchboard knows it; without one, the sellers' own.

    `about` (kind:id) is what its calls are kept with in the log of calls.
    """
    made: Gateway = switchboard.answerer("GATEWAYS", name)(settings)
    return with_subject(made, about) if about else made
