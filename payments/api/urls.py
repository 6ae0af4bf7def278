"""Addresses of the API of money in."""

from django.urls import path

from payments.api import views

urlpatterns = [
    path("payments", views.Payments.as_view()),
    path("payments/<str:payment_order_id>", views.Payment.as_view()),
    path("refunds", views.Refunds.as_view()),
    path("sellers", views.Sellers.as_view()),
    path("sellers/<str:seller_id>", views.Seller.as_view()),
]
