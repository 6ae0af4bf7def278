"""The Content-Security-Policy of the buyer's pages, and amounts as the buyer writes them."""

import secrets
from urllib.parse import urlsplit

from babel import Locale, UnknownLocaleError
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ledger.money import Money

_NOTHING = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "img-src 'self'"]


def page(request: HttpRequest, template: str, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    """Render a buyer's page that runs no script and takes nothing from elsewhere."""
    return _served(request, template, context, [], status=status)


def page_with_form(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    """Render the page that embeds the provider's form: scripts from us and from the provider, frames from it alone."""
    scripts = _origin(settings.STRIPE_JS_URL)
    allowed = [f"script-src 'self' {scripts}", f"connect-src 'self' {settings.STRIPE_CONNECT_ORIGINS}"]
    allowed.append(f"frame-src {scripts} {settings.STRIPE_FRAME_ORIGINS}".strip())
    return _served(request, template, context, allowed, status=200)


def localised(money: Money, request: HttpRequest) -> str:
    """Return an amount as people write it where the buyer's browser says that it is at home."""
    for tag in request.headers.get("Accept-Language", "").split(","):
        try:
            return money.localised(Locale.parse(tag.split(";")[0].strip(), sep="-"))
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return money.localised("en")


def _served(
    request: HttpRequest, template: str, context: dict[str, object], allowed: list[str], *, status: int
) -> HttpResponse:
    nonce = secrets.token_urlsafe(16)
    response = render(request, template, {**context, "nonce": nonce}, status=status)
    response["Content-Security-Policy"] = "; ".join([*_NOTHING, f"style-src 'nonce-{nonce}'", *allowed])
    return response


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
