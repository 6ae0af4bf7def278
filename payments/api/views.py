"""The endpoints of money in. Each reads its input, calls one verb and shows the result."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ledger.selectors import wallets
from operations import idempotency
from operations.api.authentication import storefront_of
from operations.api.idempotent import key_of
from operations.edges import money_tx
from payments import selectors, services
from payments.api import representations as show
from payments.api.serializers import (
    CancelInput,
    CaptureInput,
    CartInput,
    DisputeFilters,
    EvidenceInput,
    PaymentInput,
    RefundInput,
    SellerInput,
)
from payments.errors import UnknownSeller

KEY_HEADER = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, required=True)
# How long a client should wait before it asks again about an outcome that nobody knows yet.
RETRY_AFTER_S = "2"


class Payments(APIView):
    """`/v1/payments`."""

    @extend_schema(request=PaymentInput, parameters=[KEY_HEADER], responses={201: dict, 202: dict})
    def post(self, request: Request) -> Response:
        """Create a payment and return the page on which the buyer pays it."""
        key = key_of(request)
        data = PaymentInput(data=request.data, context={"return_origins": storefront_of(request).return_origins})
        data.is_valid(raise_exception=True)
        now = timezone.now()
        result = services.create_checkout(
            storefront=storefront_of(request).slug,
            new=_new_checkout(data.validated_data),
            key=key,
            fingerprint=idempotency.fingerprint(method="POST", path=request.path, body=request.data),
            actor=storefront_of(request).actor,
            now=now,
        )
        return _answered(result, status.HTTP_201_CREATED)


class Capture(APIView):
    """`/v1/payments/{checkout_id}/capture`."""

    @extend_schema(request=CaptureInput, parameters=[KEY_HEADER], responses={200: dict, 202: dict})
    def post(self, request: Request, checkout_id: str) -> Response:
        """Take what is reserved for a checkout, all of it or parts."""
        key = key_of(request)
        data = CaptureInput(data=request.data)
        data.is_valid(raise_exception=True)
        parts = [
            services.Part(payment_order_id=part["payment_order_id"], amount=part["money"])
            for part in data.validated_data.get("payment_orders", [])
        ]
        result = services.capture_payment(
            checkout_id=checkout_id,
            parts=parts,
            final=data.validated_data["final_capture"],
            **_common(request, key),
        )
        return _answered(result, status.HTTP_200_OK)


class Cancel(APIView):
    """`/v1/payments/{checkout_id}/cancel`."""

    @extend_schema(request=CancelInput, parameters=[KEY_HEADER], responses={200: dict, 202: dict})
    def post(self, request: Request, checkout_id: str) -> Response:
        """Close the page of a checkout, or release what is reserved for it."""
        key = key_of(request)
        CancelInput(data=request.data).is_valid(raise_exception=True)
        return _answered(services.cancel_payment(checkout_id=checkout_id, **_common(request, key)), status.HTTP_200_OK)


class Replace(APIView):
    """`/v1/payments/{checkout_id}/replace`."""

    @extend_schema(request=CartInput, parameters=[KEY_HEADER], responses={200: dict, 202: dict})
    def post(self, request: Request, checkout_id: str) -> Response:
        """Replace the payment orders of a checkout whose page is open; the new ones have ids of their own."""
        key = key_of(request)
        data = CartInput(data=request.data)
        data.is_valid(raise_exception=True)
        orders = _new_orders(data.validated_data)
        result = services.replace_cart(checkout_id=checkout_id, orders=orders, **_common(request, key))
        return _answered(result, status.HTTP_200_OK)


class Payment(APIView):
    """`/v1/payments/{payment_order_id}`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request, payment_order_id: str) -> Response:
        """Return the execution status of one payment order."""
        order = selectors.payment(storefront=storefront_of(request).slug, payment_order_id=payment_order_id)
        body = show.order(order, selectors.waiting(orders=[order]).get(order.id))
        body["checkout_id"] = order.checkout.checkout_id
        body["is_payment_done"] = order.checkout.is_payment_done
        body["refunds"] = [show.refund(refund) for refund in selectors.refunds_of(order=order.id)]
        return Response(body)


class Refunds(APIView):
    """`/v1/refunds`."""

    @extend_schema(request=RefundInput, parameters=[KEY_HEADER], responses={201: dict})
    def post(self, request: Request) -> Response:
        """Refund a payment order, in part or whole."""
        key = key_of(request)
        data = RefundInput(data=request.data)
        data.is_valid(raise_exception=True)
        refund, key_id = services.request_refund(
            storefront=storefront_of(request).slug,
            payment_order_id=data.validated_data["payment_order_id"],
            amount=data.validated_data.get("money"),
            reason=data.validated_data["reason"],
            key=key,
            fingerprint=idempotency.fingerprint(method="POST", path=request.path, body=request.data),
            actor=storefront_of(request).actor,
            now=timezone.now(),
        )
        with money_tx("refunds.let_go"):
            idempotency.let_go(key_id=key_id)
        return Response(show.refund(refund), status=status.HTTP_201_CREATED)


