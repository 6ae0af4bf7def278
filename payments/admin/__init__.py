"""The console's pages on money in."""

from payments.admin import checkouts, disputes, events, orders, refunds, sellers, surpluses, webhooks

__all__ = ["checkouts", "disputes", "events", "orders", "refunds", "sellers", "surpluses", "webhooks"]
