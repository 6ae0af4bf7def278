"""The front door for verbs: what other rooms may ask of money out."""

from payouts.services.batches import NothingToPayOut, approve_batch, cancel_batch, propose_batch
from payouts.services.debts import net_debts
from payouts.services.deliveries import (
    DeliveryAlreadyReported,
    DeliveryBeforePayment,
    DeliveryInFuture,
    OrderNotPaid,
    release_again,
    release_due,
    report_delivery,
)
from payouts.services.sending import confirm_payout, send_payout, transfer_changed

__all__ = [
    "DeliveryAlreadyReported",
    "DeliveryBeforePayment",
    "DeliveryInFuture",
    "NothingToPayOut",
    "OrderNotPaid",
    "approve_batch",
    "cancel_batch",
    "confirm_payout",
    "net_debts",
    "propose_batch",
    "release_again",
    "release_due",
    "report_delivery",
    "send_payout",
    "transfer_changed",
]
