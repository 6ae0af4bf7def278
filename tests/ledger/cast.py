"""What the tests of the recipes share: amounts, a sale of ann's, and what bears a refund."""

from datetime import UTC, datetime
from typing import Any

from ledger import recipes
from ledger.money import Money

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def euros(minor: int) -> Money:
    """Return an amount of cents."""
    return Money(minor, "EUR")


def yen(minor: int) -> Money:
    """Return an amount of yen."""
    return Money(minor, "JPY")


def dollars(minor: int) -> Money:
    """Return an amount of US cents."""
    return Money(minor, "USD")


def sale(**changes: Any) -> recipes.Sale:
    """Return ann's sale of 100.00 EUR with 10.00 of commission and 2.30 of tax on it."""
    facts: dict[str, Any] = {
        "order": "ord_1",
        "seller": "ann",
        "gross": euros(10_000),
        "commission": euros(1_000),
        "commission_tax": euros(230),
        "tax": "vat_pt",
    }
    return recipes.Sale(**facts | changes)


def split(**changes: Any) -> recipes.RefundSplit:
    """Return what ann's sale bears: 100.00 EUR from everywhere that a refund can come from."""
    facts: dict[str, Any] = {
        "seller": "ann",
        "order": "ord_1",
        "from_pending": euros(4_000),
        "from_reserved": euros(500),
        "from_available": euros(1_000),
        "from_receivable": euros(3_270),
        "commission_back": euros(1_000),
        "tax_back": euros(230),
        "tax": "vat_pt",
    }
    return recipes.RefundSplit(**facts | changes)


def bobs_split(minor: int) -> recipes.RefundSplit:
    """Return what bob's sale bears: an amount that is still pending."""
    nothing = euros(0)
    return recipes.RefundSplit(
        seller="bob",
        order="ord_2",
        from_pending=euros(minor),
        from_available=nothing,
        from_receivable=nothing,
        commission_back=nothing,
    )
