"""Reading Stripe's objects into our values, and refusing what cannot be believed."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from ledger.exchanges import converted
from ledger.money import Money, UnknownCurrency
from payments.gateway import stripe_releases as releases
from payments.gateway.base import (
    CheckoutFacts,
    CheckoutStatus,
    DisputeFacts,
    DisputeMovement,
    DisputeStatus,
    ProviderEvent,
    RefundFacts,
    RefundStatus,
)
from payments.gateway.currencies import NotRepresentable, from_stripe, rate_from_stripe, step_of
from payments.gateway.money_out import Account, Reversal, Transfer
from payments.gateway.settlements import Settlement

# How long Stripe keeps a reservation on a card, where the charge does not say.
DEFAULT_RESERVATION_S = 7 * 24 * 3600
# Why Stripe itself cancels what nobody captured (docs.stripe.com/api/payment_intents/object).
_LAPSED = ("automatic", "expired")
# Where a charge's facts are read with the checkout's.
_TAKEN = (CheckoutStatus.PAID, CheckoutStatus.AUTHORIZED, CheckoutStatus.REFUSED)

P = ParamSpec("P")
T = TypeVar("T")


class Unreadable(Exception):
    """An answer does not have the shape that it must have."""


def _reader(read: Callable[P, T]) -> Callable[P, T]:
    @wraps(read)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(*args, **kwargs)
        except (
            KeyError,
            AttributeError,
            TypeError,
            ValueError,
            IndexError,
            OverflowError,
            RecursionError,
            UnknownCurrency,
            NotRepresentable,
        ) as error:
            raise Unreadable(f"{type(error).__name__}: {error}") from error

    return guarded


def charge_of(found: dict[str, Any]) -> dict[str, Any] | None:
    """Return the last charge of a Checkout Session, where there is one and it is shown."""
    intent = found.get("payment_intent")
    charge = intent.get("latest_charge") if isinstance(intent, dict) else None
    return charge if isinstance(charge, dict) else None


@_reader
def checkout(found: dict[str, Any], *, released: Iterable[dict[str, Any]] = ()) -> CheckoutFacts:
    """Read a Checkout Session whose payment intent, charge and balance transaction are expanded.

    `released` are the charge's refunds, where it was captured in part: among them is what was released of it.
    """
    intent = found["payment_intent"] if isinstance(found["payment_intent"], dict) else None
    charge = charge_of(found)
    facts: dict[str, Any] = {
        "payment_ref": intent["id"] if intent else "",
        "psp_ref": _text(found["id"]),
        "reference": _text(found["client_reference_id"]),
        "page_url": found.get("url") or "",
        "page_secret": found.get("client_secret") or "",
        "status": _checkout_status(found, intent),
        "amount": from_stripe(found["amount_total"], found["currency"]),
    }
    if facts["status"] in _TAKEN and intent and charge:
        taken = charge["captured"] or charge["amount_captured"]
        facts |= _charge_facts(charge, released) if taken else _reserved(charge)
        manual = intent["capture_method"] == "manual"
        if not manual and facts["captured"] != facts["amount"]:
            raise ValueError(f"paid {facts['captured']}, but the session says {found['amount_total']}")
        if manual:
            facts |= _reservation(charge)
        if facts["status"] is CheckoutStatus.REFUSED:
            facts["last_error"] = "risk_rejected"
    elif facts["status"] is CheckoutStatus.CANCELED and intent:
        facts["lapsed"] = intent.get("cancellation_reason") in _LAPSED
    elif intent and intent.get("last_payment_error"):
        error = intent["last_payment_error"]
        facts["last_error"] = error.get("decline_code") or error.get("code") or "declined"
    return CheckoutFacts(**facts)


@_reader
def refund(found: dict[str, Any]) -> RefundFacts:
    """Read a refund whose balance transactions are expanded, and its charge unless it is one of ours. Raises NotYet."""
    status = {"requires_action": "pending"}.get(found["status"], found["status"])
    return RefundFacts(
        psp_ref=_text(found["id"]),
        reference=(found.get("metadata") or {}).get("reference", ""),
        status=RefundStatus.RELEASED if releases.is_release(found) else RefundStatus(status),
        amount=from_stripe(found["amount"], found["currency"]),
        created_at=_instant(found["created"]),
        failure_reason=found.get("failure_reason") or "",
        settlement=_settlement(found.get("balance_transaction"), found["currency"]),
        failure_settlement=_settlement(found.get("failure_balance_transaction"), found["currency"]),
    )


@_reader
def dispute(told: dict[str, Any]) -> DisputeFacts:
    """Read a dispute, whose balance transactions Stripe always shows whole."""
    disputed = from_stripe(told["amount"], told["currency"])
    details = told.get("evidence_details") or {}
    charge = told["charge"]
    return DisputeFacts(
        psp_ref=_text(told["id"]),
        charge_ref=_text(charge["id"] if isinstance(charge, dict) else charge),
        status=DisputeStatus(told["status"]),
        amount=disputed,
        reason=told.get("reason") or "",
        created_at=_instant(told["created"]),
        movements=_movements(told["balance_transactions"], disputed),
        due_by=_instant(details["due_by"]) if details.get("due_by") else None,
        evidence={name: text for name, text in (told.get("evidence") or {}).items() if text and isinstance(text, str)},
    )


@_reader
def account(found: Any) -> Account:
    """Read a connected account: money gets through when its transfers capability is active."""
    told = found.to_dict()
    capabilities = told.get("capabilities") or {}
    banks = (told.get("external_accounts") or {}).get("data") or []
    return Account(
        psp_ref=_text(found.id),
        payouts_enabled=capabilities.get("transfers") == "active",
        # Stripe shows them of accounts that it lets a platform manage; the same bank account has the same fingerprint.
        bank=" ".join(sorted(f"{bank.get('currency')}:{bank.get('fingerprint') or bank.get('id')}" for bank in banks)),
    )


@_reader
def reference(found: Any) -> str:
    """Read our own reference, which an object that others made has not."""
    return _metadata(found).get("reference", "")


@_reader
def identity(found: Any) -> str:
    """Read an object's id: that it was answered at all is what counts."""
    return _text(found.id)


