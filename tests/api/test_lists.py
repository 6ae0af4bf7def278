"""Lists: pages by cursor that stay what they were, filters and expansions from a list of allowed ones."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.embedded.processes import wait_until
from operations import database
from payments.models import Seller, StorefrontEvent
from payments.services import register_seller
from tests.api.problems import assert_problem
from tests.snapshot import nothing_changes
from tests.world import Shop, World

LISTS = ["payments", "checkouts", "refunds", "disputes", "sellers", "events", "webhook-endpoints", "deliveries"]
HOSTILE = [
    "order__merchant__api_key__startswith=x",
    "storefront=bolt",
    "storefront__slug=bolt",
    "id__gt=0",
    "order_by=password",
    "limit__in=1",
    "cursor_=x",
    "%00=1",
    "' OR 1=1 --=1",
]
BAD_LIMITS = ["0", "-1", "101", "1e2", "١٠", "1.0", " 5", "", "NaN", "9" * 50]
BAD_CURSORS = ["", "x", "!!!", "e30", "W10", "WyJ4IiwxXQ", "bnVsbA", "W1tbW1tbW10", "é", "A" * 5000]


def add_sellers(shop: Shop, count: int, *, first: int = 0) -> None:
    for number in range(first, first + count):
        register_seller(
            storefront=shop.slug,
            seller_id=f"s{number:03}",
            name=f"Seller {number}",
            country="DE" if number % 2 else "FR",
            actor="system:test",
            now=timezone.now(),
        )


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["seller_id"] for row in answer.json()["data"]]


def walk(shop: Shop, query: str) -> list[str]:
    """Return the ids of all pages."""
    found: list[str] = []
    cursor = ""
    while True:
        answer = shop.get(f"/v1/sellers?{query}{cursor}")
        found += ids(answer)
        body = answer.json()
        assert body["has_more"] == (body["next_cursor"] is not None)
        if not body["has_more"]:
            return found
        cursor = f"&cursor={body['next_cursor']}"


@pytest.fixture
def many(shop: Shop) -> Shop:
    """A shop with 23 sellers more, beside ann and bob."""
    add_sellers(shop, 23)
    return shop


class TestAPage:
    def test_has_twenty_rows_newest_first_unless_told_otherwise(self, many: Shop) -> None:
        assert ids(many.get("/v1/sellers")) == [f"s{number:03}" for number in range(22, 2, -1)]
        assert len(ids(many.get("/v1/sellers?limit=100"))) == 25

    @pytest.mark.parametrize("limit", [1, 7, 25, 100])
    def test_follows_the_one_before_without_gap_or_repetition(self, many: Shop, limit: int) -> None:
        everything = [f"s{number:03}" for number in range(22, -1, -1)] + ["bob", "ann"]

        assert walk(many, f"limit={limit}") == everything

    def test_stays_the_same_while_rows_are_added(self, many: Shop) -> None:
        first = many.get("/v1/sellers?limit=5").json()
        second = f"/v1/sellers?limit=5&cursor={first['next_cursor']}"
        before = ids(many.get(second))

        add_sellers(many, 10, first=100)

        assert ids(many.get(second)) == before

    @pytest.mark.parametrize("limit", BAD_LIMITS)
    def test_has_from_one_to_a_hundred_rows(self, shop: Shop, limit: str) -> None:
        answer = shop.client.get("/v1/sellers", {"limit": limit}, headers={"Authorization": f"Bearer {shop.api_key}"})

        assert_problem(answer, 400, "bad_parameter", field="limit")

    @pytest.mark.bad_input("B32")
    @pytest.mark.parametrize("cursor", BAD_CURSORS)
    def test_begins_only_where_one_of_our_cursors_says(self, shop: Shop, cursor: str) -> None:
        answer = shop.client.get("/v1/sellers", {"cursor": cursor}, headers={"Authorization": f"Bearer {shop.api_key}"})

        assert_problem(answer, 400, "bad_parameter", field="cursor")

    def test_refuses_a_cursor_of_another_list_or_of_other_filters(self, many: Shop) -> None:
        cursor = many.get("/v1/sellers?limit=1").json()["next_cursor"]

        for address in ("/v1/payments?", "/v1/events?", "/v1/sellers?country=DE&"):
            assert_problem(many.get(f"{address}cursor={cursor}"), 400, "bad_parameter", field="cursor")


class TestAFilter:
    def test_keeps_what_was_asked_for(self, many: Shop) -> None:
        french = walk(many, "country=FR&limit=5")

        assert french == [f"s{number:03}" for number in range(22, -1, -2)]

    def test_reads_instants_with_their_offset(self, many: Shop) -> None:
        soon = (timezone.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

        assert len(ids(many.get(f"/v1/sellers?created_before={soon}&limit=100"))) == 25
        assert ids(many.get(f"/v1/sellers?created_from={soon}")) == []

    @pytest.mark.bad_input("B32")
    @pytest.mark.parametrize("offset", ["+15:59", "-15:59", "+16:00", "-16:00", "+18:23", "-23:59"])
    def test_reads_offsets_that_no_database_reads(self, shop: Shop, offset: str) -> None:
        answer = shop.client.get(
            "/v1/sellers",
            {"created_from": f"2026-01-01T00:00:00{offset}"},
            headers={"Authorization": f"Bearer {shop.api_key}"},
        )

        assert (answer.status_code, len(ids(answer))) == (200, 2)

    @pytest.mark.bad_input("B32")
    @pytest.mark.parametrize("name", LISTS)
    @pytest.mark.parametrize("query", HOSTILE)
    def test_is_refused_by_name_unless_it_is_on_the_list(self, shop: Shop, name: str, query: str) -> None:
        with nothing_changes():
            answer = shop.get(f"/v1/{name}?{query}")

        assert_problem(answer, 400, "unknown_parameter")
        assert answer.json()["errors"][0]["field"] in query.replace("%00", "\x00")

    @pytest.mark.bad_input("B32")
    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("payments?status=PAID", "status"),
            ("payments?status=SUCCESS&status=FAILED", "status"),
            ("payments?created_from=yesterday", "created_from"),
            ("payments?created_from=2026-11-20T10:00:00", "created_from"),
            ("payments?created_from=2026-13-40T10:00:00Z", "created_from"),
            ("payments?created_from=0001-01-01T00:00:00Z", "created_from"),
            ("checkouts?is_payment_done=1", "is_payment_done"),
            ("refunds?payment_order_id=a%00b", "payment_order_id"),
            ("sellers?country=' OR 1=1", "country"),
            ("events?type=payment.invented", "type"),
        ],
    )
    def test_is_refused_by_name_with_a_value_that_it_cannot_have(self, shop: Shop, query: str, field: str) -> None:
        assert_problem(shop.get(f"/v1/{query}"), 400, "bad_parameter", field=field)


class TestAnExpansion:
    def test_shows_whole_what_was_asked_for(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})
        world.shop.post("/v1/refunds", {"payment_order_id": "cart-1.ann", "reason": "torn"}, key="k")

        plain = world.shop.get("/v1/payments/cart-1.ann").json()
        whole = world.shop.get("/v1/payments/cart-1.ann?expand=checkout,seller").json()
        [listed] = world.shop.get("/v1/payments?expand=seller,checkout").json()["data"]

        assert {"checkout", "seller"}.isdisjoint(plain)
        assert whole["checkout"]["payment_orders"][0]["payment_order_id"] == "cart-1.ann"
        assert whole["seller"]["name"] == "Ann"
        assert listed == whole
        [refund] = world.shop.get("/v1/refunds?expand=payment").json()["data"]
        assert refund["payment"]["checkout_id"] == "cart-1"
        assert world.shop.get("/v1/checkouts/cart-1?expand=refunds").json()["refunds"][0]["id"] == refund["id"]

    @pytest.mark.parametrize("text", ["storefront", "checkout,api_keys", "checkout__storefront", "", ",", "seller,,"])
    def test_is_refused_unless_it_is_on_the_list(self, world: World, ann: Seller, text: str) -> None:
        world.order("cart-1", {"ann": "10.00"})

        assert_problem(world.shop.get(f"/v1/payments/cart-1.ann?expand={text}"), 400, "bad_parameter", field="expand")

    def test_costs_no_query_for_each_row(
        self, world: World, ann: Seller, bob: Seller, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(5):
            world.order(f"cart-{number}", {"ann": "10.00", "bob": "5.00"})

        with django_assert_max_num_queries(12):
            world.shop.get("/v1/payments?expand=checkout,seller")
        with django_assert_max_num_queries(8):
            world.shop.get("/v1/checkouts?expand=refunds")


class TestAList:
    def test_shows_a_sale_from_each_side(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00", "bob": "5.00"})
        world.order("cart-2", {"ann": "7.00"})

        orders = world.shop.get("/v1/payments?status=SUCCESS").json()["data"]
        of_ann = world.shop.get("/v1/payments?seller_account=ann").json()["data"]
        [paid] = world.shop.get("/v1/checkouts?is_payment_done=true").json()["data"]
        [event] = world.shop.get("/v1/events?type=payment.succeeded").json()["data"]

        assert [order["payment_order_id"] for order in orders] == ["cart-1.bob", "cart-1.ann"]
        assert [order["payment_order_id"] for order in of_ann] == ["cart-2.ann", "cart-1.ann"]
        assert (paid["checkout_id"], paid["amount"]) == ("cart-1", "15.00")
        assert event["message"]["data"]["checkout_id"] == "cart-1"

    @pytest.mark.bad_input("B31")
    def test_shows_nothing_of_another_storefront(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})
        refund = world.shop.post("/v1/refunds", {"payment_order_id": "cart-1.ann", "reason": "torn"}, key="k").json()
        body = {"url": "https://93.184.215.14/hooks"}
        endpoint = world.shop.post("/v1/webhook-endpoints", body, key="k2").json()
        event = StorefrontEvent.objects.get(type="payment.succeeded")

        world.deliver_goods("cart-1.ann")

        with nothing_changes():
            for name in LISTS:
                assert world.other_shop.get(f"/v1/{name}").json()["data"] == [], name
            for address in (
                "payments/cart-1.ann",
                "checkouts/cart-1",
                f"refunds/{refund['id']}",
                "sellers/ann",
                "sellers/ann/balance",
                "sellers/ann/statement?currency=EUR&from=2026-01-01&until=2026-12-31",
                f"events/{event.pk}",
                f"webhook-endpoints/{endpoint['id']}",
                f"webhook-endpoints/{endpoint['id']}/deliveries",
                "deliveries/cart-1.ann",
            ):
                assert world.other_shop.get(f"/v1/{address}").status_code == 404, address
            assert world.other_shop.get("/v1/payments?checkout_id=cart-1").json()["data"] == []


class TestASellersMoney:
    def test_is_shown_as_balance_and_as_a_statement_that_sums(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        today = timezone.now().date()

        balance = world.shop.get("/v1/sellers/ann/balance").json()
        statement = world.shop.get(f"/v1/sellers/ann/statement?currency=EUR&from=2026-01-01&until={today}").json()

        [wallet] = balance["balances"]
        assert (wallet["currency"], wallet["pending"], wallet["available"]) == ("EUR", "90.00", "0.00")
        assert statement["opening"]["pending"] == "0.00"
        assert [(move["event"], move["net"]) for move in statement["movements"]] == [("payment_captured", "90.00")]
        assert statement["closing"] == {part: wallet[part] for part in statement["closing"]}

    @pytest.mark.parametrize(
        ("query", "status", "code", "field"),
        [
            ("", 400, "bad_parameter", "currency"),
            ("currency=eur&from=2026-01-01&until=2026-01-31", 400, "bad_parameter", "currency"),
            ("currency=XXX&from=2026-01-01&until=2026-01-31", 400, "bad_parameter", "currency"),
            ("currency=EUR&until=2026-01-31", 400, "bad_parameter", "from"),
            ("currency=EUR&from=2026-02-30&until=2026-03-31", 400, "bad_parameter", "from"),
            ("currency=EUR&from=2026-01-01&until=0001-01-01", 400, "bad_parameter", "until"),
            ("currency=EUR&from=2026-02-01&until=2026-01-31", 422, "period_reversed", None),
            ("currency=EUR&from=2026-01-01&until=2026-01-31&seller=bob", 400, "unknown_parameter", "seller"),
        ],
    )
    def test_is_refused_for_a_period_that_is_none(
        self, shop: Shop, query: str, status: int, code: str, field: str | None
    ) -> None:
        assert_problem(shop.get(f"/v1/sellers/ann/statement?{query}"), status, code, field=field)


class TestADelivery:
    def test_is_found_by_its_payment_order(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})
        assert_problem(world.shop.get("/v1/deliveries/cart-1.ann"), 404, "unknown_delivery")
        reported = world.deliver_goods("cart-1.ann").json()

        assert world.shop.get("/v1/deliveries/cart-1.ann").json() == reported
        assert reported["released_at"] is None

    @pytest.fixture
    def delivered(self, world: World, ann: Seller, bob: Seller) -> None:
        """Three reports, the last one fresh; the money of the first two was released."""
        world.sell("cart-1", {"ann": "10.00", "bob": "5.00"})
        world.sell("cart-2", {"ann": "7.00"})
        for order in ("cart-1.ann", "cart-1.bob"):
            world.deliver_goods(order, at=datetime(2026, 1, 5, 10, tzinfo=UTC))
        world.release()
        world.deliver_goods("cart-2.ann", at=timezone.now())

    @pytest.mark.parametrize(
        ("query", "orders"),
        [
            ("", ["cart-2.ann", "cart-1.bob", "cart-1.ann"]),
            ("payment_order_id=cart-1.bob", ["cart-1.bob"]),
            ("seller_account=ann", ["cart-2.ann", "cart-1.ann"]),
            ("seller_account=ann&released=true", ["cart-1.ann"]),
            ("released=false", ["cart-2.ann"]),
            ("currency=EUR&delivered_from=2026-01-06T00:00:00Z", ["cart-2.ann"]),
            ("delivered_before=2026-01-06T00:00:00Z", ["cart-1.bob", "cart-1.ann"]),
            ("release_before=2026-06-01T00:00:00Z&limit=1", ["cart-1.bob"]),
            ("currency=USD", []),
            ("seller_account=nobody", []),
        ],
    )
    def test_is_listed_by_filter(self, world: World, delivered: None, query: str, orders: list[str]) -> None:
        listed = world.shop.get(f"/v1/deliveries?{query}").json()

        assert [row["payment_order_id"] for row in listed["data"]] == orders
        assert listed["data"] == [world.shop.get(f"/v1/deliveries/{order}").json() for order in orders]

    def test_is_listed_in_pages_of_one_question(self, world: World, delivered: None) -> None:
        first = world.shop.get("/v1/deliveries?limit=2").json()
        assert first["has_more"]
        world.sell("cart-3", {"ann": "1.00"})
        world.deliver_goods("cart-3.ann")

        second = world.shop.get(f"/v1/deliveries?limit=2&cursor={first['next_cursor']}").json()

        assert [row["payment_order_id"] for row in second["data"]] == ["cart-1.ann"]
        assert not second["has_more"]
        elsewhere = f"/v1/deliveries?released=true&cursor={first['next_cursor']}"
        assert_problem(world.shop.get(elsewhere), 400, "bad_parameter", field="cursor")

    def test_is_listed_with_as_many_queries_for_one_as_for_twenty(self, world: World, delivered: None) -> None:
        def queries(limit: int) -> int:
            with CaptureQueriesContext(connection) as captured:
                assert len(world.shop.get(f"/v1/deliveries?limit={limit}").json()["data"]) == limit
            return len(captured)

        assert queries(1) == queries(3)

    @pytest.mark.parametrize("query", ["released=1", "released=", "delivered_from=2026-01-06", "currency=a b"])
    def test_is_not_listed_by_a_filter_that_means_nothing(self, shop: Shop, query: str) -> None:
        answer = shop.get(f"/v1/deliveries?{query}")

        assert_problem(answer, 400, "bad_parameter", field=query.partition("=")[0])


class TestTooManyRequests:
    def test_are_refused_with_the_time_to_wait_and_change_nothing(self, shop: Shop, settings: Any) -> None:
        settings.API_RATES, settings.API_BURST_S = {"read": 1, "write": 1}, 2
        assert [shop.get("/v1/sellers").status_code for _ in range(3)] == [200, 200, 429]

        with nothing_changes():
            answer = shop.get("/v1/sellers")

        body = assert_problem(answer, 429, "rate_limited")
        assert int(answer.headers["Retry-After"]) >= 1
        assert body["request_id"] == answer.headers["X-Request-Id"]
        assert shop.post("/v1/sellers", {"seller_id": "cid", "name": "Cid", "country": "FR"}).status_code == 201

    def test_cost_no_query_for_a_moment_and_then_are_looked_at_again(self, shop: Shop, settings: Any) -> None:
        settings.API_RATES, settings.API_BURST_S = {"read": 1, "write": 1}, 1
        assert [shop.get("/v1/sellers").status_code for _ in range(2)] == [200, 429]

        with CaptureQueriesContext(connection) as captured:
            assert_problem(shop.get("/v1/sellers"), 429, "rate_limited")
        assert len(captured) == 0

        database.execute("UPDATE operations_ratebucket SET filled_at = filled_at - interval '1 second'")
        wait_until(lambda: shop.get("/v1/sellers").status_code == 200, timeout_s=5)

    def test_are_counted_for_each_key_apart(self, world: World, settings: Any) -> None:
        settings.API_RATES, settings.API_BURST_S = {"read": 1, "write": 1}, 1
        assert [world.shop.get("/v1/sellers").status_code for _ in range(2)] == [200, 429]

        assert world.other_shop.get("/v1/sellers").status_code == 200
