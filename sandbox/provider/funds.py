"""The provider's own books: balance transactions, what is pending and what is available."""

from typing import Any

from sandbox.provider.clock import DAY_S, day_start
from sandbox.provider.errors import Refused
from sandbox.provider.events import emit
from sandbox.provider.ids import new_id
from sandbox.provider.scope import Scope

Json = dict[str, Any]

_CATEGORIES = {
    "payment": "charge",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "payout_failure": "payout_reversal",
    "payout_cancel": "payout_reversal",
    "transfer_refund": "transfer_reversal",
    "payment_failure_refund": "refund_failure",
}


def settlement_day(scope: Scope) -> int:
    """Return the moment at which a charge made now becomes available."""
    delay = scope.world.settings.settlement_delay_days
    return day_start(scope.now) + delay * DAY_S if delay else scope.now


def book(
    scope: Scope,
    *,
    type_: str,
    amount: int,
    currency: str,
    source: str,
    fee: int = 0,
    fee_label: str = "Stripe processing fees",
    available_on: int | None = None,
    category: str | None = None,
    description: str | None = None,
    converted: Json | None = None,
) -> Json:
    """Record one movement of the account's balance in minor units; return the balance transaction.

    `converted` says what it was in another currency, and the rate.
    """
    available_on = scope.now if available_on is None else max(available_on, 0)
    details = []
    if fee:
        details = [
            {
                "amount": fee,
                "application": None,
                "currency": currency,
                "description": fee_label,
                "type": "stripe_fee",
            }
        ]
    txn: Json = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": scope.now,
        "currency": currency,
        "description": description,
        "exchange_rate": converted["rate"] if converted else None,
        "fee": fee,
        "fee_details": details,
        "net": amount - fee,
        "reporting_category": category or _CATEGORIES.get(type_, type_),
        "source": source,
        "status": "pending",
        "type": type_,
        "_payout": None,
        "_presented": converted,
    }
    scope.add(txn)
    settled = available_on <= scope.now
    scope.store.execute(
        "INSERT INTO funds (txn, account, currency, net, available_on, settled) VALUES (?, ?, ?, ?, ?, ?)",
        (txn["id"], scope.account, currency, txn["net"], available_on, int(settled)),
    )
    _move(scope, currency, txn["net"] if settled else 0)
    if not settled and not scope.timers.planned("settle", scope.account, available_on):
        scope.timers.add("settle", scope.account, due=available_on)
    return txn


def _move(scope: Scope, currency: str, net: int) -> None:
    scope.store.execute(
        "INSERT INTO balances VALUES (?, ?, ?) "
        "ON CONFLICT (account, currency) DO UPDATE SET available = available + excluded.available",
        (scope.account, currency, net),
    )


def settle(scope: Scope) -> None:
    """Make available what is due by now in the scope's account, and say so with an event."""
    rows = scope.store.execute(
        "SELECT currency, sum(net) FROM funds WHERE settled = 0 AND available_on <= ? AND account = ? "
        "GROUP BY currency",
        (scope.now, scope.account),
    ).fetchall()
    scope.store.execute(
        "UPDATE funds SET settled = 1 WHERE settled = 0 AND available_on <= ? AND account = ?",
        (scope.now, scope.account),
    )
    for currency, net in rows:
        _move(scope, currency, net)
    if rows:
        emit(scope, "balance.available", balance(scope))


def available(scope: Scope, currency: str) -> int:
    """Return the available balance of the scope's account in minor units."""
    row = scope.store.execute(
        "SELECT available FROM balances WHERE account = ? AND currency = ?", (scope.account, currency)
    ).fetchone()
    return row[0] if row else 0


def pending(scope: Scope) -> dict[str, int]:
    """Return the pending balance of the scope's account for each currency, in minor units."""
    rows = scope.store.execute(
        "SELECT currency, sum(net) FROM funds WHERE settled = 0 AND account = ? GROUP BY currency",
        (scope.account,),
    )
    return dict(rows.fetchall())


def balance(scope: Scope) -> Json:
    """Return the balance object of the scope's account."""
    waiting = pending(scope)
    rows = scope.store.execute(
        "SELECT currency, available FROM balances WHERE account = ? ORDER BY currency", (scope.account,)
    ).fetchall()
    ready = dict(rows) or {"usd": 0}
    return {
        "object": "balance",
        "available": [_amount(ready[code], code) for code in ready],
        "connect_reserved": [{"amount": 0, "currency": code} for code in ready],
        "livemode": False,
        "pending": [_amount(waiting.get(code, 0), code) for code in ready],
    }


def _amount(amount: int, currency: str) -> Json:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


def require(scope: Scope, amount: int, currency: str, *, what: str) -> None:
    """Refuse to spend more than is available.

    Raises Refused with the code `balance_insufficient`.
    """
    ready = available(scope, currency)
    if amount > ready:
        raise Refused(
            f"You have insufficient available funds in your Stripe account to create this {what} of {amount} "
            f"{currency}: {ready} available. Funds from charges become available after the settlement delay; "
            "use the card 4000000000000077 to add funds at once.",
            code="balance_insufficient",
        )
