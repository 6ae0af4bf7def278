"""The Idempotency-Key header, as the IETF draft has it: once, and the same answer ever after."""

from functools import partial

import pytest
import requests
from django.utils import timezone

from operations import idempotency
from operations.edges import money_tx
from operations.models import IdempotencyKey
from payments.models import Attempt, Checkout, Refund, Seller
from tests.api.bodies import PAYMENT, REFUND, changed
from tests.api.problems import assert_problem
from tests.committed import at_once
from tests.snapshot import nothing_changes
from tests.world import Shop, World

BODIES = {"/v1/payments": PAYMENT, "/v1/refunds": REFUND}
MALFORMED = ["", " ", "k" * 256, "schlüssel", "a key", "a\tkey", "\x7f", "鍵"]


class TestTheKey:
    @pytest.mark.bad_input("B26")
    @pytest.mark.parametrize("path", BODIES)
    def test_must_be_there(self, shop: Shop, path: str) -> None:
        with nothing_changes():
            answer = shop.post(path, BODIES[path])

        assert_problem(answer, 400, "idempotency_key_missing")

    @pytest.mark.bad_input("B26")
    @pytest.mark.parametrize("path", BODIES)
    def test_must_be_1_to_255_visible_ascii_characters(self, shop: Shop, path: str) -> None:
        with nothing_changes():
            for key in MALFORMED:
                assert_problem(shop.post(path, BODIES[path], key=key), 400, "idempotency_key_malformed")

    @pytest.mark.bad_input("B35")
    @pytest.mark.parametrize("path", BODIES)
    def test_is_refused_when_it_is_a_card_number(self, shop: Shop, path: str) -> None:
        with nothing_changes():
            for key in ("4242424242424242", "pay:5555-5555-5555-4444"):
                answer = shop.post(path, BODIES[path], key=key)

                assert_problem(answer, 400, "idempotency_key_malformed")
                assert key not in answer.content.decode()

    def test_may_have_255_characters(self, world: World, ann: Seller, bob: Seller) -> None:
        assert world.shop.post("/v1/payments", PAYMENT, key="k" * 255).status_code == 201

    def test_is_free_again_after_a_request_that_was_refused(self, world: World, ann: Seller) -> None:
        assert_problem(
            world.shop.post("/v1/payments", PAYMENT, key="k"),
            422,
            "unknown_seller",
            field="payment_orders[1].seller_account",
        )
        world.open_seller("bob")

        assert world.shop.post("/v1/payments", PAYMENT, key="k").status_code == 201


class TestARepeatedPayment:
    def test_gets_the_stored_answer_and_says_so(self, world: World, ann: Seller, bob: Seller) -> None:
        first = world.shop.post("/v1/payments", PAYMENT, key="k")
        calls = len(world.provider.calls())

        with nothing_changes():
            again = world.shop.post("/v1/payments", PAYMENT, key="k")

        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers
        assert len(world.provider.calls()) == calls

    def test_is_the_same_however_its_json_is_spaced_and_ordered(self, world: World, ann: Seller, bob: Seller) -> None:
        first = world.shop.post("/v1/payments", PAYMENT, key="k")
        shuffled = str(dict(reversed(PAYMENT.items()))).replace("'", '"').replace(", ", " ,\n\t")

        again = world.shop.post("/v1/payments", shuffled, key="k")

        assert (again.status_code, again.json()) == (201, first.json())

    @pytest.mark.bad_input("B27")
    def test_is_refused_with_another_body(self, world: World, ann: Seller, bob: Seller) -> None:
        world.shop.post("/v1/payments", PAYMENT, key="k")

        with nothing_changes():
            answer = world.shop.post("/v1/payments", changed(PAYMENT, "payment_orders.0.amount", "10.01"), key="k")

        assert_problem(answer, 422, "idempotency_key_reused")

    @pytest.mark.bad_input("B27")
    def test_is_refused_at_another_address(self, world: World, ann: Seller, bob: Seller) -> None:
        world.shop.post("/v1/payments", PAYMENT, key="k")

        with nothing_changes():
            answer = world.shop.post("/v1/refunds", REFUND, key="k")

        assert_problem(answer, 422, "idempotency_key_reused")

    def test_is_told_to_wait_while_the_first_one_runs(self, world: World, ann: Seller, bob: Seller) -> None:
        body = changed(PAYMENT, "checkout_id", "cart-2")
        fingerprint = idempotency.fingerprint(method="POST", path="/v1/payments", body=body)
        with money_tx("test"):
            idempotency.claim(scope="storefront:acme", key="k", fingerprint=fingerprint, now=timezone.now())

        with nothing_changes():
            answer = world.shop.post("/v1/payments", body, key="k")

        assert_problem(answer, 409, "request_in_progress")
        assert int(answer.headers["Retry-After"]) > 0

    @pytest.mark.bad_input("B27-B28")
    def test_is_another_storefronts_own_affair(self, world: World, ann: Seller, bob: Seller) -> None:
        first = world.shop.post("/v1/payments", PAYMENT, key="k")
        for name in ("ann", "bob"):
            world.open_seller(name, shop=world.other_shop)

        second = world.other_shop.post("/v1/payments", PAYMENT, key="k")

        assert second.status_code == 201
        assert second.json()["id"] != first.json()["id"]
        assert "Idempotent-Replayed" not in second.headers

    def test_is_refused_under_another_key(self, world: World, ann: Seller, bob: Seller) -> None:
        world.shop.post("/v1/payments", PAYMENT, key="k")

        with nothing_changes():
            answer = world.shop.post("/v1/payments", PAYMENT, key="k2")

        assert_problem(answer, 409, "checkout_exists")

    def test_is_refused_with_a_payment_order_of_an_earlier_checkout(
        self, world: World, ann: Seller, bob: Seller
    ) -> None:
        world.shop.post("/v1/payments", PAYMENT, key="k")

        with nothing_changes():
            answer = world.shop.post("/v1/payments", changed(PAYMENT, "checkout_id", "cart-2"), key="k2")

        assert_problem(answer, 409, "payment_order_exists", field="payment_orders[0].payment_order_id")


