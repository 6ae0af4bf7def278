"""Sums over the orders that were played, from the rooms' own front doors."""

from typing import Any

import ledger.selectors
import payments.selectors
import payouts.selectors
import reconciliation.selectors
from config.demo.day import DayEnd


def totals(*, storefront: str, checkout_ids: list[str], end: DayEnd, seconds: int) -> dict[str, Any]:
    """Return what became of some checkouts (the storefront's ids), in minor units of their currency."""
    checkouts = list(payments.selectors.order_subjects(storefront=storefront, checkout_ids=checkout_ids).values())
    orders = payments.selectors.orders_of(checkouts=checkouts)
    paid = payments.selectors.totals(checkouts=checkouts)
    moved = payouts.selectors.totals(orders=orders)
    batch_payouts = payouts.selectors.payouts_of_orders(orders=orders)
    subjects = [f"checkout:{checkout}" for checkout in checkouts] + [f"payout:{payout}" for payout in batch_payouts]
    sources = payments.selectors.provider_refs(checkouts=checkouts) + payouts.selectors.provider_refs(
        payouts=batch_payouts
    )
    return {
        "orders": len(checkouts),
        "captured_minor": paid.captured_minor,
        "commission_minor": paid.commission_minor,
        "psp_fees_minor": paid.psp_fees_minor,
        "refunded_minor": paid.refunded_minor,
        "released_minor": moved.released_minor,
        "paid_out_minor": moved.paid_out_minor,
        "journal_entries": ledger.selectors.count_entries(subjects=subjects),
        "lines_reconciled": reconciliation.selectors.lines_reconciled(sources=sources),
        "discrepancies": end.open_discrepancies,
        "unexplained_minor": end.unexplained_minor,
        "books_proved": end.books_proved,
        "seconds": seconds,
    }
