"""The endpoints that have something done about a payment that is there: capture, cancel, replace."""

from typing import Any

from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ledger.money import CurrencyMismatch
from operations import idempotency
from operations.api import queries
from operations.api.authentication import storefront_of
from operations.api.described import Shown, described
from operations.api.idempotent import answered, fingerprint_of, key_of
from operations.api.parsers import body_of
from operations.edges import money_tx
from operations.services import Stopped
from payments import selectors, services
from payments.api import examples, output
from payments.api import representations as show
from payments.api.serializers import CancelInput, CaptureInput, CartInput
from payments.errors import (
    AmountNotRepresentable,
    AmountTooLarge,
    AmountTooSmall,
    NoProvider,
    UnknownPayment,
    UnknownSeller,
)

# How long a client should wait before it asks again about an outcome that nobody knows yet.
RETRY_AFTER_S = "2"
UNCLEAR = Shown(
    status=202,
    body=output.CheckoutOutput,
    example=examples.UNCLEAR,
    means="Stored; the outcome is not known yet. Ask again with the same key after Retry-After.",
    waits=True,
)


class Capture(APIView):
    """`/v1/payments/{checkout_id}/capture`."""

    @described(
        name="capturePayment",
        tag="payments",
        summary="Capture a payment",
        takes=CaptureInput,
        example=examples.CAPTURE,
        key=True,
        shows=[
            Shown(status=200, body=output.CheckoutOutput, example=examples.CAPTURED, means="It is taken."),
            UNCLEAR,
        ],
        fails=[
            UnknownPayment,
            services.NotCapturable,
            services.RestNotKept,
            services.CaptureExceedsAuthorized,
            services.OutcomeUnknown,
            services.InstructionRefused,
            CurrencyMismatch,
            AmountNotRepresentable,
        ],
    )
    def post(self, request: Request, checkout_id: str) -> Response:
        """Take what is reserved for a checkout, all of it or parts; a final capture releases the rest."""
        queries.no_parameters(request)
        key = key_of(request)
        data = CaptureInput(data=body_of(request))
        data.is_valid(raise_exception=True)
        parts = [
            services.Part(payment_order_id=part["payment_order_id"], amount=part["money"])
            for part in data.validated_data.get("payment_orders", [])
        ]
        final = data.validated_data["final_capture"]
        result = services.capture_payment(checkout_id=checkout_id, parts=parts, final=final, **common(request, key))
        return checkout_answer(result, status.HTTP_200_OK)


class Cancel(APIView):
    """`/v1/payments/{checkout_id}/cancel`."""

    @described(
        name="cancelPayment",
        tag="payments",
        summary="Cancel a payment",
        takes=CancelInput,
        example={},
        key=True,
        shows=[
            Shown(status=200, body=output.CheckoutOutput, example=examples.CANCELED, means="It is called off."),
            UNCLEAR,
        ],
        fails=[UnknownPayment, services.NotCancelable, services.OutcomeUnknown, services.InstructionRefused],
    )
    def post(self, request: Request, checkout_id: str) -> Response:
        """Close the page of a checkout, or release what is reserved for it."""
        queries.no_parameters(request)
        key = key_of(request)
        CancelInput(data=body_of(request)).is_valid(raise_exception=True)
        result = services.cancel_payment(checkout_id=checkout_id, **common(request, key))
        return checkout_answer(result, status.HTTP_200_OK)


class Replace(APIView):
    """`/v1/payments/{checkout_id}/replace`."""

    @described(
        name="replacePayment",
        tag="payments",
        summary="Replace the cart of a payment",
        takes=CartInput,
        example=examples.CART,
        key=True,
        shows=[
            Shown(
                status=200, body=output.CheckoutOutput, example=examples.REPLACED, means="Send the buyer to the page."
            ),
            UNCLEAR,
        ],
        fails=[
            UnknownPayment,
            UnknownSeller,
            services.OrderExists,
            services.NotReplaceable,
            services.OutcomeUnknown,
            services.InstructionRefused,
            CurrencyMismatch,
            NoProvider,
            AmountNotRepresentable,
            AmountTooSmall,
            AmountTooLarge,
            Stopped,
        ],
    )
    def post(self, request: Request, checkout_id: str) -> Response:
        """Replace the payment orders of a checkout whose page is open; the new ones have ids of their own."""
        queries.no_parameters(request)
        key = key_of(request)
        data = CartInput(data=body_of(request))
        data.is_valid(raise_exception=True)
        orders = new_orders(data.validated_data)
        result = services.replace_cart(checkout_id=checkout_id, orders=orders, **common(request, key))
        return checkout_answer(result, status.HTTP_200_OK)


def common(request: Request, key: str) -> dict[str, Any]:
    """Return what every verb takes that a storefront asks for under a key, besides its own arguments."""
    return {
        "storefront": storefront_of(request).slug,
        "key": key,
        "fingerprint": fingerprint_of(request),
        "actor": storefront_of(request).actor,
        "now": timezone.now(),
    }


def checkout_answer(result: services.CheckoutResult, code: int) -> Response:
    """Show a checkout as the final answer of its key; while the outcome is not known, as an interim one."""
    if result.answered_status is not None:
        headers = {"Idempotent-Replayed": "true"} if result.replayed else {}
        return Response(result.answered_body, status=result.answered_status, headers=headers)
    checkout = selectors.checkout(checkout=result.checkout)
    body = show.checkout(checkout, show.waits_of_checkouts([checkout]))
    if not selectors.is_clear(checkout=checkout):
        with money_tx("payments.let_go"):
            idempotency.let_go(key_id=result.key_id)
        return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Retry-After": RETRY_AFTER_S})
    return answered("payments", key_id=result.key_id, status=code, body=body)


def new_orders(data: dict[str, Any]) -> list[services.NewOrder]:
    """Return the payment orders of a cart that was read."""
    return [
        services.NewOrder(
            payment_order_id=order["payment_order_id"],
            seller_account=order["seller_account"],
            amount=order["money"],
            category=order.get("category", ""),
        )
        for order in data["payment_orders"]
    ]
