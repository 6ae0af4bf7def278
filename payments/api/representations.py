"""How our objects look to API clients."""

from typing import Any

from ledger.money import Money
from payments.gateway.declines import retry_of
from payments.models import Attempt, Checkout, Dispute, DisputeEvidence, PaymentOrder, Refund, Seller
from payments.selectors import Waiting, waiting
from payments.states import WANTS_EVIDENCE, AttemptState, RefundState


def money(amount: Money) -> dict[str, str]:
    """Return an amount as clients see it."""
    return {"amount": amount.text, "currency": amount.currency}


def order(found: PaymentOrder, waits: Waiting | None) -> dict[str, Any]:
    """Return one payment order: the chapter's execution status, and whom it waits for."""
    return {
        "payment_order_id": found.payment_order_id,
        "seller_account": found.seller.seller_id,
        **money(found.amount),
        "category": found.category,
        "captured": found.captured.text,
        "refunded": found.refunded.text,
        "status": found.state,
        "waiting": {"on": waits.on, "for": waits.what, "since": waits.since.isoformat()} if waits else None,
        "ledger_updated": found.ledger_updated,
        "wallet_updated": found.wallet_updated,
    }


def last_error(attempt: Attempt | None) -> dict[str, str] | None:
    """Return why the last try failed, and who may try again: the buyer, us, or nobody (never)."""
    if attempt is None or not attempt.last_error or attempt.state == AttemptState.SUCCEEDED:
        return None
    code = attempt.error_code or attempt.last_error
    return {"code": code, "retryable": retry_of(code).value}


def authorization(attempt: Attempt | None) -> dict[str, Any] | None:
    """Return until when what is reserved can be captured; nothing where nothing is reserved."""
    if attempt is None or attempt.authorized_until is None or attempt.state != AttemptState.AUTHORIZED:
        return None
    return {"expires_at": attempt.authorized_until.isoformat()}


def checkout(found: Checkout, attempt: Attempt | None) -> dict[str, Any]:
    """Return a checkout with the orders of its cart and the page on which it is paid."""
    orders = list(found.orders.filter(cart=found.cart).select_related("seller").order_by("pk"))
    waits = waiting(orders=orders)
    return {
        "id": found.id,
        "checkout_id": found.checkout_id,
        **money(found.total),
        "is_payment_done": found.is_payment_done,
        "capture_method": found.capture_method,
        "authorization": authorization(attempt),
        "last_error": last_error(attempt),
        "payment_page": {"url": attempt.page_url, "token": attempt.psp_ref} if attempt and attempt.psp_ref else None,
        "expires_at": found.expires_at.isoformat(),
        "payment_orders": [order(each, waits.get(each.id)) for each in orders],
    }


def refund(found: Refund) -> dict[str, Any]:
    """Return a refund; above our limit it waits for a second person of ours."""
    return {
        "id": found.id,
        "payment_order_id": found.order.payment_order_id,
        **money(found.amount),
        "status": found.state,
        "waiting_for_approval": found.needs_approval and found.state == RefundState.REQUESTED,
        "reason": found.reason,
        "failure_reason": found.last_error if found.state == RefundState.FAILED else "",
    }


def dispute(found: Dispute) -> dict[str, Any]:
    """Return a dispute, with the orders that it is about and what was handed in."""
    due = found.evidence_due_by
    return {
        "id": found.id,
        "checkout_id": found.checkout.checkout_id,
        **money(found.amount),
        "status": found.state,
        "reason": found.reason,
        "withdrawn": found.withdrawn.text,
        "fee": found.fee.text,
        "wants_evidence": found.state in WANTS_EVIDENCE,
        "evidence_due_by": due.isoformat() if due else None,
        "opened_at": found.opened_at.isoformat(),
        "closed_at": found.closed_at.isoformat() if found.closed_at else None,
        "payment_orders": [
            {"payment_order_id": share.order.payment_order_id, "amount": share.amount.text, "borne_by": share.borne_by}
            for share in sorted(found.shares.all(), key=lambda share: share.order_id)
        ],
        "evidence": [evidence(each) for each in sorted(found.evidence.all(), key=lambda each: each.id)],
    }


def evidence(found: DisputeEvidence) -> dict[str, Any]:
    """Return what was handed in for a dispute."""
    return {
        "id": found.id,
        "status": found.state,
        "final": found.final,
        "evidence": found.params["evidence"],
        "failure_reason": found.last_error,
    }


def seller(found: Seller, wallets: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a seller with the terms of our commission and what we owe them, per currency."""
    return {
        "seller_id": found.seller_id,
        "name": found.name,
        "country": found.country,
        "commission_bps": found.commission_bps,
        "commission_tax_bps": found.commission_tax_bps,
        "commission_tax": found.commission_tax,
        "commission_rates": [
            {"category": rate.category, "bps": rate.bps} for rate in found.commission_rates.order_by("category")
        ],
        "commission_minimums": [money(each.minimum) for each in found.commission_minimums.order_by("currency")],
        "payouts_enabled": found.payouts_enabled,
        "balances": wallets,
    }
