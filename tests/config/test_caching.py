"""What caches may keep of an answer: nothing about money, so that nobody acts on how it stood a while ago."""

import pytest
from django.test import Client

from tests.config.test_content_policy import ADDRESSES
from tests.world import World

OPEN = [each for each in ADDRESSES if not each.startswith("/admin/")]


@pytest.mark.django_db
class TestAnAnswer:
    @pytest.mark.parametrize("address", OPEN)
    def test_is_kept_by_no_cache(self, client: Client, address: str) -> None:
        assert "no-store" in client.get(address).headers.get("Cache-Control", "")

    def test_about_a_payment_is_kept_by_no_cache_found_or_not(self, world: World) -> None:
        world.open_seller("ann")
        made = world.order("cart-1", {"ann": "10.00"})
        answers = [made, *(world.shop.get(f"/v1/checkouts/{name}") for name in ("cart-1", "cart-2"))]

        assert [answer.status_code for answer in answers] == [201, 200, 404]
        assert {answer.headers.get("Cache-Control") for answer in answers} == {"no-store"}


class TestAFile:
    def test_of_the_pages_may_be_kept_for_as_long_as_it_says(self, client: Client) -> None:
        assert "no-store" not in client.get("/static/console/icon.svg").headers["Cache-Control"]
