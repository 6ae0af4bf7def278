"""The console's pages on money in."""

from payments.admin import checkouts, orders, refunds, sellers, webhooks

__all__ = ["checkouts", "orders", "refunds", "sellers", "webhooks"]
