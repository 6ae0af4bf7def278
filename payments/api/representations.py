"""How our objects look to API clients."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ledger.money import Money
from ledger.reports import SellerMovement, SellerStatement
from ledger.selectors import Wallet
from payments.gateway.declines import retry_of
from payments.models import (
    Attempt,
    Checkout,
    DeliveryTry,
    Dispute,
    DisputeEvidence,
    EventDelivery,
    EvidenceFile,
    PaymentOrder,
    Refund,
    Seller,
    StorefrontEvent,
    WebhookEndpoint,
)
from payments.states import WANTS_EVIDENCE, AttemptState, RefundState
from payments.waits import Waiting, disputes_wait, refunds_wait, waiting

# Whom each of the orders, refunds and disputes that are shown waits for, by our ids; asked once for all together.
Waits = Mapping[str, Waiting]


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
        "waiting": _waits(waits),
        "ledger_updated": found.ledger_updated,
        "wallet_updated": found.wallet_updated,
    }


def waits_of_payments(rows: Iterable[PaymentOrder], expand: frozenset[str] = frozenset()) -> Waits:
    """Return whom payment orders and their refunds wait for, and their checkouts' orders where these are shown."""
    found = list(rows)
    refunds = [each for row in found for each in row.refunds.all()]
    if "checkout" in expand:
        found += [each for row in found for each in row.checkout.orders.all()]
    return {**waiting(orders=found), **refunds_wait(refunds=refunds)}


def waits_of_orders(rows: Iterable[PaymentOrder], attempt: Attempt) -> Waits:
    """Return whom payment orders wait for that are shown without their refunds, by the attempt made for them."""
    return dict(waiting(orders=list(rows), attempts=[attempt]))


def waits_of_checkouts(rows: Iterable[Checkout], expand: frozenset[str] = frozenset()) -> Waits:
    """Return whom the orders of checkouts wait for, and their refunds where these are shown."""
    checkouts = list(rows)
    orders = [each for row in checkouts for each in row.orders.all()]
    attempts = [each for row in checkouts for each in row.attempts.all()]
    refunds = [each for order in orders for each in order.refunds.all()] if "refunds" in expand else []
    return {**waiting(orders=orders, attempts=attempts), **refunds_wait(refunds=refunds)}


def waits_of_refunds(rows: Iterable[Refund], expand: frozenset[str] = frozenset()) -> Waits:
    """Return whom refunds wait for, and their payments where these are shown whole."""
    refunds = list(rows)
    payments = waits_of_payments([row.order for row in refunds]) if "payment" in expand else {}
    return {**payments, **refunds_wait(refunds=refunds)}


def waits_of_disputes(rows: Iterable[Dispute]) -> Waits:
    """Return whom disputes wait for."""
    return disputes_wait(disputes=list(rows))


