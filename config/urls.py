"""All addresses."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config import health

urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("v1/", include("payments.api.urls")),
    path("v1/", include("payouts.api.urls")),
    path("", include("payments.pages.urls")),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("admin/", admin.site.urls),
]
handler404 = "config.problems.not_found"
handler500 = "config.problems.server_error"
