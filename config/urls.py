"""All addresses."""

from django.contrib import admin
from django.urls import include, path

from config import health, reference

urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("statusz", health.status),
    path("v1/", include("payments.api.urls")),
    path("v1/", include("payouts.api.urls")),
    path("", include("payments.pages.urls")),
    path("v1/openapi.json", reference.document, name="openapi"),
    path("v1/docs", reference.page, name="api-docs"),
    path("admin/", admin.site.urls),
]
handler400 = "config.problems.bad_request"
handler403 = "config.refusals.forbidden"
handler404 = "config.problems.not_found"
handler500 = "config.problems.server_error"
