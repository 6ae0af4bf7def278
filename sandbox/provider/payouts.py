"""Payouts from a balance to a bank account: by hand, or swept on a schedule."""

from typing import Any

from sandbox.provider import funds, money
from sandbox.provider.clock import DAY_S, day_start
from sandbox.provider.errors import Refused
from sandbox.provider.events import emit
from sandbox.provider.ids import new_id
from sandbox.provider.scope import Scope

Json = dict[str, Any]

#: A payout is handed to the bank after an hour and arrives at midnight two days on.
SUBMIT_S = 3_600
ARRIVAL_DAYS = 2
FAILURES = {
    "account_closed": "The bank account has been closed.",
    "no_account": "The bank account details on file are probably incorrect: no such account.",
    "account_frozen": "The bank account has been frozen.",
    "declined": "The bank has declined this transfer.",
    "could_not_process": "The bank could not process this transfer.",
    "insufficient_funds": "Your Stripe account has insufficient funds to cover the payout.",
    "invalid_account_number": "The routing number seems correct, but the account number is invalid.",
}


def account_object(scope: Scope) -> Json:
    """Return the account object that owns the scope's balance."""
    account_id = scope.account or scope.store.meta("platform_account")
    return scope.store.need(account_id or "platform")


def create(
    scope: Scope,
    *,
    amount: int,
    currency: str,
    automatic: bool = False,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
    statement_descriptor: str | None = None,
) -> Json:
    """Send available money (minor units) to the bank.

    Raises Refused when payouts are disabled, the account has no bank, or funds are short.
    """
    account = account_object(scope)
    if not account["payouts_enabled"]:
        raise Refused("Payouts are disabled for this account.", code="payouts_not_allowed")
    banks = account["external_accounts"]["data"]
    if not banks:
        raise Refused("Sorry, you don't have any external accounts in that currency.", code="no_account")
    if amount % money.known(currency).payout_step:
        raise Refused(
            f"Payouts in {currency} must be divisible by {money.known(currency).payout_step}.", param="amount"
        )
    funds.require(scope, amount, currency, what="payout")
    payout = {
        **_DEFAULTS,
        "id": new_id("po"),
        "amount": amount,
        "arrival_date": day_start(scope.now) + ARRIVAL_DAYS * DAY_S,
        "automatic": automatic,
        "created": scope.now,
        "currency": currency,
        "description": description or ("STRIPE PAYOUT" if automatic else None),
        "destination": banks[0]["id"],
        "metadata": metadata or {},
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "statement_descriptor": statement_descriptor,
    }
    txn = funds.book(
        scope,
        type_="payout",
        amount=-amount,
        currency=currency,
        source=payout["id"],
        description=payout["description"],
    )
    payout["balance_transaction"] = txn["id"]
    scope.add(payout)
    _schedule_steps(scope, payout)
    emit(scope, "payout.created", payout)
    return payout


_DEFAULTS: Json = {
    "object": "payout",
    "application_fee": None,
    "application_fee_amount": None,
    "balance_transaction": None,
    "failure_balance_transaction": None,
    "failure_code": None,
    "failure_message": None,
    "livemode": False,
    "method": "standard",
    "original_payout": None,
    "payout_method": None,
    "reversed_by": None,
    "source_type": "card",
    "status": "pending",
    "trace_id": None,
    "type": "bank_account",
}


def _schedule_steps(scope: Scope, payout: Json) -> None:
    rule = scope.planned("payout.create", refs=payout)
    if rule is not None and rule.action == "fail":
        raise Refused(rule.args.get("message", "The payout could not be made."), code=rule.args.get("code"))
    scope.timers.add("payout_step", payout["id"], due=scope.now + SUBMIT_S, step="in_transit")
    if rule is None:
        scope.timers.add("payout_step", payout["id"], due=payout["arrival_date"], step="paid")
        return
    due = scope.now + int(rule.args["after_s"]) if "after_s" in rule.args else payout["arrival_date"]
    if due > payout["arrival_date"]:
        # a bank may send money back days after it had arrived
        scope.timers.add("payout_step", payout["id"], due=payout["arrival_date"], step="paid")
    reason = rule.args.get("reason", "could_not_process")
    scope.timers.add("payout_step", payout["id"], due=due, step="failed", reason=reason)


