"""Guessing API keys is slow: limits by address for who has none, and nobody else is locked out."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from operations import database
from operations.api import guessing
from operations.models import ApiKey
from operations.services import issue_api_key
from operations.storefronts import USE_NOTED_EVERY
from tests.api.problems import assert_problem
from tests.world import Shop, make_shop

PATH = "/v1/sellers"


@pytest.fixture
def shop(db: None, settings: Any) -> Shop:
    """A shop, where an address may guess twice at once."""
    settings.API_UNAUTHORIZED_PER_MINUTE, settings.API_UNAUTHORIZED_BURST = 6, 2
    return make_shop("acme")


def ask(shop: Shop, key: str | None = None, *, by: str = "192.0.2.1", path: str = PATH, **headers: str) -> Any:
    """Ask from an address, with a key or a wrong one."""
    sent = {"Authorization": f"Bearer {key}", **headers} if key != "" else headers
    return shop.client.get(path, headers=sent, REMOTE_ADDR=by)


def statuses(shop: Shop, count: int, key: str | None = None, **how: Any) -> list[int]:
    return [ask(shop, key, **how).status_code for _ in range(count)]


class TestAnAddressWithoutALivingKey:
    def test_is_told_to_wait_once_it_guessed_too_often(self, shop: Shop) -> None:
        assert statuses(shop, 2, "cf_wrong") == [401, 401]

        answer = ask(shop, "cf_wrong")

        assert_problem(answer, 429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 11

    @pytest.mark.parametrize("key", ["", "cf_wrong", "two words", "schlüssel"])
    def test_is_counted_whatever_it_shows(self, shop: Shop, key: str) -> None:
        assert statuses(shop, 3, key) == [401, 401, 429]

    def test_learns_nothing_of_a_right_guess_while_it_waits(self, shop: Shop) -> None:
        statuses(shop, 3, "cf_wrong")

        assert ask(shop, shop.api_key).status_code == 429

    def test_costs_no_query_while_it_waits(self, shop: Shop) -> None:
        statuses(shop, 3, "cf_wrong")

        with CaptureQueriesContext(connection) as captured:
            assert ask(shop, "cf_wrong").status_code == 429

        assert len(captured) == 0

    def test_may_try_again_after_a_while(self, shop: Shop) -> None:
        statuses(shop, 3, "cf_wrong")

        guessing.memory.clear()
        database.execute("UPDATE operations_ratebucket SET filled_at = filled_at - interval '11 seconds'")

        assert statuses(shop, 2, "cf_wrong") == [401, 429]

    def test_locks_no_other_address_out(self, shop: Shop) -> None:
        statuses(shop, 3, "cf_wrong")

        assert ask(shop, "cf_wrong", by="192.0.2.2").status_code == 401
        assert ask(shop, shop.api_key, by="192.0.2.2").status_code == 200

    def test_locks_no_key_out_that_was_let_in_from_it_before(self, shop: Shop) -> None:
        assert ask(shop, shop.api_key).status_code == 200
        statuses(shop, 3, "cf_wrong")

        assert statuses(shop, 3, shop.api_key) == [200, 200, 200]
        assert ask(shop, "cf_wrong").status_code == 429

    def test_is_a_network_where_it_is_ipv6(self, shop: Shop) -> None:
        assert statuses(shop, 2, "cf_wrong", by="2001:db8::1") == [401, 401]

        assert ask(shop, "cf_wrong", by="2001:db8::ffff:1").status_code == 429
        assert ask(shop, "cf_wrong", by="2001:db8:0:1::1").status_code == 401

    def test_is_not_limited_where_the_setting_says_so(self, shop: Shop, settings: Any) -> None:
        settings.API_UNAUTHORIZED_PER_MINUTE = 0

        assert statuses(shop, 5, "cf_wrong") == [401] * 5


class TestTheProxysHeader:
    def test_means_nothing_unless_a_setting_trusts_it(self, shop: Shop) -> None:
        found = [ask(shop, "cf_wrong", **{"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in range(3)]

        assert found == [401, 401, 429]

    def test_is_believed_in_its_last_part_only(self, shop: Shop, settings: Any) -> None:
        settings.TRUST_PROXY = True

        def guess(n: int, last: str) -> int:
            sent = {"X-Forwarded-For": f"198.51.100.{n}, {last}"}
            return int(ask(shop, "cf_wrong", by="127.0.0.1", **sent).status_code)

        assert [guess(n, "203.0.113.7") for n in range(3)] == [401, 401, 429]
        assert guess(9, "203.0.113.8") == 401

    @pytest.mark.parametrize("header", ["nonsense", "", "'; DROP TABLE", "203.0.113.7:8080", "x" * 10_000])
    def test_that_is_no_address_is_one_address_for_all(self, shop: Shop, settings: Any, header: str) -> None:
        settings.TRUST_PROXY = True

        assert statuses(shop, 3, "cf_wrong", **{"X-Forwarded-For": header}) == [401, 401, 429]


class TestAKeysLastUse:
    def test_is_noted_once_an_hour(self, shop: Shop) -> None:
        assert ApiKey.objects.get().last_used_at is None

        ask(shop, shop.api_key)
        first = ApiKey.objects.get().last_used_at
        assert first is not None
        ask(shop, shop.api_key)
        assert ApiKey.objects.get().last_used_at == first

        ApiKey.objects.update(last_used_at=first - USE_NOTED_EVERY)
        ask(shop, shop.api_key)
        later = ApiKey.objects.get().last_used_at
        assert later is not None
        assert later > first

    def test_costs_no_statement_in_between(self, shop: Shop) -> None:
        ask(shop, shop.api_key)

        with CaptureQueriesContext(connection) as captured:
            ask(shop, shop.api_key)

        assert not [query for query in captured if "UPDATE" in query["sql"] and "apikey" in query["sql"]]

    def test_is_its_own(self, shop: Shop) -> None:
        other = issue_api_key(slug="acme", label="other", actor="system:test", now=timezone.now())

        ask(shop, other)

        used = ApiKey.objects.exclude(last_used_at=None)
        assert [key.label for key in used] == ["other"]
