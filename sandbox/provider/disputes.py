"""Disputes: the buyer's bank takes the money back until the matter is decided."""

from typing import Any

from sandbox.provider import funds, money, payments, settlement
from sandbox.provider.clock import DAY_S, day_start
from sandbox.provider.errors import Refused
from sandbox.provider.events import emit
from sandbox.provider.ids import new_id
from sandbox.provider.scope import Scope

Json = dict[str, Any]

ANSWER_DAYS = 9
#: Evidence that decides the case a day later, as in the API's test mode.
WINNING, LOSING = "winning_evidence", "losing_evidence"
_OPEN_TO_EVIDENCE = ("needs_response", "warning_needs_response", "appeal_needs_response")
_EVIDENCE_FIELDS = """
    access_activity_log billing_address cancellation_policy cancellation_policy_disclosure
    cancellation_rebuttal customer_communication customer_email_address customer_name
    customer_purchase_ip customer_signature duplicate_charge_documentation duplicate_charge_explanation
    duplicate_charge_id product_description receipt refund_policy refund_policy_disclosure
    refund_refusal_explanation service_date service_documentation shipping_address shipping_carrier
    shipping_date shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text
"""
EVIDENCE = _EVIDENCE_FIELDS.split()
#: The fields that name an uploaded file.
FILES = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)


def refundable(scope: Scope, charge: Json) -> bool:
    """Tell whether no open or lost dispute stands against refunding a charge."""
    against = scope.store.select("dispute", account=scope.account, filters={"charge": charge["id"]})
    return all(dispute["is_charge_refundable"] for dispute in against)