class TestARepeatedRefund:
    def test_is_the_same_refund(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})
        first = world.shop.post("/v1/refunds", REFUND, key="k")

        again = world.shop.post("/v1/refunds", REFUND, key="k")

        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json()["id"] == first.json()["id"]
        assert Refund.objects.count() == 1

    def test_is_refused_with_another_body(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})
        world.shop.post("/v1/refunds", REFUND, key="k")

        with nothing_changes():
            answer = world.shop.post("/v1/refunds", changed(REFUND, "amount", "4.01"), key="k")

        assert_problem(answer, 422, "idempotency_key_reused")


class TestTwentyAtOnce:
    @pytest.mark.bad_input("B27")
    def test_with_one_key_make_one_checkout_and_one_session(self, committed_world: World, web: str) -> None:
        for name in ("ann", "bob"):
            committed_world.open_seller(name)
        headers = {"Authorization": f"Bearer {committed_world.shop.api_key}", "Idempotency-Key": "k"}

        def post() -> requests.Response:
            return requests.post(f"{web}/v1/payments", json=PAYMENT, headers=headers, timeout=30)

        answers: list[requests.Response] = at_once([post] * 20)

        fresh = [a for a in answers if a.status_code == 201 and "Idempotent-Replayed" not in a.headers]
        others = [a for a in answers if a not in fresh]
        assert len(fresh) == 1
        assert {a.status_code for a in others} <= {201, 409}
        assert all(a.json()["code"] == "request_in_progress" for a in others if a.status_code == 409)
        assert all(a.json() == fresh[0].json() for a in others if a.status_code == 201)
        assert (Checkout.objects.count(), Attempt.objects.count(), IdempotencyKey.objects.count()) == (1, 1, 1)
        assert len(committed_world.provider.ledger()["sessions"]) == 1

    def test_with_a_key_each_make_one_checkout(self, committed_world: World, web: str) -> None:
        for name in ("ann", "bob"):
            committed_world.open_seller(name)

        def post(key: str) -> requests.Response:
            headers = {"Authorization": f"Bearer {committed_world.shop.api_key}", "Idempotency-Key": key}
            return requests.post(f"{web}/v1/payments", json=PAYMENT, headers=headers, timeout=30)

        answers: list[requests.Response] = at_once([partial(post, f"k{n}") for n in range(20)])

        assert sorted(a.status_code for a in answers) == [201] + [409] * 19
        assert {a.json()["code"] for a in answers if a.status_code == 409} == {"checkout_exists"}
        assert Checkout.objects.count() == 1
        assert len(committed_world.provider.ledger()["sessions"]) == 1
