"""Addresses of the API of money in."""

from django.urls import path, re_path

from payments.api import disputes, events, instructions, sellers, views

# An id as clients may choose it (operations.api.serializers.IdentifierField); anything else names nothing.
_ID = r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,63}"
_ENDPOINT = rf"^webhook-endpoints/(?P<endpoint_id>{_ID})"

urlpatterns = [
    path("payments", views.Payments.as_view()),
    re_path(rf"^payments/(?P<payment_order_id>{_ID})\Z", views.Payment.as_view()),
    re_path(rf"^payments/(?P<checkout_id>{_ID})/capture\Z", instructions.Capture.as_view()),
    re_path(rf"^payments/(?P<checkout_id>{_ID})/cancel\Z", instructions.Cancel.as_view()),
    re_path(rf"^payments/(?P<checkout_id>{_ID})/replace\Z", instructions.Replace.as_view()),
    path("checkouts", views.Checkouts.as_view()),
    re_path(rf"^checkouts/(?P<checkout_id>{_ID})\Z", views.Checkout.as_view()),
    re_path(rf"^checkouts/(?P<checkout_id>{_ID})/refunds\Z", views.CheckoutRefunds.as_view()),
    path("refunds", views.Refunds.as_view()),
    re_path(rf"^refunds/(?P<refund_id>{_ID})\Z", views.Refund.as_view()),
    path("disputes", disputes.Disputes.as_view()),
    re_path(rf"^disputes/(?P<dispute_id>{_ID})\Z", disputes.Dispute.as_view()),
    re_path(rf"^disputes/(?P<dispute_id>{_ID})/evidence\Z", disputes.Evidence.as_view()),
    re_path(rf"^disputes/(?P<dispute_id>{_ID})/files\Z", disputes.EvidenceFiles.as_view()),
    path("sellers", sellers.Sellers.as_view()),
    re_path(rf"^sellers/(?P<seller_id>{_ID})\Z", sellers.Seller.as_view()),
    re_path(rf"^sellers/(?P<seller_id>{_ID})/balance\Z", sellers.SellerBalance.as_view()),
    re_path(rf"^sellers/(?P<seller_id>{_ID})/statement\Z", sellers.SellerStatement.as_view()),
    path("events", events.Events.as_view()),
    re_path(rf"^events/(?P<event_id>{_ID})\Z", events.Event.as_view()),
    re_path(rf"^events/(?P<event_id>{_ID})/resend\Z", events.EventResend.as_view()),
    path("webhook-endpoints", events.Endpoints.as_view()),
    re_path(rf"{_ENDPOINT}\Z", events.Endpoint.as_view()),
    re_path(rf"{_ENDPOINT}/rotate-secret\Z", events.EndpointSecret.as_view()),
    re_path(rf"{_ENDPOINT}/deliveries\Z", events.EndpointDeliveries.as_view()),
]
