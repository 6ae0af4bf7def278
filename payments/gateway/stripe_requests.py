"""What is sent to Stripe, in its words, and the way in which it goes out."""

import io
from typing import Any, cast

import stripe

from ledger.money import Money
from payments.gateway.base import CheckoutRequest
from payments.gateway.calls import heard
from payments.gateway.currencies import to_stripe


class ListeningClient(stripe.RequestsClient):
    """The SDK's way to the network, with every answer told to the log of calls."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Make a request, and tell what came back."""
        content, status, headers = answer = cast(Any, super()).request(*args, **kwargs)
        heard(status, content, request_id=headers.get("Request-Id", ""))
        return answer


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
