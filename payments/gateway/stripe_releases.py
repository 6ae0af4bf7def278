"""What Stripe releases of a reservation is a refund on its list too: told here from money that was given back.

Of a charge that is captured in part its balance shows two movements, the whole reservation and the rest taken back; the
second has a category of its own (docs.stripe.com/reports/reporting-categories). Of one that was never captured there
is no movement at all.
"""

from dataclasses import replace
from typing import Any

from payments.gateway.currencies import from_stripe
from payments.gateway.settlements import Settlement

# The reporting category of the movement by which the rest of a capture is taken back.
TAKEN_BACK = "partial_capture_reversal"


class NotYet(Exception):
    """The provider has not told yet, or is still making, what we asked for."""


def is_release(refund: dict[str, Any]) -> bool:
    """Tell whether a refund, with its charge and movement shown, only released what was not captured. Raises NotYet."""
    transaction, charge = refund.get("balance_transaction"), refund.get("charge")
    if isinstance(transaction, dict):
        return bool(transaction["reporting_category"] == TAKEN_BACK)
    if not isinstance(charge, dict):
        return False
    if not charge["captured"] and not charge["amount_captured"]:
        return True
    if not refund.get("metadata") and refund["amount"] == _rest(charge):
        raise NotYet(f"whether {refund['id']} gave money back, or released what was not captured")
    return False


def in_part(charge: dict[str, Any] | None) -> bool:
    """Tell whether a part of a reservation was captured, and the rest is free."""
    return bool(charge and charge["captured"] and charge["amount_captured"] and _rest(charge))


def given_back(charge: dict[str, Any]) -> int:
    """Return what was refunded of what was captured, in Stripe's units: it counts what it released as refunded too."""
    return int(charge["amount_refunded"]) - (_rest(charge) if charge["captured"] else 0)


def of_capture(charge: dict[str, Any], whole: Settlement | None, taken_back: list[Settlement]) -> Settlement | None:
    """Return how a capture was settled; none where only the whole reservation is shown yet, without the rest."""
    if whole is None or not in_part(charge):
        return whole
    if taken_back:
        for each in taken_back:
            whole = replace(whole, amount=whole.amount + each.amount, fee=whole.fee + each.fee)
        return whole
    reserved = from_stripe(charge["amount"], charge["currency"])
    shows_all = whole.amount == reserved if whole.rate is None else whole.is_of(reserved)
    return None if shows_all else whole


def _rest(charge: dict[str, Any]) -> int:
    return int(charge["amount"]) - int(charge["amount_captured"])
