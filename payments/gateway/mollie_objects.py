"""Reading Mollie's objects into our values, and refusing what cannot be believed.

Amounts are decimal texts with exactly the currency's decimals of ISO 4217; moments are ISO 8601 with an offset.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs

from ledger.money import MAX_MINOR, Money, UnknownCurrency, exponent
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

# How long a reservation is kept where the payment does not say.
DEFAULT_RESERVATION = timedelta(days=7)
# After this long a chargeback is not reversed any more: what was taken is lost.
CHARGEBACK_OPEN = timedelta(days=90)

_CHECKOUT = {
    "open": CheckoutStatus.OPEN,
    "pending": CheckoutStatus.PROCESSING,
    "authorized": CheckoutStatus.AUTHORIZED,
    "paid": CheckoutStatus.PAID,
    "canceled": CheckoutStatus.CANCELED,
    "expired": CheckoutStatus.EXPIRED,
    "failed": CheckoutStatus.FAILED,
}
_REFUND = {
    "queued": RefundStatus.PENDING,
    "pending": RefundStatus.PENDING,
    "processing": RefundStatus.PENDING,
    "refunded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.CANCELED,
}
_DECIMAL = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,4}))?", re.ASCII)
_PAYMENT_ID = re.compile(r"tr_[A-Za-z0-9]{1,64}", re.ASCII)

P = ParamSpec("P")
T = TypeVar("T")


class Unreadable(Exception):
    """An answer does not have the shape that it must have."""


def _reader(read: Callable[P, T]) -> Callable[P, T]:
    @wraps(read)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(*args, **kwargs)
        except (KeyError, AttributeError, TypeError, ValueError, IndexError, UnknownCurrency) as error:
            raise Unreadable(f"{type(error).__name__}: {error}") from error

    return guarded


@_reader
def checkout(found: dict[str, Any]) -> CheckoutFacts:
    """Read a payment. Mollie's payment is page, reservation and charge in one, with one id."""
    status = _CHECKOUT[found["status"]]
    payment, amount = identity(found), money(found["amount"])
    facts: dict[str, Any] = {}
    if status in (CheckoutStatus.AUTHORIZED, CheckoutStatus.PAID):
        facts = {"charge_ref": payment, "captured": _captured(found, amount)}
        if status is CheckoutStatus.AUTHORIZED:
            facts["authorized_until"] = _reserved_until(found)
        if facts["captured"].minor:
            facts["paid_at"] = instant(found.get("paidAt") or found.get("authorizedAt") or found["createdAt"])
    return CheckoutFacts(
        psp_ref=payment,
        payment_ref=payment,
        reference=_reference(found),
        page_url=((found.get("_links") or {}).get("checkout") or {}).get("href") or "",
        status=status,
        amount=amount,
        last_error=_failure(found) if status is CheckoutStatus.FAILED else "",
        lapsed=status is CheckoutStatus.EXPIRED,
        **facts,
    )


@_reader
def refund(found: dict[str, Any]) -> RefundFacts:
    """Read a refund."""
    if not identity(found).startswith("re_"):
        raise ValueError(f"{found['id']!r} is no refund")
    status = _REFUND[found["status"]]
    return RefundFacts(
        psp_ref=identity(found),
        reference=_reference(found),
        status=status,
        amount=money(found["amount"]),
        created_at=instant(found["createdAt"]),
        failure_reason=str(found["status"]) if status in (RefundStatus.FAILED, RefundStatus.CANCELED) else "",
    )


@_reader
def has_failed(found: dict[str, Any]) -> bool:
    """Tell of a capture whether it failed."""
    return bool(found["status"] == "failed")


@_reader
def dispute(found: dict[str, Any], *, payment: str, now: datetime) -> DisputeFacts:
    """Read a chargeback as of the moment at which Mollie answered.

    It takes the money at once and has no evidence; a reversal gives it back, and one that does not come in time never
    does.
    """
    amount, opened = money(found["amount"]), instant(found["createdAt"])
    nothing = Money(0, amount.currency)
    moved = [DisputeMovement(psp_ref=identity(found), amount=-amount, fee=nothing, created_at=opened)]
    status = DisputeStatus.LOST if now - opened > CHARGEBACK_OPEN else DisputeStatus.UNDER_REVIEW
    if found.get("reversedAt"):
        back, status = instant(found["reversedAt"]), DisputeStatus.WON
        moved.append(
            DisputeMovement(psp_ref=f"{identity(found)}:reversed", amount=amount, fee=nothing, created_at=back)
        )
    return DisputeFacts(
        psp_ref=identity(found),
        charge_ref=payment,
        status=status,
        amount=amount,
        reason=str((found.get("reason") or {}).get("code") or ""),
        created_at=opened,
        movements=tuple(moved),
    )


