"""What is sent to Stripe, in its words, and the way in which it goes out.

What puts an amount in Stripe's words raises NotRepresentable where there are none; so it is called within the call.
"""

import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from urllib.request import getproxies

import stripe
import urllib3

from ledger.money import Money
from payments.gateway.base import CaptureRequest, CheckoutRequest, RefundRequest
from payments.gateway.calls import heard
from payments.gateway.currencies import to_stripe
from payments.gateway.money_out import AccountRequest, TransferRequest
from payments.gateway.stripe_objects import page
from payments.gateway.timed import timed_pool

REPORT = "balance_change_from_activity.itemized.3"
_REPORT_COLUMNS = [
    "balance_transaction_id",
    "created",
    "available_on",
    "currency",
    "gross",
    "fee",
    "net",
    "reporting_category",
    "source_id",
    "charge_id",
    "description",
]
# A rate that was applied. The SDK reads numbers with a point as binary ones, which are not what was written.
_RATE = re.compile(r'"exchange_rate":\s*[0-9]')


class ListeningClient(stripe.RequestsClient):
    """The SDK's way to the network, with every answer told to the log of calls.

    It asks urllib3 itself, which `requests` would ask: what that adds to each call (proxies and passwords looked for
    in the environment, cookies, redirects) is more work than the call, and a payment is never sent on to where a
    redirect points. Only where the environment names a proxy the SDK's own way stays, which knows them.
    """

    def __init__(self, *, timeout: tuple[int, int]) -> None:
        super().__init__(timeout=timeout)
        self._proxies = getproxies()
        self._pool = timed_pool(timeout=timeout, ca_certs=stripe.ca_bundle_path)

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        """Make a request, and tell what came back. Raises the SDK's APIConnectionError where nothing did."""
        if self._proxies:
            content, status, found = cast(Any, super()).request(method, url, headers, post_data)
        else:
            content, status, found = self._straight(method, url, headers, post_data)
        heard(status, content, request_id=found.get("Request-Id", ""))
        return content, status, found

    def _straight(self, method: str, url: str, headers: Mapping[str, str] | None, body: Any) -> tuple[bytes, int, Any]:
        try:
            answer = self._pool.request(method.upper(), url, headers=headers, body=body, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise cast(Any, stripe).APIConnectionError(
                f"no answer from Stripe: {type(error).__name__}: {error}"
            ) from error
        return answer.data, answer.status, answer.headers


def raw(client: stripe.StripeClient, method: str, path: str, *, key: str = "", **params: Any) -> dict[str, Any]:
    """Make a call and return the JSON of its answer; errors are the SDK's, as from its methods.

    The SDK's objects cost more to build than the rest of a call, and we read them as dictionaries. So what is asked
    with every payment, or by thousands, goes the SDK's own way around them; and so does all that may tell a rate, whose
    digits stay as they were written.
    """
    options: dict[str, Any] = {"idempotency_key": key} if key else {}
    answer = cast(Any, client).raw_request(method, path, **params, **options)
    found: dict[str, Any] = answer.data
    return json.loads(answer.body, parse_float=Decimal) if _RATE.search(answer.body) else found


def pages(client: stripe.StripeClient, path: str, **params: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list, page by page, in Stripe's order."""
    more: dict[str, Any] = {}
    while True:
        found, last = page(raw(client, "get", path, **params, **more))
        yield from found
        if not last:
            return
        more = {"starting_after": last}


def session_params(request: CheckoutRequest) -> dict[str, Any]:
    """Return the parameters of a Checkout Session."""
    params: dict[str, Any] = {
        "mode": "payment",
        "client_reference_id": request.reference,
        "line_items": [_line_item(line.name, line.amount_minor, request.currency) for line in request.lines],
        "expires_at": request.expires_at,
        "metadata": request.metadata,
        "payment_intent_data": {"metadata": request.metadata, "transfer_group": request.reference},
    }
    if request.embedded:
        params |= {"ui_mode": "embedded_page", "return_url": request.success_url}
    else:
        params |= {"success_url": request.success_url, "cancel_url": request.cancel_url}
    if request.capture_method == "manual":
        params["payment_intent_data"]["capture_method"] = "manual"
        # Asked for, never relied on: the charge says whether this account and card have it.
        params["payment_method_options"] = {"card": {"request_multicapture": "if_available"}}
    if request.email:
        params["customer_email"] = request.email
    return params


def capture_params(request: CaptureRequest) -> dict[str, Any]:
    """Return the parameters by which a PaymentIntent is captured."""
    params: dict[str, Any] = {"amount_to_capture": to_stripe(Money(request.amount_minor, request.currency))}
    if not request.final:
        params["final_capture"] = False
    return params


def refund_params(request: RefundRequest) -> dict[str, Any]:
    """Return the parameters of a refund."""
    return {
        "charge": request.charge_ref,
        "amount": to_stripe(Money(request.amount_minor, request.currency)),
        "metadata": {"reference": request.reference},
    }


def account_params(request: AccountRequest) -> dict[str, Any]:
    """Return the parameters of a connected account that may receive transfers, and for which we answer."""
    return {
        "country": request.country,
        "business_profile": {"name": request.name},
        "capabilities": {"transfers": {"requested": True}},
        "controller": {
            "fees": {"payer": "application"},
            "losses": {"payments": "application"},
            "stripe_dashboard": {"type": "none"},
            "requirement_collection": "application",
        },
        "metadata": {"reference": request.reference},
    }


def report_params(*, start: datetime, end: datetime) -> dict[str, Any]:
    """Return the parameters of the itemised activity report."""
    interval = {"interval_start": int(start.timestamp()), "interval_end": int(end.timestamp())}
    return {"report_type": REPORT, "parameters": {**interval, "columns": _REPORT_COLUMNS}}


def transfer_params(request: TransferRequest) -> dict[str, Any]:
    """Return the parameters of a transfer."""
    return {
        "amount": to_stripe(Money(request.amount_minor, request.currency)),
        "currency": request.currency.lower(),
        "destination": request.destination,
        "transfer_group": request.reference,
        "metadata": {"reference": request.reference},
    }


def named_stream(content: bytes, name: str) -> io.BytesIO:
    """Return a stream that the SDK uploads under a name: it takes the stream's own."""
    stream = io.BytesIO(content)
    cast(Any, stream).name = name
    return stream


def _line_item(name: str, amount_minor: int, currency: str) -> dict[str, Any]:
    price = {
        "currency": currency.lower(),
        "unit_amount": to_stripe(Money(amount_minor, currency)),
        "product_data": {"name": name},
    }
    return {"quantity": 1, "price_data": price}
