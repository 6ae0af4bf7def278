"""The console's pages on money in."""

from payments.admin import calls, checkouts, disputes, events, orders, refunds, sellers, surpluses, webhooks

__all__ = ["calls", "checkouts", "disputes", "events", "orders", "refunds", "sellers", "surpluses", "webhooks"]
