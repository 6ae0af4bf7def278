"""The payment providers: values in, values out. The only package that imports a provider's SDK."""

from django.conf import settings

from operations import switchboard
from payments.gateway.base import (
    Account,
    AccountRequest,
    CaptureRequest,
    CheckoutFacts,
    CheckoutRequest,
    CheckoutStatus,
    Declined,
    DisputeFacts,
    DisputeMovement,
    DisputeStatus,
    EvidenceRequest,
    Gateway,
    Outcome,
    ProviderEvent,
    RefundFacts,
    RefundRequest,
    RefundStatus,
    Succeeded,
    Transfer,
    TransferRequest,
    Unknown,
)

__all__ = [
    "ACCOUNTS_PSP",
    "Account",
    "AccountRequest",
    "CaptureRequest",
    "CheckoutFacts",
    "CheckoutRequest",
    "CheckoutStatus",
    "Declined",
    "DisputeFacts",
    "DisputeMovement",
    "DisputeStatus",
    "EvidenceRequest",
    "Gateway",
    "Outcome",
    "ProviderEvent",
    "RefundFacts",
    "RefundRequest",
    "RefundStatus",
    "Succeeded",
    "Transfer",
    "TransferRequest",
    "Unknown",
    "provider",
]


# The provider at which sellers have accounts, and through which they are paid out.
ACCOUNTS_PSP = "stripe"


def provider(name: str = ACCOUNTS_PSP) -> Gateway:
    """Return a provider's gateway by the name under which the switchboard knows it; without one, the sellers' own."""
    made: Gateway = switchboard.answerer("GATEWAYS", name)(settings)
    return made
