"""Right requests that are led to what the shop of the stage has, with amounts that fit it and amounts that do not.

What is done to a request is drawn from the request itself, so that the same request is always led to the same.
"""

import uuid
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from random import Random
from typing import Any

import schemathesis
from django.utils import timezone

from tests.api.stage import Stage
from tests.api.stock import FIT, ODD
from tests.operations.test_addresses import PUBLIC

# What the shop of the stage has, by the parameter's name; the rest it names when it is made.
OURS = {
    "checkout_id": ["cart-1", "cart-2", "reserved-1", "open-1", "paid-BHD-1", "paid-JPY-1"],
    "payment_order_id": ["cart-1.ann", "cart-2.ann", "reserved-1.bob", "paid-BHD-1.ann", "paid-JPY-1.ann"],
    "seller_id": ["ann", "bob"],
    "seller_account": ["ann", "bob"],
    "currency": ["EUR", "BHD", "JPY"],
}
PAID = ("paid-EUR", "paid-BHD", "paid-JPY")


def keep_what_no_address_holds(case: Any) -> None:
    """Make text of a query's null and of an empty list: they are left out on the way, and what was wrong is right."""
    for name, value in (case.query or {}).items():
        if value is None or (isinstance(value, list) and all(one is None for one in value)):
            case.query[name] = "null"


def lead_to_what_is_there(case: Any, stage: Stage) -> bool:
    """Let two of three right requests ask for what the shop has: the rest asks for what nobody has.

    Returns whether the request was right as it was drawn: schemathesis judges it anew once it is changed.
    """
    right = case.meta is not None and case.meta.generation.mode is schemathesis.GenerationMode.POSITIVE
    dice = Random(repr((case.body, case.query, case.path_parameters, case.headers)))
    if right and dice.randrange(3):
        lead(case, stage, dice)
    return right


def lead(case: Any, stage: Stage, dice: Random) -> None:
    """Have a request ask for what the shop has. An example stays as the document has it."""
    case.body = deepcopy(case.body) if isinstance(case.body, dict) else case.body
    for parameters in (case.path_parameters, case.query):
        for name in parameters or {}:
            if name in OURS or name in stage.known:
                parameters[name] = stage.known.get(name) or dice.choice(OURS[name])
    if "Idempotency-Key" in (case.headers or {}) and dice.randrange(4):
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
    lead_body = _LEADS.get(case.operation.definition.raw["operationId"])
    if lead_body is not None and (isinstance(case.body, dict) or case.method == "DELETE"):
        lead_body(case, stage, dice)


def _capture(case: Any, stage: Stage, dice: Random) -> None:
    checkout = _checkout(case, stage, dice, "reserved")
    if "payment_orders" in case.body:
        parts = stage.stock.parts(checkout)[: len(case.body["payment_orders"])]
        case.body["payment_orders"] = [_odd(part, dice) for part in parts]
    case.body["final_capture"] = not dice.randrange(4)


def _cancel(case: Any, stage: Stage, dice: Random) -> None:
    _checkout(case, stage, dice, "reserved", "open")


def _replace(case: Any, stage: Stage, dice: Random) -> None:
    _checkout(case, stage, dice, "open")
    case.body["payment_orders"] = _cart(case.body["payment_orders"], dice, currency=dice.choice(["EUR"] * 5 + ["JPY"]))


def _create(case: Any, _: Stage, dice: Random) -> None:
    case.body["checkout_id"] = f"drawn-{uuid.uuid4().hex[:12]}"
    orders = case.body["payment_orders"]
    case.body["payment_orders"] = _cart(orders, dice, currency=dice.choice(OURS["currency"]))
    if dice.randrange(2):
        case.body["buyer_info"] = {"buyer_id": "bea"}
    if "return_url" in case.body:
        case.body["return_url"] = "https://shop.example/thanks"


def _refund(case: Any, stage: Stage, dice: Random) -> None:
    [part] = stage.stock.parts(stage.stock.checkout(dice.choice(PAID)))
    case.body["payment_order_id"] = part["payment_order_id"]
    if {"amount", "currency"} <= set(case.body):
        case.body |= _odd(part, dice)
    if dice.randrange(2):
        case.body["reason"] = "torn"


def _refund_all(case: Any, stage: Stage, dice: Random) -> None:
    part = stage.stock.parts(_checkout(case, stage, dice, *PAID))[0]
    if {"amount", "currency"} <= set(case.body):
        odd = _odd(part, dice)
        case.body |= {"amount": odd["amount"], "currency": odd["currency"]}
    if dice.randrange(2):
        case.body["reason"] = "torn"


def _delivery(case: Any, stage: Stage, dice: Random) -> None:
    case.body["payment_order_id"] = stage.stock.order(stage.stock.checkout(dice.choice(PAID)))
    if dice.randrange(2):
        case.body["delivered_at"] = (timezone.now() - timedelta(minutes=dice.randrange(10))).isoformat()


def _evidence(case: Any, _: Stage, dice: Random) -> None:
    case.body |= {"files": [], "final": False}
    if not case.body.get("evidence") or dice.randrange(2):
        case.body["evidence"] = {"product_description": "A chair.\nOak, two arms."}


def _resend(case: Any, stage: Stage, dice: Random) -> None:
    if "endpoint_id" in case.body and dice.randrange(3):
        case.body["endpoint_id"] = stage.known["endpoint_id"]


def _delete(case: Any, stage: Stage, _: Random) -> None:
    body = {"url": f"https://{PUBLIC}/drawn"}
    made = stage.shop.post("/v1/webhook-endpoints", body, key=uuid.uuid4().hex)
    case.path_parameters["endpoint_id"] = made.json()["id"]


def _checkout(case: Any, stage: Stage, dice: Random, *kinds: str) -> str:
    """Lead to a checkout of which the request can be had, mostly."""
    if dice.randrange(5):
        case.path_parameters["checkout_id"] = stage.stock.checkout(dice.choice(kinds))
    return str(case.path_parameters["checkout_id"])


def _cart(drawn: list[dict[str, Any]], dice: Random, *, currency: str) -> list[dict[str, Any]]:
    """Return a cart like the drawn one, of sellers that are there."""
    return [
        one
        | {
            "payment_order_id": f"drawn-{uuid.uuid4().hex[:12]}",
            "seller_account": seller,
            "amount": _amount(currency, dice),
            "currency": currency,
        }
        for one, seller in zip(drawn, OURS["seller_account"], strict=False)
    ]


def _odd(part: dict[str, str], dice: Random) -> dict[str, str]:
    """Return an order's part with another amount, mostly, and seldom another currency."""
    currency = part["currency"] if dice.randrange(8) else dice.choice(OURS["currency"])
    amount = _amount(currency, dice) if dice.randrange(5) else part["amount"]
    return part | {"amount": amount, "currency": currency}


def _amount(currency: str, dice: Random) -> str:
    return dice.choice(FIT[currency] if dice.randrange(3) else ODD)


# By the operation's id.
_LEADS: dict[str, Callable[[Any, Stage, Random], None]] = {
    "cancelPayment": _cancel,
    "capturePayment": _capture,
    "createPayment": _create,
    "createRefund": _refund,
    "refundCheckout": _refund_all,
    "deleteEndpoint": _delete,
    "replacePayment": _replace,
    "reportDelivery": _delivery,
    "resendEvent": _resend,
    "submitEvidence": _evidence,
}