def open_(
    scope: Scope,
    charge: Json,
    *,
    reason: str = "fraudulent",
    amount: int | None = None,
    inquiry: bool = False,
) -> Json:
    """Open a dispute over a charge; unless it is an inquiry, withdraw the money and the dispute fee.

    Raises Refused when the charge has not taken money, has given all of it back, or is under dispute already.
    """
    disputed = amount or charge["amount"] - charge["amount_refunded"]
    if not charge["captured"] or not refundable(scope, charge) or disputed <= 0:
        raise Refused(f"Charge {charge['id']} cannot be disputed.", code="charge_disputed")
    card = charge["payment_method_details"].get("card") or {"brand": "visa"}
    dispute: Json = {
        "id": new_id("du"),
        "object": "dispute",
        "amount": disputed,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": scope.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": day_start(scope.now) + (ANSWER_DAYS + 1) * DAY_S - 1,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"],
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": card["brand"],
                "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    scope.add(dispute)
    charge["disputed"] = True
    scope.store.save(charge)
    payments.close_review(scope, charge, reason="disputed")
    scope.timers.add("dispute_lapses", dispute["id"], due=dispute["evidence_details"]["due_by"])
    emit(scope, "charge.dispute.created", dispute)
    if not inquiry:
        _withdraw(scope, dispute)
    return dispute


def _withdraw(scope: Scope, dispute: Json) -> None:
    _book(
        scope,
        dispute,
        amount=-dispute["amount"],
        fee=_fee(scope, dispute),
        category="dispute",
        label="Chargeback withdrawal",
    )
    emit(scope, "charge.dispute.funds_withdrawn", dispute)


def _book(scope: Scope, dispute: Json, *, amount: int, fee: int, category: str, label: str) -> None:
    txn = funds.book(
        scope,
        type_="adjustment",
        **settlement.settled(scope, amount, dispute["currency"]),
        source=dispute["id"],
        fee=fee,
        fee_label="Dispute fee",
        category=category,
        description=f"{label} for {dispute['charge']}",
    )
    dispute["balance_transactions"].append(txn["id"])
    scope.store.save(dispute)


def _fee(scope: Scope, dispute: Json) -> int:
    """Return the fee for a dispute, in the currency in which the account settles it."""
    currency = settlement.settled(scope, dispute["amount"], dispute["currency"])["currency"]
    return money.known(currency).dispute_fee_minor


def submit(scope: Scope, dispute: Json, evidence: Json, *, final: bool) -> Json:
    """Add evidence; when `final`, hand it to the bank, after which the case is under review.

    Raises Refused when the case is no longer open to evidence, NotFound for a file that is not there.
    """
    if dispute["status"] not in _OPEN_TO_EVIDENCE:
        raise Refused("This dispute is already closed or under review.", code="dispute_closed")
    for name in FILES:
        if evidence.get(name):
            scope.find("file", evidence[name], param=f"evidence[{name}]")
    before = {"evidence": dict(dispute["evidence"]), "status": dispute["status"]}
    dispute["evidence"].update(evidence)
    dispute["evidence_details"]["has_evidence"] = True
    if final:
        dispute["status"] = dispute["status"].replace("needs_response", "under_review")
        dispute["evidence_details"].update(submission_count=1, submission_method="manual")
        verdict = dispute["evidence"]["uncategorized_text"]
        if verdict in (WINNING, LOSING):
            won = verdict == WINNING
            scope.timers.add("dispute_decided", dispute["id"], due=scope.now + DAY_S, won=won)
    scope.store.save(dispute)
    emit(scope, "charge.dispute.updated", dispute, previous=before)
    return dispute


def decide(scope: Scope, dispute: Json, *, won: bool) -> Json:
    """Close a dispute; when it is won, give the money back (the dispute fee is kept).

    Raises Refused when it is closed.
    """
    if dispute["status"] in ("won", "lost", "warning_closed"):
        raise Refused("This dispute is already closed.", code="dispute_closed")
    warning = dispute["status"].startswith("warning")
    dispute["status"] = "warning_closed" if warning else "won" if won else "lost"
    dispute["is_charge_refundable"] = won or warning
    scope.store.save(dispute)
    if won and not warning:
        _book(
            scope,
            dispute,
            amount=dispute["amount"],
            fee=0,
            category="dispute_reversal",
            label="Chargeback reversal",
        )
        emit(scope, "charge.dispute.funds_reinstated", dispute)
    emit(scope, "charge.dispute.closed", dispute)
    return dispute


def reopen(scope: Scope, dispute: Json) -> Json:
    """Begin a second round of a dispute that was won: the bank takes the money back again, with another fee.

    Raises Refused when it was not won.
    """
    if dispute["status"] != "won":
        raise Refused("Only a dispute that was won can be opened again.", code="dispute_not_won")
    due = day_start(scope.now) + (ANSWER_DAYS + 1) * DAY_S - 1
    dispute.update(status="appeal_needs_response", is_charge_refundable=False)
    dispute["evidence_details"].update(due_by=due, submission_count=0, submission_method="not_submitted")
    scope.store.save(dispute)
    scope.timers.cancel("dispute_lapses", dispute["id"])
    scope.timers.add("dispute_lapses", dispute["id"], due=due)
    emit(scope, "charge.dispute.updated", dispute, previous={"status": "won"})
    _withdraw(scope, dispute)
    return dispute


def recover(scope: Scope, dispute: Json, *, amount: int | None = None) -> Json:
    """Give money of a lost dispute back, `amount` minor units of it or all that is still withdrawn.

    Raises Refused when it was not lost, or nothing more is withdrawn.
    """
    moved = [settlement.presented(scope.store.need(txn)) for txn in dispute["balance_transactions"]]
    if dispute["status"] != "lost" or -sum(moved) <= 0:
        raise Refused("Only money of a dispute that was lost can come back late.", code="dispute_not_lost")
    back = -sum(moved) if amount is None else amount
    _book(scope, dispute, amount=back, fee=0, category="dispute_reversal", label="Late chargeback reversal")
    emit(scope, "charge.dispute.funds_reinstated", dispute)
    return dispute


def charge_fee(scope: Scope, dispute: Json) -> Json:
    """Charge another dispute fee, as for countering it, as a movement without an amount."""
    _book(scope, dispute, amount=0, fee=_fee(scope, dispute), category="dispute", label="Dispute countered fee")
    emit(scope, "charge.dispute.updated", dispute)
    return dispute


def return_fee(scope: Scope, dispute: Json) -> Json:
    """Give the last dispute fee back, as a movement without an amount."""
    fee = _fee(scope, dispute)
    _book(scope, dispute, amount=0, fee=-fee, category="dispute_reversal", label="Dispute fee returned")
    emit(scope, "charge.dispute.updated", dispute)
    return dispute


def fired_open(scope: Scope, charge_id: str, args: Json) -> None:
    """Open the dispute that a test card leads to, unless the charge was given back or disputed before."""
    charge = scope.store.get(charge_id)
    if charge is not None and not charge["disputed"] and not charge["refunded"]:
        open_(scope, charge)


def fired_lapse(scope: Scope, dispute_id: str, args: Json) -> None:
    """Close a dispute that nobody answered in time: an inquiry without loss, a chargeback as lost."""
    dispute = scope.store.get(dispute_id)
    if dispute is not None and dispute["status"] in _OPEN_TO_EVIDENCE:
        dispute["evidence_details"]["past_due"] = True
        decide(scope, dispute, won=False)


def fired_decision(scope: Scope, dispute_id: str, args: Json) -> None:
    """Close a dispute as its evidence decides."""
    dispute = scope.store.get(dispute_id)
    if dispute is not None and dispute["status"].endswith("under_review"):
        decide(scope, dispute, won=args["won"])
