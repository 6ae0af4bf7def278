"""What sellers owe us: paid from what they have available, the oldest debt first, before anything is paid out."""

from datetime import datetime

from ledger import chart, recipes
from ledger.selectors import open_items
from ledger.services import lock_wallet, post
from operations.ids import new_id


def net_debts(*, seller: str, currency: str, actor: str, now: datetime) -> int:
    """Let a seller's available money pay what the seller owes us, in the caller's transaction.

    Returns what was netted, in minor units; zero where nothing is owed, or nothing is there to pay it with.
    """
    wallet = lock_wallet(seller=seller, currency=currency)
    if not (wallet.receivable.minor and wallet.available.minor):
        return 0
    debts = [
        recipes.Debt(item=item.item, amount=item.debit, since=item.since)
        for item in open_items(code=chart.receivable(seller), currency=currency)
        if item.debit.minor > 0
    ]
    parts = recipes.net_oldest_first(debts, wallet.available)
    amount = sum((part for _, part in parts[1:]), start=parts[0][1])
    entry = recipes.debt_netted(
        seller=seller, netting=new_id("net"), amount=amount, parts=parts, subject=f"seller:{seller}"
    )
    post(entry, actor=actor, now=now)
    return amount.minor