class Disputes(APIView):
    """`/v1/disputes`."""

    @extend_schema(operation_id="v1_disputes_list", parameters=[DisputeFilters], responses={200: dict})
    def get(self, request: Request) -> Response:
        """Return the storefront's disputes, the newest first, page by page."""
        filters = DisputeFilters(data=request.query_params.dict())
        filters.is_valid(raise_exception=True)
        wanted = dict(filters.validated_data)
        limit, before = wanted.pop("limit"), wanted.pop("cursor", None)
        # One more than asked for tells whether there is a next page.
        found = selectors.disputes(storefront=storefront_of(request).slug, limit=limit + 1, before=before, **wanted)
        page = found[:limit]
        following = page[-1].id if len(found) > limit else None
        return Response({"data": [show.dispute(each) for each in page], "next_cursor": following})


class Dispute(APIView):
    """`/v1/disputes/{dispute_id}`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request, dispute_id: str) -> Response:
        """Return one dispute."""
        return Response(show.dispute(selectors.dispute(storefront=storefront_of(request).slug, dispute=dispute_id)))


class Evidence(APIView):
    """`/v1/disputes/{dispute_id}/evidence`."""

    @extend_schema(request=EvidenceInput, parameters=[KEY_HEADER], responses={202: dict})
    def post(self, request: Request, dispute_id: str) -> Response:
        """Hand in evidence: it is kept at once, and sent to the provider right after."""
        key = key_of(request)
        data = EvidenceInput(data=request.data)
        data.is_valid(raise_exception=True)
        evidence = services.submit_evidence(
            dispute=dispute_id,
            evidence=data.validated_data["evidence"],
            final=data.validated_data["final"],
            storefront=storefront_of(request).slug,
            key=key,
            fingerprint=idempotency.fingerprint(method="POST", path=request.path, body=request.data),
            actor=storefront_of(request).actor,
            now=timezone.now(),
        )
        return Response(show.evidence(evidence), status=status.HTTP_202_ACCEPTED)


class Sellers(APIView):
    """`/v1/sellers`."""

    @extend_schema(request=SellerInput, responses={200: dict, 201: dict})
    def post(self, request: Request) -> Response:
        """Make a seller known; the same seller again changes nothing."""
        data = SellerInput(data=request.data)
        data.is_valid(raise_exception=True)
        seller, created = services.register_seller(
            storefront=storefront_of(request).slug,
            actor=storefront_of(request).actor,
            now=timezone.now(),
            **data.validated_data,
        )
        code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(show.seller(seller, []), status=code)


class Seller(APIView):
    """`/v1/sellers/{seller_id}`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request, seller_id: str) -> Response:
        """Return a seller and what we owe them."""
        try:
            seller = selectors.seller(storefront=storefront_of(request).slug, seller_id=seller_id)
        except UnknownSeller as error:
            # In a body it is a mistake in the request; here it is the address that leads nowhere.
            raise Http404 from error
        return Response(show.seller(seller, [_wallet(found) for found in wallets(seller=seller.id)]))


def _common(request: Request, key: str) -> dict[str, Any]:
    """Return what every verb on a payment takes besides its own arguments."""
    return {
        "storefront": storefront_of(request).slug,
        "key": key,
        "fingerprint": idempotency.fingerprint(method="POST", path=request.path, body=request.data),
        "actor": storefront_of(request).actor,
        "now": timezone.now(),
    }


def _answered(result: services.CheckoutResult, code: int) -> Response:
    """Show a checkout as the final answer of its key; while the outcome is not known, as an interim one."""
    if result.answered_status is not None:
        return Response(result.answered_body, status=result.answered_status, headers={"Idempotent-Replayed": "true"})
    checkout = selectors.checkout(checkout=result.checkout)
    body = show.checkout(checkout, selectors.latest_attempt(checkout=checkout.id))
    if not selectors.is_clear(checkout=checkout):
        with money_tx("payments.let_go"):
            idempotency.let_go(key_id=result.key_id)
        return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Retry-After": RETRY_AFTER_S})
    with money_tx("payments.answer"):
        idempotency.answer(key_id=result.key_id, status=code, body=body)
    return Response(body, status=code)


def _new_checkout(data: dict[str, Any]) -> services.NewCheckout:
    return services.NewCheckout(
        checkout_id=data["checkout_id"],
        buyer_info=data["buyer_info"],
        return_url=data.get("return_url", ""),
        capture_method=data.get("capture_method", "automatic"),
        orders=_new_orders(data),
    )


def _new_orders(data: dict[str, Any]) -> list[services.NewOrder]:
    return [
        services.NewOrder(
            payment_order_id=order["payment_order_id"],
            seller_account=order["seller_account"],
            amount=order["money"],
            category=order.get("category", ""),
        )
        for order in data["payment_orders"]
    ]


def _wallet(found: Any) -> dict[str, str]:
    return {
        "currency": found.currency,
        "pending": found.pending.text,
        "available": found.available.text,
        "reserved": found.reserved.text,
        "receivable": found.receivable.text,
    }
