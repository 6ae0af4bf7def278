"""The console's pages on money in."""

from payments.admin import checkouts, events, orders, refunds, sellers, webhooks

__all__ = ["checkouts", "events", "orders", "refunds", "sellers", "webhooks"]