@_reader
def listed(found: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Read one page of a list."""
    page = found["_embedded"][kind]
    if not isinstance(page, list) or not all(isinstance(each, dict) for each in page):
        raise ValueError(f"expected a list of {kind}")
    return page


@_reader
def following(found: dict[str, Any]) -> str:
    """Return the address of a list's next page; empty after the last one."""
    return str(((found.get("_links") or {}).get("next") or {}).get("href") or "")


@_reader
def moment(found: dict[str, Any]) -> datetime:
    """Read when an object was made."""
    return instant(found["createdAt"])


@_reader
def event(payload: bytes, *, arrived_at: datetime) -> ProviderEvent:
    """Read a webhook's body, a form with a payment's id and nothing else.

    It has no id of its own: what comes for one payment within a second is one event, which is acted on after that.
    """
    ids = parse_qs(payload.decode("ascii"), strict_parsing=True, max_num_fields=10)["id"]
    if len(ids) != 1 or not _PAYMENT_ID.fullmatch(ids[0]):
        raise ValueError("expected the id of one payment")
    second = arrived_at.replace(microsecond=0)
    return ProviderEvent(
        psp="mollie",
        event_id=f"{ids[0]}:{int(second.timestamp())}",
        type="mollie.payment.changed",
        object_id=ids[0],
        account="",
        reference="",
        created_at=second,
        act_after=second + timedelta(seconds=1),
    )


@_reader
def identity(found: dict[str, Any]) -> str:
    """Read an object's id."""
    value = found["id"]
    if not isinstance(value, str) or not value or "\x00" in value:
        raise ValueError(f"expected an id, got {value!r}")
    return value


@_reader
def money(found: dict[str, Any]) -> Money:
    """Read an amount: no more decimals than the currency has, and no float on the way."""
    currency, text = found["currency"], found["value"]
    parts = _DECIMAL.fullmatch(text)
    decimals = exponent(currency)
    if parts is None or len(parts[3] or "") > decimals:
        raise ValueError(f"{text!r} is not an amount of {currency}")
    minor = int(parts[2]) * 10**decimals + int((parts[3] or "").ljust(decimals, "0") or "0")
    if minor > MAX_MINOR:
        raise ValueError(f"{text} {currency} is too large")
    return Money(-minor if parts[1] else minor, currency)


def written(amount: Money) -> dict[str, str]:
    """Return an amount as Mollie wants it."""
    return {"currency": amount.currency, "value": amount.text}


def instant(text: str) -> datetime:
    """Read a moment. Raises ValueError for one that does not say where on earth it is meant."""
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return read


def _captured(found: dict[str, Any], amount: Money) -> Money:
    """Return what was taken: of a payment that is not captured apart, all of it.

    Nor is one for which that was asked captured apart, where the buyer chose a method that cannot reserve: it is paid
    at once, and has no captured amount (docs.mollie.com/docs/place-a-hold-for-a-payment, "Mollie Checkout").
    """
    told = found.get("amountCaptured")
    if found["status"] == "paid" and (found.get("captureMode") != "manual" or not told):
        return amount
    captured = money(told) if told else Money(0, amount.currency)
    if captured.currency != amount.currency or not 0 <= captured.minor <= amount.minor:
        raise ValueError(f"captured {captured} of {amount}")
    if found["status"] == "paid" and not captured.minor:
        raise ValueError("paid, but nothing was captured")
    return captured


def _reserved_until(found: dict[str, Any]) -> datetime:
    told = found.get("captureBefore")
    if not told:
        return instant(found.get("authorizedAt") or found["createdAt"]) + DEFAULT_RESERVATION
    # A date alone is its beginning: nothing may be left for a day that may be over.
    return instant(told if "T" in told else f"{told}T00:00:00+00:00")


def _failure(found: dict[str, Any]) -> str:
    details = found.get("details") or {}
    return str(details.get("failureReason") or (found.get("statusReason") or {}).get("code") or "declined")


def _reference(found: dict[str, Any]) -> str:
    metadata = found.get("metadata")
    return str(metadata.get("reference") or "") if isinstance(metadata, dict) else ""