@_reader
def transfer(found: Any) -> Transfer:
    """Read a transfer."""
    destination = found.destination if isinstance(found.destination, str) else found.destination.id
    return Transfer(
        psp_ref=_text(found.id),
        reference=_metadata(found).get("reference", ""),
        destination=destination,
        amount=from_stripe(found.amount, found.currency),
        reversed=from_stripe(found.amount_reversed, found.currency),
        created_at=_instant(found.created),
    )


@_reader
def reversal(found: Any) -> Reversal:
    """Read the reversal of a transfer, or of a part of it."""
    return Reversal(
        psp_ref=_text(found.id),
        amount=from_stripe(found.amount, found.currency),
        created_at=_instant(found.created),
    )


@_reader
def balances(found: Any) -> list[Money]:
    """Read our balance: available and pending summed per currency."""
    totals: dict[str, Money] = {}
    for part in [*found.available, *found.pending]:
        amount = from_stripe(part.amount, part.currency)
        totals[amount.currency] = totals.get(amount.currency, Money(0, amount.currency)) + amount
    return sorted(totals.values(), key=lambda money: money.currency)


@_reader
def report_span(found: Any) -> tuple[datetime, datetime]:
    """Read between which moments a report can be made: a second within the data that there is.

    docs.stripe.com/api/reporting/report_run/object, at parameters.interval_start and interval_end.
    """
    second = timedelta(seconds=1)
    return _instant(found.data_available_start) + second, _instant(found.data_available_end) - second