def payment(found: PaymentOrder, waits: Waits, expand: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return one payment order with its checkout's id and its refunds, and what was to be shown whole."""
    refunds = sorted(found.refunds.all(), key=lambda each: each.pk)
    body = {
        **order(found, waits.get(found.pk)),
        "checkout_id": found.checkout.checkout_id,
        "is_payment_done": found.checkout.is_payment_done,
        "created_at": found.checkout.created_at.isoformat(),
        "refunds": [refund(each, waits) for each in refunds],
    }
    if "checkout" in expand:
        body["checkout"] = checkout(found.checkout, waits)
    if "seller" in expand:
        body["seller"] = seller(found.seller)
    return body


def checkout(found: Checkout, waits: Waits, expand: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a checkout with the orders of its cart and the page on which it is paid."""
    orders = sorted(found.orders.all(), key=lambda each: each.pk)
    body = checkout_of(found, [each for each in orders if each.cart == found.cart], latest_attempt(found), waits)
    if "refunds" in expand:
        refunds = [each for one in orders for each in one.refunds.all()]
        body["refunds"] = [refund(each, waits) for each in sorted(refunds, key=lambda each: each.pk)]
    return body


def checkout_of(
    found: Checkout, orders: Iterable[PaymentOrder], attempt: Attempt | None, waits: Waits
) -> dict[str, Any]:
    """Return a checkout with these orders and this attempt."""
    return {
        "id": found.id,
        "checkout_id": found.checkout_id,
        **money(found.total),
        "is_payment_done": found.is_payment_done,
        "capture_method": found.capture_method,
        "authorization": authorization(attempt),
        "last_error": last_error(attempt),
        "payment_page": {"url": attempt.page_url, "token": attempt.psp_ref} if attempt and attempt.psp_ref else None,
        "status_page": found.status_page,
        "expires_at": found.expires_at.isoformat(),
        "created_at": found.created_at.isoformat(),
        "payment_orders": [order(each, waits.get(each.pk)) for each in orders],
    }


def latest_attempt(found: Checkout) -> Attempt | None:
    """Return the latest of a checkout's attempts, which were fetched with it."""
    return max(found.attempts.all(), key=lambda each: each.number, default=None)


def last_error(attempt: Attempt | None) -> dict[str, str] | None:
    """Return why the last try failed, and who may try again: the buyer, us, or nobody (never)."""
    if attempt is None or not attempt.last_error or attempt.state == AttemptState.SUCCEEDED:
        return None
    # Why nothing was heard is no refusal.
    code = attempt.error_code or (attempt.last_error if attempt.state == AttemptState.DECLINED else "")
    if code == "risk_rejected" and attempt.psp_ref is None:
        # Our own check, of which nobody outside learns more.
        code = "payment_refused"
    return {"code": code, "retryable": retry_of(code).value} if code else None


def authorization(attempt: Attempt | None) -> dict[str, Any] | None:
    """Return until when what is reserved can be captured; nothing where nothing is reserved."""
    if attempt is None or attempt.authorized_until is None or attempt.state != AttemptState.AUTHORIZED:
        return None
    return {"expires_at": attempt.authorized_until.isoformat()}


def refund(found: Refund, waits: Waits, expand: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a refund; above our limit it waits for a second person of ours."""
    body = {
        "id": found.id,
        "payment_order_id": found.order.payment_order_id,
        **money(found.amount),
        "status": found.state,
        "waiting": _waits(waits.get(found.pk)),
        "waiting_for_approval": found.needs_approval and found.state == RefundState.REQUESTED,
        "reason": found.reason,
        "failure_reason": found.last_error if found.state == RefundState.FAILED else "",
        "created_at": found.created_at.isoformat(),
    }
    if "payment" in expand:
        body["payment"] = payment(found.order, waits)
    return body


def dispute(found: Dispute, waits: Waits) -> dict[str, Any]:
    """Return a dispute, with the orders that it is about and what was handed in."""
    due = found.evidence_due_by
    return {
        "id": found.id,
        "checkout_id": found.checkout.checkout_id,
        **money(found.amount),
        "status": found.state,
        "waiting": _waits(waits.get(found.pk)),
        "reason": found.reason,
        "withdrawn": found.withdrawn.text,
        "fee": found.fee.text,
        "fee_currency": found.fee.currency,
        "wants_evidence": found.state in WANTS_EVIDENCE,
        "evidence_due_by": due.isoformat() if due else None,
        "opened_at": found.opened_at.isoformat(),
        "closed_at": found.closed_at.isoformat() if found.closed_at else None,
        "payment_orders": [
            {"payment_order_id": share.order.payment_order_id, "amount": share.amount.text, "borne_by": share.borne_by}
            for share in sorted(found.shares.all(), key=lambda share: share.order_id)
        ],
        "evidence": [evidence(each) for each in sorted(found.evidence.all(), key=lambda each: each.id)],
        "files": [evidence_file(each) for each in sorted(found.files.all(), key=lambda each: each.id)],
    }


def evidence(found: DisputeEvidence) -> dict[str, Any]:
    """Return what was handed in for a dispute."""
    return {
        "id": found.id,
        "status": found.state,
        "final": found.final,
        "evidence": found.params["evidence"],
        "files": sorted(found.params.get("files", {}).values()),
        "failure_reason": found.last_error,
    }


def evidence_file(found: EvidenceFile) -> dict[str, Any]:
    """Return a file that was handed in for a dispute, without its content."""
    return {
        "id": found.id,
        "kind": found.kind,
        "name": found.name,
        "media_type": found.media_type,
        "size": found.size,
        "sha256": found.sha256,
        "status": found.state,
        "failure_reason": found.last_error,
        "created_at": found.created_at.isoformat(),
    }


def seller(found: Seller, wallets: Sequence[Wallet] | None = None) -> dict[str, Any]:
    """Return a seller with the terms of our commission and, where it was asked, what we owe them per currency."""
    rates = sorted(found.commission_rates.all(), key=lambda rate: rate.category)
    minimums = sorted(found.commission_minimums.all(), key=lambda each: each.currency)
    body = {
        "seller_id": found.seller_id,
        "name": found.name,
        "country": found.country,
        "commission_bps": found.commission_bps,
        "commission_tax_bps": found.commission_tax_bps,
        "commission_tax": found.commission_tax,
        "commission_rates": [{"category": rate.category, "bps": rate.bps} for rate in rates],
        "commission_minimums": [money(each.minimum) for each in minimums],
        "payouts_enabled": found.payouts_enabled,
        "created_at": found.created_at.isoformat(),
    }
    if wallets is not None:
        body["balances"] = [wallet(each) for each in wallets]
    return body


def wallet(found: Wallet) -> dict[str, str]:
    """Return what a seller has with us in one currency."""
    return {"currency": found.currency, **_parts(found)}


def statement(found: SellerStatement, seller_id: str) -> dict[str, Any]:
    """Return a seller's statement: opening and movements sum to closing, part by part."""
    return {
        "seller_id": seller_id,
        "currency": found.currency,
        "from": str(found.period.since),
        "until": str(found.period.until),
        "opening": _parts(found.opening),
        "movements": [
            {"event": each.recipe, "entries": each.entries, **_parts(each), "net": each.net.text}
            for each in found.movements
        ],
        "closing": _parts(found.closing),
    }


def event(found: StorefrontEvent, expand: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return an event with the message that endpoints get."""
    body = {
        "id": found.id,
        "type": found.type,
        "created_at": found.created_at.isoformat(),
        "message": found.payload,
    }
    if "deliveries" in expand:
        body["deliveries"] = [delivery(each) for each in sorted(found.deliveries.all(), key=lambda each: each.pk)]
    return body


def delivery(found: EventDelivery) -> dict[str, Any]:
    """Return how one event fares with one endpoint, with each try."""
    return {
        "id": found.id,
        "event_id": found.event_id,
        "endpoint_id": found.endpoint_id,
        "status": found.state,
        "created_at": found.created_at.isoformat(),
        "delivered_at": found.delivered_at.isoformat() if found.delivered_at else None,
        "tries": [_try(each) for each in sorted(found.tries.all(), key=lambda each: each.pk)],
    }


def endpoint(found: WebhookEndpoint, *, secret: str | None = None) -> dict[str, Any]:
    """Return an endpoint; its secret only where it was just made."""
    body = {
        "id": found.id,
        "url": found.url,
        "description": found.description,
        "event_types": found.event_types,
        "enabled": found.enabled,
        "disabled_reason": found.disabled_reason or None,
        "failing_since": found.failing_since.isoformat() if found.failing_since else None,
        "created_at": found.created_at.isoformat(),
    }
    return body if secret is None else {**body, "secret": secret}


def _waits(found: Waiting | None) -> dict[str, str] | None:
    return {"on": found.on, "for": found.what, "since": found.since.isoformat()} if found else None


def _try(found: DeliveryTry) -> dict[str, Any]:
    return {
        "at": found.at.isoformat(),
        "http_status": found.status,
        "milliseconds": found.milliseconds,
        "answer": found.answer,
    }


def _parts(found: Wallet | SellerMovement) -> dict[str, str]:
    return {
        "pending": found.pending.text,
        "available": found.available.text,
        "reserved": found.reserved.text,
        "receivable": found.receivable.text,
    }
