"""Addresses of the inbox and of the buyer's return."""

from django.urls import path

from payments.pages import views

urlpatterns = [
    path("webhooks/<slug:psp>", views.receive_webhook),
    path("pay/<slug:checkout>", views.embedded, name="embedded"),
    path("pay/<slug:checkout>/return", views.buyer_return, name="buyer-return"),
]
