"""The frame of the finance console: navigation, environment label, first page."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def environment_label(request: HttpRequest) -> list[str]:
    """Return the label that tells a person where they are."""
    return ["Production", "danger"] if settings.PRODUCTION else [settings.ENV.capitalize(), "info"]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the first page's context."""
    return context


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar."""
    return []