def fired_step(scope: Scope, payout_id: str, args: Json) -> None:
    """Move a payout one step on, unless it went another way meanwhile."""
    payout = scope.store.get(payout_id)
    allowed = {"in_transit": ("pending",), "paid": ("pending", "in_transit")}
    allowed["failed"] = ("pending", "in_transit", "paid")
    if payout is None or payout["status"] not in allowed[args["step"]]:
        return
    if args["step"] == "failed":
        fail(scope, payout, code=args["reason"])
    elif args["step"] == "paid":
        pay(scope, payout)
    else:
        _set(scope, payout, status="in_transit")


def _set(scope: Scope, payout: Json, **changes: Any) -> None:
    previous = {name: payout.get(name) for name in changes}
    payout.update(changes)
    scope.store.save(payout)
    emit(scope, "payout.updated", payout, previous=previous)


def pay(scope: Scope, payout: Json) -> Json:
    """Let a payout arrive at the bank."""
    trace = {"status": "supported", "value": payout["id"][-12:].upper()}
    _set(scope, payout, status="paid", trace_id=trace, arrival_date=scope.now)
    emit(scope, "payout.paid", payout)
    if payout["automatic"]:
        _set(scope, payout, reconciliation_status="completed")
        emit(scope, "payout.reconciliation_completed", payout)
    return payout


def fail(scope: Scope, payout: Json, *, code: str) -> Json:
    """Let a payout come back from the bank, also after it was paid."""
    txn = _return(scope, payout, "payout_failure", f"REFUND FOR FAILED PAYOUT ({payout['id']})")
    payout.update(
        status="failed",
        failure_balance_transaction=txn["id"],
        failure_code=code,
        failure_message=FAILURES.get(code, "The payout failed."),
    )
    scope.store.save(payout)
    emit(scope, "payout.failed", payout)
    return payout


def cancel(scope: Scope, payout: Json) -> Json:
    """Take back a payout that was not handed to the bank yet.

    Raises Refused when it was.
    """
    if payout["status"] != "pending":
        raise Refused("Payouts can only be canceled while they are pending.", code="payout_not_cancelable")
    scope.timers.cancel("payout_step", payout["id"])
    txn = _return(scope, payout, "payout_cancel", f"CANCELED PAYOUT ({payout['id']})")
    payout.update(status="canceled", failure_balance_transaction=txn["id"])
    scope.store.save(payout)
    emit(scope, "payout.canceled", payout)
    return payout


def _return(scope: Scope, payout: Json, kind: str, description: str) -> Json:
    return funds.book(
        scope,
        type_=kind,
        amount=payout["amount"],
        currency=payout["currency"],
        source=payout["id"],
        description=description,
    )


def schedule(scope: Scope, currency: str, *, from_moment: int) -> None:
    """Plan the next daily sweep of an account whose schedule asks for it."""
    if account_object(scope)["settings"]["payouts"]["schedule"]["interval"] != "daily":
        return
    due = day_start(from_moment) + DAY_S
    ref = scope.account
    if not scope.timers.planned("payout_sweep", f"{ref}:{currency}", due):
        scope.timers.add("payout_sweep", f"{ref}:{currency}", due=due)


def sweep(scope: Scope, currency: str) -> Json | None:
    """Send everything available in a currency as one automatic payout; return it, or None without funds."""
    ready = funds.available(scope, currency)
    amount = ready - ready % money.known(currency).payout_step
    if amount <= 0 or not account_object(scope)["payouts_enabled"]:
        return None
    covered = scope.store.execute(
        "SELECT id FROM objects JOIN funds ON funds.txn = objects.id WHERE kind = 'balance_transaction' "
        "AND objects.account = ? AND settled = 1 AND currency = ? "
        "AND json_extract(body, '$._payout') IS NULL",
        (scope.account, currency),
    ).fetchall()
    payout = create(scope, amount=amount, currency=currency, automatic=True)
    for txn_id in [row[0] for row in covered] + [payout["balance_transaction"]]:
        txn = scope.store.need(txn_id)
        txn["_payout"] = payout["id"]
        scope.store.save(txn)
    return payout


def fired_sweep(scope: Scope, ref: str, args: Json) -> None:
    """Carry out a daily sweep; `ref` is account and currency."""
    account, _, currency = ref.rpartition(":")
    sweep(scope.within(account), currency)
