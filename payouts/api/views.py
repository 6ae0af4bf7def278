"""The endpoints of money out."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from operations.api.authentication import storefront_of
from operations.api.serializers import IdentifierField, StrictSerializer
from payouts import services


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


class Deliveries(APIView):
    """`/v1/deliveries`."""

    @extend_schema(request=DeliveryInput, responses={200: dict, 201: dict})
    def post(self, request: Request) -> Response:
        """Report a delivery; the same report again changes nothing."""
        data = DeliveryInput(data=request.data)
        data.is_valid(raise_exception=True)
        delivery, created = services.report_delivery(
            storefront=storefront_of(request).slug,
            actor=storefront_of(request).actor,
            now=timezone.now(),
            **data.validated_data,
        )
        body = {
            "payment_order_id": data.validated_data["payment_order_id"],
            "delivered_at": delivery.delivered_at.isoformat(),
            "release_at": delivery.release_at.isoformat(),
        }
        return Response(body, status=status.HTTP_201_CREATED if created else status.HTTP_200_OK)
