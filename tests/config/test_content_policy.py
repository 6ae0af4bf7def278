"""What browsers are told of every answer: what it may load and run, and that nobody may frame it."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.payments.test_pages import policy


def _addresses(found: URLResolver | None = None, before: str = "/") -> Iterator[str]:
    """Return every address of ours; where a part of one is free, something that is nowhere."""
    for one in (found or get_resolver()).url_patterns:
        # A route is a path's, `<int:pk>`, or an expression: what stands for both is a word.
        route = before + "".join("0" if part.startswith("<") else part for part in _parts(str(one.pattern)))
        if isinstance(one, URLResolver):
            yield from _addresses(one, route)
        elif isinstance(one, URLPattern):
            yield route


def _parts(pattern: str) -> list[str]:
    return pattern.replace("^", "").replace("$", "").replace("<", "\n<").replace(">", ">\n").split("\n")


ADDRESSES = sorted(set(_addresses()))


@pytest.mark.django_db
class TestAnAnswer:
    @pytest.mark.parametrize("address", ADDRESSES)
    def test_may_be_framed_by_nobody_and_load_nothing_from_elsewhere(self, client: Client, address: str) -> None:
        client.force_login(User.objects.create(username="admin", is_staff=True, is_superuser=True))
        client.raise_request_exception = False

        answer = client.get(address)

        allowed = policy(answer)
        assert allowed["default-src"] == ["'none'"]
        assert allowed["frame-ancestors"] == ["'none'"]
        assert allowed["base-uri"] == ["'none'"]
        assert not any(source.startswith("http") for sources in allowed.values() for source in sources)
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] in ("same-origin", "no-referrer")

    def test_was_asked_of_the_api_the_console_and_the_buyers_pages(self) -> None:
        for beginning in ("/v1/payments", "/admin/payments/checkout/", "/pay/", "/healthz"):
            assert any(address.startswith(beginning) for address in ADDRESSES), beginning


@pytest.mark.django_db
class TestAPageOfTheConsole:
    def test_runs_scripts_of_ours_alone_and_none_that_it_holds_itself(self, client: Client) -> None:
        client.force_login(User.objects.create(username="admin", is_staff=True, is_superuser=True))

        allowed = policy(client.get("/admin/"))

        assert allowed["script-src"] == ["'self'", "'unsafe-eval'"]
        assert allowed["form-action"] == ["'self'"]
