"""Stored balances of sellers, read under lock by whoever is about to spend from them."""

from dataclasses import dataclass

from ledger import chart
from ledger.money import Money
from operations import database
from operations.edges import require_transaction


@dataclass(frozen=True, kw_only=True)
class LockedWallet:
    """A seller's balances, which nobody can move until the caller's transaction ends."""

    pending: Money
    available: Money
    reserved: Money
    receivable: Money


def lock_wallet(*, seller: str, currency: str) -> LockedWallet:
    """Lock a seller's balances, in the order in which posting locks them, and return them."""
    require_transaction("lock a wallet")
    codes = [chart.available(seller), chart.pending(seller), chart.receivable(seller), chart.reserved(seller)]
    rows = database.fetch_all(
        database.queries("ledger")["lock_seller_balances"], {"codes": codes, "currency": currency}
    )
    found = {row["code"]: Money(int(row["balance_minor"]), currency) for row in rows}
    nothing = Money(0, currency)
    return LockedWallet(
        pending=found.get(chart.pending(seller), nothing),
        available=found.get(chart.available(seller), nothing),
        reserved=found.get(chart.reserved(seller), nothing),
        receivable=found.get(chart.receivable(seller), nothing),
    )
