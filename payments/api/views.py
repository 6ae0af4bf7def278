"""The endpoints of money in. Each reads its input, calls one verb and shows the result."""

from typing import Any

from django.http import Http404
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ledger.money import CurrencyMismatch
from operations.api import queries
from operations.api.authentication import storefront_of
from operations.api.described import Shown, described, expand_parameter, page_example, page_parameters, page_serializer
from operations.api.idempotent import answered, key_of, replay_of
from operations.api.parsers import body_of
from operations.services import Stopped
from payments import selectors, services
from payments.api import examples, output
from payments.api import representations as show
from payments.api.instructions import UNCLEAR, checkout_answer, common, new_orders
from payments.api.serializers import CheckoutRefundInput, PaymentInput, RefundInput
from payments.errors import (
    AmountNotRepresentable,
    AmountTooLarge,
    AmountTooSmall,
    NoProvider,
    UnknownPayment,
    UnknownSeller,
)
from payments.states import OrderState, RefundState

_TERMS = ("commission_rates", "commission_minimums")
PAYMENT_FILTERS = {
    "status": queries.choice("state", "in this state", OrderState.values),
    "checkout_id": queries.identifier("checkout__checkout_id", "of this checkout"),
    "seller_account": queries.identifier("seller__seller_id", "of this seller"),
    "currency": queries.identifier("currency", "in this currency"),
    "created_from": queries.moment("checkout__created_at__gte", "made at this instant or later"),
    "created_before": queries.moment("checkout__created_at__lt", "made before this instant"),
}
PAYMENT_EXPANDS = {
    "checkout": ("checkout__orders__seller", "checkout__attempts"),
    "seller": tuple(f"seller__{each}" for each in _TERMS),
}
CHECKOUT_FILTERS = {
    "is_payment_done": queries.truth("is_payment_done", "paid, or not"),
    "currency": queries.identifier("currency", "in this currency"),
    **queries.CREATED,
}
CHECKOUT_EXPANDS = {"refunds": ("orders__refunds",)}
REFUND_FILTERS = {
    "status": queries.choice("state", "in this state", RefundState.values),
    "payment_order_id": queries.identifier("order__payment_order_id", "of this payment order"),
    **queries.CREATED,
}
REFUND_EXPANDS = {"payment": ("order__checkout", "order__seller", "order__refunds")}


class Payments(APIView):
    """`/v1/payments`."""

    @described(
        name="listPayments",
        tag="payments",
        summary="List payment orders",
        shows=[Shown(status=200, body=page_serializer(output.PaymentOutput), example=page_example(examples.ORDER))],
        parameters=page_parameters(PAYMENT_FILTERS, PAYMENT_EXPANDS),
        fails=[queries.BadParameter],
    )
    def get(self, request: Request) -> Response:
        """Return the storefront's payment orders, newest first."""
        rows = selectors.payments_of(storefront=storefront_of(request).slug)
        page, wanted = queries.page_of(request, rows, filters=PAYMENT_FILTERS, expand=PAYMENT_EXPANDS)
        waits = show.waits_of_payments(page.rows, wanted)
        return Response(page.body(lambda row: show.payment(row, waits, wanted)))

    @described(
        name="createPayment",
        tag="payments",
        summary="Create a payment",
        takes=PaymentInput,
        example=examples.PAYMENT,
        key=True,
        shows=[
            Shown(
                status=201, body=output.CheckoutOutput, example=examples.CHECKOUT, means="Send the buyer to the page."
            ),
            UNCLEAR,
        ],
        fails=[
            UnknownSeller,
            NoProvider,
            AmountNotRepresentable,
            AmountTooSmall,
            AmountTooLarge,
            services.CheckoutExists,
            services.OrderExists,
            services.ProviderRefused,
            services.PaymentRefused,
            services.ProviderUnavailable,
            Stopped,
        ],
    )
    def post(self, request: Request) -> Response:
        """Create a payment and return the page on which the buyer pays it."""
        queries.no_parameters(request)
        key = key_of(request)
        data = PaymentInput(data=body_of(request), context={"return_origins": storefront_of(request).return_origins})
        data.is_valid(raise_exception=True)
        new = _new_checkout(data.validated_data)
        result = services.create_checkout(new=new, show=_created, **common(request, key))
        return checkout_answer(result, status.HTTP_201_CREATED)


