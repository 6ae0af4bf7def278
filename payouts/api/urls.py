"""Addresses of the API of money out."""

from django.urls import path

from payouts.api import views

urlpatterns = [path("deliveries", views.Deliveries.as_view())]
