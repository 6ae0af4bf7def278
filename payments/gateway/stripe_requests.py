"""What is sent to Stripe, in its words, and the way in which it goes out."""

import io
from collections.abc import Iterator
from typing import Any, cast

import stripe

from ledger.money import Money
from payments.gateway.base import CheckoutRequest
from payments.gateway.calls import heard
from payments.gateway.currencies import to_stripe
from payments.gateway.stripe_objects import page


class ListeningClient(stripe.RequestsClient):
    """The SDK's way to the network, with every answer told to the log of calls."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Make a request, and tell what came back."""
        content, status, headers = answer = cast(Any, super()).request(*args, **kwargs)
        heard(status, content, request_id=headers.get("Request-Id", ""))
        return answer


def raw(client: stripe.StripeClient, method: str, path: str, *, key: str = "", **params: Any) -> dict[str, Any]:
    """Make a call and return the JSON of its answer; errors are the SDK's, as from its methods.

    The SDK's objects cost more to build than the rest of a call, and we read them as dictionaries. So what is asked
    with every payment, or by thousands, goes the SDK's own way around them.
    """
    options: dict[str, Any] = {"idempotency_key": key} if key else {}
    answer: dict[str, Any] = cast(Any, client).raw_request(method, path, **params, **options).data
    return answer


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
