"""The endpoints of money out."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from operations.api import queries
from operations.api.authentication import storefront_of
from operations.api.described import Shown, described, page_example, page_parameters, page_serializer
from operations.api.parsers import body_of
from operations.api.serializers import IdentifierField, StrictSerializer
from payments.errors import UnknownPayment
from payouts import models, selectors, services


class DeliveryInput(StrictSerializer):
    """A delivery: which payment order, and when."""

    payment_order_id = IdentifierField()
    delivered_at = serializers.DateTimeField()

    def to_internal_value(self, data: Any) -> Any:
        """Refuse an instant without its offset: nobody could say which moment it means."""
        value = super().to_internal_value(data)
        text = data.get("delivered_at")
        if not isinstance(text, str) or not (text.endswith(("Z", "z")) or "+" in text[10:] or "-" in text[10:]):
            raise serializers.ValidationError({"delivered_at": ["Give the offset to UTC, as in 2026-11-20T14:00:00Z."]})
        if value["delivered_at"].year < 2000 or value["delivered_at"] > timezone.now() + timedelta(days=366):
            raise serializers.ValidationError({"delivered_at": ["This is not a plausible moment."]})
        return value


class DeliveryOutput(serializers.Serializer[Any]):
    """A delivery, and what follows from it."""

    payment_order_id = serializers.CharField()
    delivered_at = serializers.DateTimeField()
    release_at = serializers.DateTimeField(help_text="When the hold is over and the money becomes available.")
    released_at = serializers.DateTimeField(allow_null=True)


_REPORT = {"payment_order_id": "cart-1042.ann", "delivered_at": "2026-11-20T14:00:00+00:00"}
_DELIVERY = {**_REPORT, "release_at": "2026-11-27T14:00:00+00:00", "released_at": None}


DELIVERY_FILTERS = {
    "payment_order_id": queries.identifier("payment_order_id", "of this payment order"),
    "seller_account": queries.identifier("seller_account", "of this seller's orders"),
    "currency": queries.identifier("currency", "in this currency"),
    "released": queries.truth("released", "whose money became available, or not yet"),
    "delivered_from": queries.moment("delivered_at__gte", "delivered at this instant or later"),
    "delivered_before": queries.moment("delivered_at__lt", "delivered before this instant"),
    "release_from": queries.moment("release_at__gte", "whose hold is over at this instant or later"),
    "release_before": queries.moment("release_at__lt", "whose hold is over before this instant"),
}


class Deliveries(APIView):
    """`/v1/deliveries`."""

    @described(
        name="listDeliveries",
        tag="deliveries",
        summary="List deliveries",
        shows=[Shown(status=200, body=page_serializer(DeliveryOutput), example=page_example(_DELIVERY))],
        parameters=page_parameters(DELIVERY_FILTERS),
        fails=[queries.BadParameter],
    )
    def get(self, request: Request) -> Response:
        """Return what the storefront reported, the latest report first, and when each order's money is available."""
        rows = selectors.deliveries_of(storefront=storefront_of(request).slug)
        page, _ = queries.page_of(request, rows, filters=DELIVERY_FILTERS)
        return Response(page.body(lambda row: _shown(row, row.payment_order_id)))

    @described(
        name="reportDelivery",
        tag="deliveries",
        summary="Report a delivery",
        takes=DeliveryInput,
        example=_REPORT,
        shows=[
            Shown(status=201, body=DeliveryOutput, example=_DELIVERY, means="From now on the hold runs."),
            Shown(status=200, body=DeliveryOutput, example=_DELIVERY, means="Reported already; nothing changed."),
        ],
        fails=[
            UnknownPayment,
            services.OrderNotPaid,
            services.DeliveryInFuture,
            services.DeliveryBeforePayment,
            services.DeliveryAlreadyReported,
        ],
    )
    def post(self, request: Request) -> Response:
        """Report a delivery; the same report again changes nothing."""
        queries.no_parameters(request)
        data = DeliveryInput(data=body_of(request))
        data.is_valid(raise_exception=True)
        delivery, created = services.report_delivery(
            storefront=storefront_of(request).slug,
            actor=storefront_of(request).actor,
            now=timezone.now(),
            **data.validated_data,
        )
        body = _shown(delivery, data.validated_data["payment_order_id"])
        return Response(body, status=status.HTTP_201_CREATED if created else status.HTTP_200_OK)


class Delivery(APIView):
    """`/v1/deliveries/{payment_order_id}`."""

    @described(
        name="getDelivery",
        tag="deliveries",
        summary="Get the delivery of a payment order",
        shows=[Shown(status=200, body=DeliveryOutput, example=_DELIVERY)],
        fails=[UnknownPayment, selectors.UnknownDelivery],
    )
    def get(self, request: Request, payment_order_id: str) -> Response:
        """Return what was reported of a payment order, and when its money becomes available."""
        queries.no_parameters(request)
        found = selectors.delivery(storefront=storefront_of(request).slug, payment_order_id=payment_order_id)
        return Response(_shown(found, payment_order_id))


def _shown(found: models.Delivery, payment_order_id: str) -> dict[str, Any]:
    return {
        "payment_order_id": payment_order_id,
        "delivered_at": found.delivered_at.isoformat(),
        "release_at": found.release_at.isoformat(),
        "released_at": found.released_at.isoformat() if found.released_at else None,
    }
