"""The tables of money out."""

from payouts.models.batches import Batch, Payout, PayoutItem
from payouts.models.deliveries import Delivery

__all__ = ["Batch", "Delivery", "Payout", "PayoutItem"]
