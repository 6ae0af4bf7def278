"""Who may ask, for what, and how the API answers those who may not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from operations.models import ApiKey
from operations.services import pull_switch, revoke_api_key
from payments.models import Seller
from tests.api.bodies import DELIVERY, PAYMENT, REFUND, SELLER, changed
from tests.api.problems import assert_all_refused, assert_problem
from tests.snapshot import nothing_changes
from tests.world import Shop, World

POSTS = {"/v1/payments": PAYMENT, "/v1/refunds": REFUND, "/v1/sellers": SELLER, "/v1/deliveries": DELIVERY}
GETS = ["/v1/payments/cart-1.ann", "/v1/sellers/ann"]
BAD_HEADERS = [
    None,
    "",
    "Bearer",
    "Bearer ",
    "Bearer a b",
    "Basic YTpi",
    "Token cf_x",
    "Bearer cf_unknown",
    "Bearer schlüssel",
    "Bearer cf_' OR 1=1 --",
]
NOT_RETURN_URLS = [
    "//evil.example",
    "https://evil.example/",
    "https://shop.example.evil.example/",
    "https://shop.example@evil.example/",
    "https://evil.example@shop.example/",
    "https://shop.example:8443/",
    "http://shop.example/",
    "https://SHOP.example.evil/",
    "https://shop.example\\@evil.example/",
    "\\\\evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "https:shop.example",
    "https:///shop.example",
    "/thanks",
    "https://shöp.example/",
    "https://shop。example/",
    "https://shop.example\u200b/",
]


class TestARequestWithoutALivingKey:
    def test_is_unauthorised_everywhere_and_changes_nothing(self, shop: Shop) -> None:
        with nothing_changes():
            for header in BAD_HEADERS:
                headers = {} if header is None else {"Authorization": header}
                for path, body in POSTS.items():
                    answer = shop.client.post(path, data=body, content_type="application/json", headers=headers)
                    assert answer.status_code == 401, (path, header)
                for path in GETS:
                    answer = shop.client.get(path, headers=headers)
                    assert answer.status_code == 401, (path, header)
                    assert answer.headers["Content-Type"] == "application/problem+json"
                    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="counterfoil"'

    def test_is_unauthorised_once_the_key_is_revoked(self, shop: Shop) -> None:
        assert shop.get("/v1/sellers/ann").status_code == 200
        revoke_api_key(key_id=ApiKey.objects.get().pk, actor="user:anna", now=timezone.now())

        assert_problem(shop.get("/v1/sellers/ann"), 401, "authentication_failed")

    def test_is_unauthorised_once_the_key_has_expired(self, shop: Shop) -> None:
        ApiKey.objects.update(expires_at=timezone.now() + timedelta(hours=1))
        assert shop.get("/v1/sellers/ann").status_code == 200
        ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

        assert_problem(shop.get("/v1/sellers/ann"), 401, "authentication_failed")

    def test_is_not_helped_by_a_key_in_the_address(self, shop: Shop) -> None:
        answer = shop.client.get(f"/v1/sellers/ann?api_key={shop.api_key}&access_token={shop.api_key}")

        assert_problem(answer, 401, "not_authenticated")

    def test_finds_no_secret_in_the_database(self, shop: Shop) -> None:
        stored = str(list(ApiKey.objects.values_list()))

        assert shop.api_key not in stored


class TestAnotherStorefront:
    @pytest.mark.bad_input("B31")
    def test_finds_nothing_of_ours(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})
        order = world.payment_order("cart-1.ann")

        with nothing_changes():
            assert_problem(world.other_shop.get("/v1/payments/cart-1.ann"), 404, "unknown_payment")
            assert_problem(world.other_shop.get(f"/v1/payments/{order.pk}"), 404, "unknown_payment")
            assert_problem(world.other_shop.get("/v1/sellers/ann"), 404, "not_found")
            refused = world.other_shop.post("/v1/refunds", REFUND, key="k")
            assert_problem(refused, 404, "unknown_payment", field="payment_order_id")
            refused = world.other_shop.post("/v1/deliveries", DELIVERY)
            assert_problem(refused, 404, "unknown_payment", field="payment_order_id")

    def test_cannot_sell_for_our_seller(self, world: World, ann: Seller, bob: Seller) -> None:
        with nothing_changes():
            answer = world.other_shop.post("/v1/payments", PAYMENT, key="k")

        assert_problem(answer, 422, "unknown_seller", field="payment_orders[0].seller_account")

    def test_may_use_the_same_ids(self, world: World, ann: Seller, bob: Seller) -> None:
        theirs = [world.open_seller(name, shop=world.other_shop) for name in ("ann", "bob")]
        assert world.shop.post("/v1/payments", PAYMENT, key="k").status_code == 201

        answer = world.other_shop.post("/v1/payments", PAYMENT, key="k")

        assert answer.status_code == 201
        assert {seller.pk for seller in theirs}.isdisjoint({ann.pk, bob.pk})


class TestAReturnUrl:
    @pytest.mark.bad_input("B33")
    def test_is_refused_unless_it_is_the_storefronts_own(self, shop: Shop) -> None:
        bodies = {url: changed(PAYMENT, "return_url", url) for url in NOT_RETURN_URLS}

        assert_all_refused(shop, "/v1/payments", bodies, 422, "invalid", field="return_url")

    def test_may_be_any_page_of_the_storefronts_own(self, world: World, ann: Seller, bob: Seller) -> None:
        body = changed(PAYMENT, "return_url", "https://shop.example/thanks?cart=1#top")

        assert world.shop.post("/v1/payments", body, key="k").status_code == 201


class TestAnAddress:
    @pytest.mark.parametrize("path", ["/v1/nothing", "/v1/payments/", "/v1/payments/a/b", "/nothing", "/v1"])
    def test_that_does_not_exist_is_a_problem_too(self, shop: Shop, path: str) -> None:
        assert_problem(shop.get(path), 404, "not_found")

    def test_of_an_unknown_object_is_a_problem(self, shop: Shop) -> None:
        assert_problem(shop.get("/v1/payments/nope"), 404, "unknown_payment")
        assert_problem(shop.get("/v1/sellers/nope"), 404, "not_found")

    @pytest.mark.parametrize(("method", "path"), [("patch", "/v1/deliveries"), ("put", GETS[0]), ("delete", GETS[1])])
    def test_refuses_methods_that_it_does_not_have(self, shop: Shop, method: str, path: str) -> None:
        headers = {"Authorization": f"Bearer {shop.api_key}"}

        answer = getattr(shop.client, method)(path, headers=headers)

        assert_problem(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"]

    def test_takes_no_hostile_id(self, shop: Shop) -> None:
        for text in ("a%00b", "%F0%9F%A6%84", "'%20OR%201=1", "%2e%2e%2f", "a" * 5000, "%ED%A0%80"):
            for address in (f"/v1/payments/{text}", f"/v1/sellers/{text}", f"/pay/{text}/return"):
                assert shop.get(address).status_code == 404, address


class TestTheRequestId:
    def test_is_the_clients_own_where_it_is_harmless(self, shop: Shop) -> None:
        answer = shop.client.get("/v1/sellers/ann", headers={"X-Request-Id": "cart-1.attempt_2"})

        assert answer.headers["X-Request-Id"] == "cart-1.attempt_2"

    @pytest.mark.bad_input("B25", "B35")
    @pytest.mark.parametrize(
        "given", ["short", "a" * 65, "a b c d e f", "x\r\nforged: 1", "ünïcödé-id", "<script>", "4242424242424242"]
    )
    def test_is_made_here_otherwise(self, shop: Shop, given: str) -> None:
        answer = shop.client.get("/v1/sellers/ann", headers={"X-Request-Id": given})

        assert answer.headers["X-Request-Id"].startswith("req_")

    def test_is_another_for_each_request(self, shop: Shop) -> None:
        ids = {shop.get("/v1/sellers/ann").headers["X-Request-Id"] for _ in range(5)}

        assert len(ids) == 5


class TestAStopSwitch:
    def test_refuses_new_payments_and_says_when_to_come_back(self, world: World, ann: Seller, bob: Seller) -> None:
        pull_switch(name="checkout", reason="provider is down", actor="user:anna", now=timezone.now())

        with nothing_changes():
            answer = world.shop.post("/v1/payments", PAYMENT, key="k")

        assert_problem(answer, 503, "stopped")
        assert int(answer.headers["Retry-After"]) > 0

    def test_refuses_new_refunds(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})
        pull_switch(name="refunds", reason="fraud wave", actor="user:anna", now=timezone.now())

        with nothing_changes():
            answer = world.shop.post("/v1/refunds", REFUND, key="k")

        assert_problem(answer, 503, "stopped")


class TestAPayment:
    @pytest.mark.bad_input("B22")
    def test_needs_between_one_order_and_a_hundred(self, shop: Shop) -> None:
        order = PAYMENT["payment_orders"][0]
        many = [{**order, "payment_order_id": f"o{n}"} for n in range(10_000)]
        bodies = {"none": changed(PAYMENT, "payment_orders", []), "101": changed(PAYMENT, "payment_orders", many[:101])}
        bodies["10,000"] = changed(PAYMENT, "payment_orders", [{}] * 10_000)

        assert_all_refused(shop, "/v1/payments", bodies, 422, "invalid", field="payment_orders")

    def test_names_each_order_once(self, shop: Shop) -> None:
        twice = changed(PAYMENT, "payment_orders.1.payment_order_id", "cart-1.ann")

        assert_all_refused(shop, "/v1/payments", {"twice": twice}, 422, "invalid", field="payment_orders")

    def test_needs_sellers_that_are_known(self, shop: Shop) -> None:
        unknown = changed(PAYMENT, "payment_orders.1.seller_account", "nobody")

        assert_all_refused(
            shop, "/v1/payments", {"unknown": unknown}, 422, "unknown_seller", field="payment_orders[1].seller_account"
        )


class TestASeller:
    def test_is_made_known_once(self, shop: Shop) -> None:
        first = shop.post("/v1/sellers", SELLER)

        with nothing_changes():
            again = shop.post("/v1/sellers", SELLER)

        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json()

    @pytest.mark.parametrize(("field", "value"), [("name", "Cyd"), ("country", "DE")])
    def test_is_refused_as_somebody_else(self, shop: Shop, field: str, value: str) -> None:
        shop.post("/v1/sellers", SELLER)

        assert_all_refused(shop, "/v1/sellers", {"other": changed(SELLER, field, value)}, 409, "seller_exists")