class Payment(APIView):
    """`/v1/payments/{payment_order_id}`."""

    @described(
        name="getPayment",
        tag="payments",
        summary="Get a payment order",
        shows=[Shown(status=200, body=output.PaymentOutput, example=examples.ORDER)],
        parameters=expand_parameter(PAYMENT_EXPANDS),
        fails=[queries.BadParameter, UnknownPayment],
    )
    def get(self, request: Request, payment_order_id: str) -> Response:
        """Return the execution status of one payment order."""
        wanted = queries.expansions(request, PAYMENT_EXPANDS)
        rows = selectors.payments_of(storefront=storefront_of(request).slug).filter(payment_order_id=payment_order_id)
        found = queries.fetching(rows, wanted, PAYMENT_EXPANDS).first()
        if found is None:
            raise UnknownPayment(payment_id=payment_order_id)
        return Response(show.payment(found, show.waits_of_payments([found], wanted), wanted))


class Checkouts(APIView):
    """`/v1/checkouts`."""

    @described(
        name="listCheckouts",
        tag="checkouts",
        summary="List checkouts",
        shows=[Shown(status=200, body=page_serializer(output.CheckoutOutput), example=page_example(examples.PAID))],
        parameters=page_parameters(CHECKOUT_FILTERS, CHECKOUT_EXPANDS),
        fails=[queries.BadParameter],
    )
    def get(self, request: Request) -> Response:
        """Return the storefront's checkouts, newest first."""
        rows = selectors.checkouts_of(storefront=storefront_of(request).slug)
        page, wanted = queries.page_of(request, rows, filters=CHECKOUT_FILTERS, expand=CHECKOUT_EXPANDS)
        waits = show.waits_of_checkouts(page.rows, wanted)
        return Response(page.body(lambda row: show.checkout(row, waits, wanted)))


class Checkout(APIView):
    """`/v1/checkouts/{checkout_id}`."""

    @described(
        name="getCheckout",
        tag="checkouts",
        summary="Get a checkout",
        shows=[Shown(status=200, body=output.CheckoutOutput, example=examples.PAID)],
        parameters=expand_parameter(CHECKOUT_EXPANDS),
        fails=[queries.BadParameter, UnknownPayment],
    )
    def get(self, request: Request, checkout_id: str) -> Response:
        """Return one checkout, by the storefront's own id, with its payment orders and its page."""
        wanted = queries.expansions(request, CHECKOUT_EXPANDS)
        rows = selectors.checkouts_of(storefront=storefront_of(request).slug).filter(checkout_id=checkout_id)
        found = queries.fetching(rows, wanted, CHECKOUT_EXPANDS).first()
        if found is None:
            raise UnknownPayment(payment_id=checkout_id)
        return Response(show.checkout(found, show.waits_of_checkouts([found], wanted), wanted))


# Of one order, and of a whole checkout.
_REFUND_FAILS = [
    UnknownPayment,
    services.NotRefundable,
    services.RefundExceedsPaid,
    services.PaymentDisputed,
    CurrencyMismatch,
    AmountNotRepresentable,
    Stopped,
]