@_reader
def page(found: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Read one page of a list: its objects, and the id after which the next one begins; none where it is the last."""
    objects: list[dict[str, Any]] = found["data"]
    return objects, _text(objects[-1]["id"]) if found["has_more"] else ""


@_reader
def event(payload: bytes) -> ProviderEvent:
    """Read a webhook's body."""
    found = json.loads(payload)
    about = found["data"]["object"]
    metadata = about.get("metadata") or {}
    said = ProviderEvent(
        psp="stripe",
        event_id=_text(found["id"]),
        type=_text(found["type"]),
        object_id=str(about.get("id") or ""),
        account=str(found.get("account") or ""),
        reference=str(about.get("client_reference_id") or metadata.get("reference") or ""),
        payment_ref=str(about.get("payment_intent") or ""),
        created_at=_instant(found["created"]),
    )
    # Half a character raises a ValueError of its own.
    if any(b"\x00" in str(value).encode() for value in vars(said).values()):
        raise ValueError("text with NUL, which cannot be stored")
    return said


def _settlement(found: Any, charged_in: str) -> Settlement | None:
    """Read a balance transaction; none where there is none yet, or only its id is shown."""
    if not isinstance(found, dict):
        return None
    rate = found["exchange_rate"]
    if not isinstance(rate, int | Decimal | None):
        raise ValueError(f"a rate that was not read as it was written: {rate!r}")
    amount = from_stripe(found["amount"], found["currency"])
    return Settlement(
        psp_ref=_text(found["id"]),
        amount=amount,
        fee=from_stripe(found["fee"], found["currency"]),
        at=_instant(found["created"]),
        rate=None if rate is None else rate_from_stripe(rate, sold=charged_in, bought=found["currency"]),
        step=step_of(amount.currency),
    )


def _taken_back(refund: dict[str, Any]) -> Settlement | None:
    """Read how the rest of a capture was taken back; none of what is another refund, or has not moved yet."""
    transaction = refund.get("balance_transaction")
    moved = isinstance(transaction, dict) and transaction["reporting_category"] == releases.TAKEN_BACK
    return _settlement(transaction, refund["currency"]) if moved else None


def _movements(transactions: list[dict[str, Any]], disputed: Money) -> tuple[DisputeMovement, ...]:
    """Read a dispute's balance transactions, the oldest first; of one moment, in the order in which they are listed."""
    movements: list[DisputeMovement] = []
    withdrawn = Money(0, disputed.currency)
    for found in sorted(transactions, key=lambda each: int(each["created"])):
        settlement = _settlement(found, disputed.currency)
        if settlement is None:
            raise ValueError("a balance transaction that is not shown")
        amount = _in_dispute(settlement, disputed, withdrawn)
        withdrawn -= amount
        movements.append(
            DisputeMovement(
                psp_ref=settlement.psp_ref,
                amount=amount,
                fee=settlement.fee,
                created_at=settlement.at,
                settlement=settlement,
            )
        )
    return tuple(movements)


def _in_dispute(settlement: Settlement, disputed: Money, withdrawn: Money) -> Money:
    """Return what a movement is in the currency of the dispute, in which Stripe does not say it.

    What it takes is the disputed amount, and what it gives back is what is withdrawn, if that comes to it at its rate;
    or else what it comes to by the rate.
    """
    if settlement.amount.currency == disputed.currency:
        return settlement.amount
    if not settlement.amount.minor:
        return Money(0, disputed.currency)
    whole = -disputed if settlement.amount.minor < 0 else withdrawn
    if whole.minor and settlement.is_of(whole):
        return whole
    if settlement.rate is None:
        raise ValueError(f"{settlement.psp_ref} is in another currency than the dispute, and has no rate")
    return converted(settlement.amount, disputed.currency, settlement.rate, inverse=True)


def _reserved(charge: dict[str, Any]) -> dict[str, Any]:
    if charge["status"] != "succeeded":
        raise ValueError("reserved, but the charge did not succeed")
    return {"charge_ref": _text(charge["id"]), "captured": from_stripe(0, charge["currency"])}


def _reservation(charge: dict[str, Any]) -> dict[str, Any]:
    """Read until when a charge must be captured: the network's limit, or Stripe's seven days."""
    card = (charge.get("payment_method_details") or {}).get("card") or {}
    until = card.get("capture_before") or int(charge["created"]) + DEFAULT_RESERVATION_S
    several = (card.get("multicapture") or {}).get("status") == "available"
    return {"authorized_until": _instant(until), "several_captures": several}


def _charge_facts(charge: dict[str, Any], released: Iterable[dict[str, Any]]) -> dict[str, Any]:
    # Null while the provider has not settled it: then the fee comes later.
    transaction = charge["balance_transaction"]
    if charge["status"] != "succeeded":
        raise ValueError("paid, but the charge did not succeed")
    return {
        "captured": from_stripe(charge["amount_captured"], charge["currency"]),
        "charge_ref": _text(charge["id"]),
        "settlement": releases.of_capture(
            charge,
            _settlement(transaction, charge["currency"]),
            [moved for each in released if (moved := _taken_back(each)) is not None],
        ),
        # A capture may come days after the charge.
        "paid_at": _instant((transaction or {}).get("created") or charge["created"]),
    }


def _checkout_status(session: dict[str, Any], intent: dict[str, Any] | None) -> CheckoutStatus:
    if intent is not None and intent["status"] == "requires_capture":
        return CheckoutStatus.IN_REVIEW if _in_review(intent) else CheckoutStatus.AUTHORIZED
    # What was captured later is money whatever the session says of it: nothing is documented for that.
    if session["payment_status"] == "paid" or (intent is not None and intent["status"] == "succeeded"):
        return CheckoutStatus.IN_REVIEW if _in_review(intent) else _as_reviewed(intent)
    if session["status"] == "expired":
        return CheckoutStatus.EXPIRED
    if session["status"] == "complete":
        if intent is not None and intent["status"] == "canceled":
            return CheckoutStatus.CANCELED
        failed = intent is not None and intent["status"] == "requires_payment_method"
        return CheckoutStatus.FAILED if failed else CheckoutStatus.PROCESSING
    if intent is not None and intent["status"] == "requires_action":
        return CheckoutStatus.REQUIRES_ACTION
    return CheckoutStatus.OPEN


def _in_review(intent: dict[str, Any] | None) -> bool:
    review = intent.get("review") if intent else None
    return bool(review and review["open"])


def _as_reviewed(intent: dict[str, Any] | None) -> CheckoutStatus:
    """Tell what became of a charge whose review, if there was any, is closed.

    One that was closed by a refund is no sale; until the refund shows, nothing is decided. What was given back only in
    part was paid, and its refund is a fact of its own (https://docs.stripe.com/api/radar/reviews/object).
    """
    review, charge = (intent.get("review"), intent.get("latest_charge")) if intent else (None, None)
    if not review or not charge or review["closed_reason"] not in ("refunded", "refunded_as_fraud"):
        return CheckoutStatus.PAID
    if not releases.given_back(charge):
        return CheckoutStatus.IN_REVIEW
    return CheckoutStatus.REFUSED if releases.given_back(charge) == charge["amount_captured"] else CheckoutStatus.PAID


def _metadata(found: Any) -> dict[str, str]:
    metadata = found.metadata
    return dict(metadata.to_dict()) if metadata else {}


def _instant(stamp: Any) -> datetime:
    return datetime.fromtimestamp(int(stamp), UTC)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected an id, got {value!r}")
    return value
