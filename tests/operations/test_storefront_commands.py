"""How an operator lets a shop in: the two commands that are the only way to a storefront and its keys in production."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from operations.models import ApiKey, AuditEntry, Storefront
from operations.services import authenticate_storefront
from tests.snapshot import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def olga(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Olga sits at the production machine."""
    monkeypatch.setenv("LOGNAME", "olga")
    settings.PRODUCTION = True


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def trail(action: str) -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(action=action).values_list("actor", "subject"))


class TestStorefront:
    def test_registers_a_shop_under_the_name_of_who_typed_it(self) -> None:
        text = run("storefront", "acme", "--name", "Acme", "--return-origin", "https://acme.example")

        assert text == "acme is registered: Acme; buyers may return to https://acme.example.\n"
        acme = Storefront.objects.get(pk="acme")
        assert (acme.name, acme.return_origins) == ("Acme", ["https://acme.example"])
        assert trail("operations.storefront.registered") == [("os:olga", "storefront:acme")]

    def test_changes_what_is_said_and_leaves_the_rest(self) -> None:
        run("storefront", "acme", "--name", "Acme", "--return-origin", "https://acme.example")

        run("storefront", "acme", "--name", "Acme Tools")
        acme = Storefront.objects.get(pk="acme")
        assert (acme.name, acme.return_origins) == ("Acme Tools", ["https://acme.example"])

        run("storefront", "acme", "--return-origin", "https://a.example", "--return-origin", "https://b.example:8443")
        acme.refresh_from_db()
        assert (acme.name, acme.return_origins) == ("Acme Tools", ["https://a.example", "https://b.example:8443"])
        assert trail("operations.storefront.changed") == [("os:olga", "storefront:acme")] * 2

    def test_says_how_it_stands_and_changes_nothing_where_nothing_is_said(self) -> None:
        run("storefront", "acme", "--name", "Acme")

        with nothing_changes():
            assert run("storefront", "acme") == "acme is registered: Acme; buyers are not sent back.\n"

    def test_wants_a_name_for_a_new_one(self) -> None:
        with nothing_changes(), pytest.raises(CommandError, match="acme is not registered yet: say its --name"):
            run("storefront", "acme", "--return-origin", "https://acme.example")

    @pytest.mark.parametrize("slug", ["Acme", "acme shop", "a/b", "acme=x", "", "-", "é", "a" * 51, "acme\n"])
    def test_refuses_a_slug_that_no_route_could_name(self, slug: str) -> None:
        with nothing_changes(), pytest.raises(CommandError, match="slug"):
            run("storefront", "--name", "Acme", "--", slug)

    @pytest.mark.parametrize(
        "origin",
        [
            "acme.example",
            "https://acme.example/",
            "https://acme.example/shop",
            "https://u@acme.example",
            "javascript://x",
            "https://acme.example?",
            "https://",
            "https://ACME.example x",
        ],
    )
    def test_refuses_what_no_return_address_begins_with(self, origin: str) -> None:
        with nothing_changes(), pytest.raises(CommandError, match="return origin"):
            run("storefront", "acme", "--name", "Acme", "--return-origin", origin)

    def test_refuses_a_name_that_cannot_be_shown(self) -> None:
        with nothing_changes(), pytest.raises(CommandError, match="control character"):
            run("storefront", "acme", "--name", "Ac\x1bme")


class TestApiKey:
    def test_prints_a_key_that_lets_its_storefront_in(self) -> None:
        run("storefront", "acme", "--name", "Acme")

        key = run("api_key", "acme", "--label", "web shop").strip()

        assert authenticate_storefront(secret=key, now=timezone.now()).slug == "acme"
        assert ApiKey.objects.get().label == "web shop"
        assert trail("operations.api_key.issued") == [("os:olga", "storefront:acme")]

    def test_can_be_told_from_one_of_no_production(self, settings: Settings) -> None:
        run("storefront", "acme", "--name", "Acme")
        living = run("api_key", "acme", "--label", "web shop")

        settings.PRODUCTION = False
        played = run("api_key", "acme", "--label", "web shop")

        assert (living[:8], played[:8]) == ("cf_live_", "cf_test_")

    def test_issues_another_one_each_time_so_that_keys_can_be_rotated(self) -> None:
        run("storefront", "acme", "--name", "Acme")

        keys = [run("api_key", "acme", "--label", label).strip() for label in ("old", "new")]

        assert keys[0] != keys[1]
        assert {authenticate_storefront(secret=key, now=timezone.now()).slug for key in keys} == {"acme"}

    def test_refuses_a_storefront_that_is_not_registered(self) -> None:
        with nothing_changes(), pytest.raises(CommandError, match="There is no storefront acme"):
            run("api_key", "acme", "--label", "web shop")

    def test_refuses_a_label_that_cannot_be_shown(self) -> None:
        run("storefront", "acme", "--name", "Acme")

        with nothing_changes(), pytest.raises(CommandError, match="control character"):
            run("api_key", "acme", "--label", "web\x1b")
