"""The console's pages on money out."""

from payouts.admin import batches, deliveries, payouts

__all__ = ["batches", "deliveries", "payouts"]