class CheckoutRefunds(APIView):
    """`/v1/checkouts/{checkout_id}/refunds`."""

    @described(
        name="refundCheckout",
        tag="refunds",
        summary="Refund a checkout, split over its sellers",
        takes=CheckoutRefundInput,
        example=examples.CHECKOUT_REFUND,
        key=True,
        shows=[Shown(status=201, body=output.CheckoutRefundsOutput, example=examples.CHECKOUT_REFUNDED)],
        fails=_REFUND_FAILS,
    )
    def post(self, request: Request, checkout_id: str) -> Response:
        """Refund all that is left of a checkout, or an amount, split in proportion to what is left of each order."""
        queries.no_parameters(request)
        key = key_of(request)
        data = CheckoutRefundInput(data=body_of(request))
        data.is_valid(raise_exception=True)
        refunds, key_id = services.refund_checkout(
            checkout_id=checkout_id,
            amount=data.validated_data.get("money"),
            reason=data.validated_data["reason"],
            **common(request, key),
        )
        waits = show.waits_of_refunds(refunds)
        return replay_of(key_id=key_id) or answered(
            "refunds",
            key_id=key_id,
            status=status.HTTP_201_CREATED,
            body={"checkout_id": checkout_id, "refunds": [show.refund(each, waits) for each in refunds]},
        )


class Refunds(APIView):
    """`/v1/refunds`."""

    @described(
        name="listRefunds",
        tag="refunds",
        summary="List refunds",
        shows=[
            Shown(
                status=200,
                body=page_serializer(output.ExpandedRefundOutput),
                example=page_example({**examples.REFUNDED, "status": "succeeded", "waiting": None}),
            )
        ],
        parameters=page_parameters(REFUND_FILTERS, REFUND_EXPANDS),
        fails=[queries.BadParameter],
    )
    def get(self, request: Request) -> Response:
        """Return the storefront's refunds, newest first."""
        rows = selectors.refunds_in(storefront=storefront_of(request).slug)
        page, wanted = queries.page_of(request, rows, filters=REFUND_FILTERS, expand=REFUND_EXPANDS)
        waits = show.waits_of_refunds(page.rows, wanted)
        return Response(page.body(lambda row: show.refund(row, waits, wanted)))

    @described(
        name="createRefund",
        tag="refunds",
        summary="Refund a payment order",
        takes=RefundInput,
        example=examples.REFUND,
        key=True,
        shows=[Shown(status=201, body=output.RefundOutput, example=examples.REFUNDED)],
        fails=_REFUND_FAILS,
    )
    def post(self, request: Request) -> Response:
        """Refund a payment order, in part or whole."""
        queries.no_parameters(request)
        key = key_of(request)
        data = RefundInput(data=body_of(request))
        data.is_valid(raise_exception=True)
        refund, key_id = services.request_refund(
            payment_order_id=data.validated_data["payment_order_id"],
            amount=data.validated_data.get("money"),
            reason=data.validated_data["reason"],
            **common(request, key),
        )
        return replay_of(key_id=key_id) or answered(
            "refunds",
            key_id=key_id,
            status=status.HTTP_201_CREATED,
            body=show.refund(refund, show.waits_of_refunds([refund])),
        )


class Refund(APIView):
    """`/v1/refunds/{refund_id}`."""

    @described(
        name="getRefund",
        tag="refunds",
        summary="Get a refund",
        shows=[Shown(status=200, body=output.ExpandedRefundOutput, example=examples.REFUNDED)],
        parameters=expand_parameter(REFUND_EXPANDS),
        fails=[queries.BadParameter],
    )
    def get(self, request: Request, refund_id: str) -> Response:
        """Return one refund, by our id."""
        wanted = queries.expansions(request, REFUND_EXPANDS)
        rows = selectors.refunds_in(storefront=storefront_of(request).slug).filter(pk=refund_id)
        found = queries.fetching(rows, wanted, REFUND_EXPANDS).first()
        if found is None:
            raise Http404
        return Response(show.refund(found, show.waits_of_refunds([found], wanted), wanted))


def _new_checkout(data: dict[str, Any]) -> services.NewCheckout:
    return services.NewCheckout(
        checkout_id=data["checkout_id"],
        buyer_info=data["buyer_info"],
        return_url=data.get("return_url", ""),
        capture_method=data.get("capture_method", "automatic"),
        orders=new_orders(data),
    )


def _created(made: services.Made) -> tuple[int, dict[str, Any]]:
    """Show a payment whose page has just been registered."""
    waits = show.waits_of_orders(made.orders, made.attempt)
    return status.HTTP_201_CREATED, show.checkout_of(made.checkout, made.orders, made.attempt, waits)
