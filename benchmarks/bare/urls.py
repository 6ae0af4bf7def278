"""The application's own addresses, and the bare view's."""

from django.urls import path

from benchmarks.bare.views import BarePayments
from config.urls import handler404, handler500, urlpatterns

__all__ = ["handler404", "handler500", "urlpatterns"]

urlpatterns = [*urlpatterns, path("bare/payments", BarePayments.as_view())]
