"""Addresses of the API of money out."""

from django.urls import path, re_path

from payouts.api import views

# An id as clients may choose it (operations.api.serializers.IdentifierField); anything else names nothing.
_ID = r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,63}"

urlpatterns = [
    path("deliveries", views.Deliveries.as_view()),
    re_path(rf"^deliveries/(?P<payment_order_id>{_ID})\Z", views.Delivery.as_view()),
]
