"""Addresses of the API of money in."""

from django.urls import path, re_path

from payments.api import views

# An id as clients may choose it (operations.api.serializers.IdentifierField); anything else names nothing.
_ID = r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,63}"

urlpatterns = [
    path("payments", views.Payments.as_view()),
    re_path(rf"^payments/(?P<payment_order_id>{_ID})\Z", views.Payment.as_view()),
    re_path(rf"^payments/(?P<checkout_id>{_ID})/capture\Z", views.Capture.as_view()),
    re_path(rf"^payments/(?P<checkout_id>{_ID})/cancel\Z", views.Cancel.as_view()),
    re_path(rf"^payments/(?P<checkout_id>{_ID})/replace\Z", views.Replace.as_view()),
    path("refunds", views.Refunds.as_view()),
    path("disputes", views.Disputes.as_view()),
    re_path(rf"^disputes/(?P<dispute_id>{_ID})\Z", views.Dispute.as_view()),
    re_path(rf"^disputes/(?P<dispute_id>{_ID})/evidence\Z", views.Evidence.as_view()),
    path("sellers", views.Sellers.as_view()),
    re_path(rf"^sellers/(?P<seller_id>{_ID})\Z", views.Seller.as_view()),
]
