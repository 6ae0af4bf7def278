"""The provider's own record of everything, for tests to compare with: `/_ledger`."""

from typing import Any

from sandbox.provider import funds
from sandbox.provider.scope import Scope

Json = dict[str, Any]

_VIEWS = {
    "sessions": (
        "checkout.session",
        "id status payment_status amount_total currency client_reference_id metadata payment_intent created expires_at",
    ),
    "payment_intents": (
        "payment_intent",
        "id status amount amount_received amount_capturable currency metadata transfer_group latest_charge created",
    ),
    "charges": (
        "charge",
        "id status amount amount_captured amount_refunded captured paid refunded disputed currency "
        "payment_intent metadata transfer_group failure_code balance_transaction created",
    ),
    "refunds": ("refund", "id status amount currency charge payment_intent metadata failure_reason created"),
    "transfers": (
        "transfer",
        "id amount amount_reversed currency destination transfer_group source_transaction metadata created",
    ),
    "reversals": ("transfer_reversal", "id amount currency transfer metadata created"),
    "payouts": ("payout", "id status amount currency automatic arrival_date failure_code metadata created"),
    "disputes": ("dispute", "id status amount currency charge payment_intent reason created evidence evidence_details"),
    "reviews": ("review", "id open closed_reason charge payment_intent created"),
    "accounts": ("account", "id charges_enabled payouts_enabled country default_currency metadata created"),
}


def ledger(scope: Scope) -> Json:
    """Return every object that matters to money, totals by currency, and the balance of each account."""
    found: Json = {"now": scope.now}
    for name, (kind, fields) in _VIEWS.items():
        found[name] = []
        for body in scope.store.select(kind, account=None, ascending=True):
            if body.get("_release"):
                # Nothing that was taken came back by it.
                continue
            view = {field: body.get(field) for field in fields.split()}
            view["account"] = scope.store.account_of(body["id"]) or None
            found[name].append(view)
    for charge in found["charges"]:
        session = _session_of(scope, charge["payment_intent"])
        charge["client_reference_id"] = session["client_reference_id"] if session else None
        charge["session"] = session["id"] if session else None
    found["charges"] = [charge for charge in found["charges"] if charge["account"] is None]
    found["live_payable_sessions"] = [
        session["id"]
        for session in found["sessions"]
        if session["status"] == "open" and session["expires_at"] > scope.now
    ]
    found["totals"] = _totals(scope, found)
    found["balances"] = _balances(scope)
    return found


def _session_of(scope: Scope, intent_id: str | None) -> Json | None:
    intent = scope.store.get(intent_id) if intent_id else None
    return scope.store.get(intent["_session"]) if intent and intent["_session"] else None


def _totals(scope: Scope, found: Json) -> Json:
    totals: dict[str, dict[str, int]] = {}

    def add(currency: str, name: str, amount: int) -> None:
        sums = totals.setdefault(currency, dict.fromkeys(_TOTALS, 0))
        sums[name] += amount

    for charge in found["charges"]:
        add(charge["currency"], "captured", charge["amount_captured"])
    for refund in found["refunds"]:
        if refund["status"] not in ("failed", "canceled"):
            add(refund["currency"], "refunded", refund["amount"])
    for transfer in found["transfers"]:
        add(transfer["currency"], "transferred", transfer["amount"] - transfer["amount_reversed"])
    for payout in found["payouts"]:
        if payout["status"] not in ("failed", "canceled"):
            name = "paid_out" if payout["account"] is None else "paid_out_by_accounts"
            add(payout["currency"], name, payout["amount"])
    for dispute in found["disputes"]:
        if dispute["status"] in ("needs_response", "under_review", "lost"):
            add(dispute["currency"], "disputed", dispute["amount"])
    for txn in scope.store.select("balance_transaction"):
        add(txn["currency"], "fees", txn["fee"])
        add(txn["currency"], "net", txn["net"])
    return totals


_TOTALS = (
    "captured",
    "refunded",
    "disputed",
    "fees",
    "transferred",
    "paid_out",
    "paid_out_by_accounts",
    "net",
)


def _balances(scope: Scope) -> Json:
    owners = scope.store.execute("SELECT DISTINCT account FROM balances ORDER BY account").fetchall()
    balances: Json = {}
    for (owner,) in owners:
        view = funds.balance(scope.within(owner))
        balances[owner or "platform"] = {
            ready["currency"]: {"available": ready["amount"], "pending": waiting["amount"]}
            for ready, waiting in zip(view["available"], view["pending"], strict=True)
        }
    return balances
