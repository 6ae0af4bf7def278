"""Webhook endpoints and events through the API: what a storefront looks after by itself."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import requests

from operations.models import AuditEntry
from payments.models import EndpointSecret, EventDelivery, Seller, StorefrontEvent, WebhookEndpoint
from payments.services.endpoints import MAX_ENDPOINTS
from tests.api.problems import assert_all_refused, assert_problem
from tests.committed import at_once, committed_db, committed_world, web
from tests.shop_server import ShopServer, running
from tests.snapshot import nothing_changes
from tests.world import Shop, World

__all__ = ["committed_db", "committed_world", "web"]

# Of documentation's own ranges none is public; this one is a real web server's, and nothing is sent to it here.
PUBLIC = "https://93.184.215.14/hooks"
ENDPOINT = {"url": PUBLIC, "description": "orders", "event_types": ["payment.succeeded"]}


def call(shop: Shop, method: str, path: str, body: Any = None) -> Any:
    """Make a request with a method that the cast's client has no verb for."""
    headers = {"Authorization": f"Bearer {shop.api_key}"}
    options = {} if body is None else {"data": body, "content_type": "application/json"}
    return getattr(shop.client, method)(path, headers=headers, **options)


@pytest.fixture
def endpoint(shop: Shop) -> str:
    """The id of the shop's endpoint."""
    return str(shop.post("/v1/webhook-endpoints", ENDPOINT, key="made").json()["id"])


@pytest.fixture
def shop_server(settings: Any) -> Iterator[ShopServer]:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    with running() as server:
        yield server


class TestCreatingAnEndpoint:
    def test_shows_its_secret_once(self, shop: Shop) -> None:
        made = shop.post("/v1/webhook-endpoints", ENDPOINT, key="k").json()

        assert made["secret"].startswith("whsec_")
        shown = shop.get(f"/v1/webhook-endpoints/{made['id']}").json()
        assert shown == {name: value for name, value in made.items() if name != "secret"}
        assert shown["enabled"] is True
        assert "secret" not in str(shop.get("/v1/webhook-endpoints").content)

    def test_is_one_creation_for_one_key(self, shop: Shop) -> None:
        first = shop.post("/v1/webhook-endpoints", ENDPOINT, key="k")
        with nothing_changes():
            again = shop.post("/v1/webhook-endpoints", ENDPOINT, key="k")
            other = shop.post("/v1/webhook-endpoints", {**ENDPOINT, "description": "other"}, key="k")

        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["Idempotent-Replayed"] == "true"
        assert_problem(other, 422, "idempotency_key_reused")

    def test_gives_its_first_answer_again_wherever_the_address_leads_by_now(self, shop: Shop, settings: Any) -> None:
        settings.WEBHOOK_PRIVATE_ADDRESSES = True
        first = shop.post("/v1/webhook-endpoints", {"url": "http://127.0.0.1/hooks"}, key="k")
        settings.WEBHOOK_PRIVATE_ADDRESSES = False

        with nothing_changes():
            again = shop.post("/v1/webhook-endpoints", {"url": "http://127.0.0.1/hooks"}, key="k")

        assert (again.status_code, again.json()) == (201, first.json())

    def test_stays_within_the_limit_however_many_are_made_at_once(self, committed_world: World, web: str) -> None:
        key = {"Authorization": f"Bearer {committed_world.shop.api_key}"}

        def create(number: int) -> int:
            headers = {**key, "Idempotency-Key": f"e{number}"}
            return requests.post(f"{web}/v1/webhook-endpoints", json=ENDPOINT, headers=headers, timeout=30).status_code

        for number in range(MAX_ENDPOINTS - 1):
            assert create(number) == 201

        assert sorted(at_once([partial(create, 100 + number) for number in range(8)])) == [201] + [409] * 7

    @pytest.mark.parametrize(
        ("path", "body"),
        [("webhook-endpoints", ENDPOINT), ("webhook-endpoints/whe_x/rotate-secret", {}), ("events/evt_x/resend", {})],
    )
    def test_needs_a_key_as_all_that_make_something(self, shop: Shop, path: str, body: Any) -> None:
        assert_problem(shop.post(f"/v1/{path}", body), 400, "idempotency_key_missing")

    @pytest.mark.bad_input("B34")
    def test_refuses_addresses_that_lead_inside(self, shop: Shop) -> None:
        urls = [
            "https://127.0.0.1/",
            "https://169.254.169.254/",
            "https://[::1]/",
            "https://0x7f.1/",
            "https://93.184.215.14:0/",
            "http://a.example/",
        ]

        assert_all_refused(
            shop, "/v1/webhook-endpoints", {url: {"url": url} for url in urls}, 422, "address_refused", field="url"
        )

    def test_refuses_what_is_wrong_in_the_body(self, shop: Shop) -> None:
        assert_all_refused(
            shop,
            "/v1/webhook-endpoints",
            {"unknown type": {"url": PUBLIC, "event_types": ["x"]}},
            422,
            "unknown_event_types",
            field="event_types",
        )
        for field, value in (("url", 5), ("url", ""), ("event_types", "all"), ("event_types", [5]), ("owner", "bolt")):
            body = {**ENDPOINT, field: value}
            answer = shop.post("/v1/webhook-endpoints", body, key="k")
            assert assert_problem(answer, 422, "invalid")["errors"][0]["field"].startswith(field)

    def test_is_refused_above_sixteen(self, shop: Shop) -> None:
        answers = [shop.post("/v1/webhook-endpoints", ENDPOINT, key=f"k{number}") for number in range(17)]

        assert [answer.status_code for answer in answers] == [201] * 16 + [409]
        assert_problem(answers[-1], 409, "too_many_endpoints")


class TestChangingAnEndpoint:
    def test_changes_what_is_named_and_nothing_else(self, shop: Shop, endpoint: str) -> None:
        answer = call(shop, "patch", f"/v1/webhook-endpoints/{endpoint}", {"event_types": []})

        body = answer.json()
        assert (answer.status_code, body["event_types"], body["url"], body["description"]) == (
            200,
            [],
            PUBLIC,
            "orders",
        )

    def test_takes_the_description_away_and_back_as_it_was_shown(self, shop: Shop, endpoint: str) -> None:
        address = f"/v1/webhook-endpoints/{endpoint}"

        emptied = call(shop, "patch", address, {"description": ""})
        same = call(shop, "patch", address, {"description": emptied.json()["description"]})

        assert [(each.status_code, each.json()["description"]) for each in (emptied, same)] == [(200, "")] * 2
        assert_problem(call(shop, "patch", address, {"description": " "}), 422, "invalid")

    def test_disables_and_enables(self, shop: Shop, endpoint: str) -> None:
        address = f"/v1/webhook-endpoints/{endpoint}"

        off = call(shop, "patch", address, {"enabled": False}).json()
        on = call(shop, "patch", address, {"enabled": True}).json()

        assert (off["enabled"], off["disabled_reason"]) == (False, "its storefront disabled it")
        assert (on["enabled"], on["disabled_reason"], on["failing_since"]) == (True, None, None)
        actions = AuditEntry.objects.filter(subject=f"webhook_endpoint:{endpoint}").values_list("action", flat=True)
        assert list(actions.order_by("id")) == [
            "payments.endpoint.created",
            "payments.endpoint.disabled",
            "payments.endpoint.updated",
            "payments.endpoint.updated",
        ]

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"url": "https://10.0.0.1/"}, "address_refused"),
            ({"event_types": ["x"]}, "unknown_event_types"),
            ({"enabled": "yes"}, "invalid"),
            ({"enabled": None}, "invalid"),
            ({"secret": "whsec_mine"}, "invalid"),
            ({"storefront": "bolt"}, "invalid"),
        ],
    )
    def test_is_refused_whole(self, shop: Shop, endpoint: str, body: Any, code: str) -> None:
        with nothing_changes():
            answer = call(shop, "patch", f"/v1/webhook-endpoints/{endpoint}", body)

        assert_problem(answer, 422, code)

    @pytest.mark.bad_input("B31")
    def test_and_every_other_verb_is_its_own_storefronts(self, world: World) -> None:
        made = world.shop.post("/v1/webhook-endpoints", ENDPOINT, key="k").json()
        address = f"/v1/webhook-endpoints/{made['id']}"

        with nothing_changes():
            answers = [
                call(world.other_shop, "patch", address, {"enabled": False}),
                call(world.other_shop, "delete", address),
                world.other_shop.post(f"{address}/rotate-secret", {}, key="k"),
            ]

        for answer in answers:
            assert_problem(answer, 404, "unknown_endpoint")


class TestDeletingAnEndpoint:
    def test_leaves_nothing_to_be_found_but_keeps_the_row_for_the_log(self, shop: Shop, endpoint: str) -> None:
        address = f"/v1/webhook-endpoints/{endpoint}"

        assert call(shop, "delete", address).status_code == 204

        for answer in (call(shop, "delete", address), shop.get(address), shop.get(f"{address}/deliveries")):
            assert_problem(answer, 404, "unknown_endpoint")
        assert shop.get("/v1/webhook-endpoints").json()["data"] == []
        assert WebhookEndpoint.objects.get().deleted_at is not None


class TestRotatingASecret:
    def test_shows_the_new_one_and_ends_the_old_one_after_the_overlap(self, shop: Shop) -> None:
        made = shop.post("/v1/webhook-endpoints", ENDPOINT, key="k").json()
        address = f"/v1/webhook-endpoints/{made['id']}/rotate-secret"

        rotated = shop.post(address, {}, key="r")
        with nothing_changes():
            again = shop.post(address, {}, key="r")

        assert rotated.json()["secret"] != made["secret"]
        assert again.json() == rotated.json()
        old, new = EndpointSecret.objects.order_by("id")
        assert (old.secret, new.secret) == (made["secret"], rotated.json()["secret"])
        assert old.expires_at is not None
        assert (old.expires_at - new.created_at).total_seconds() == 24 * 3600
        assert new.expires_at is None

    @pytest.mark.parametrize("hours", [-1, 169, 1.5, "2", True, None])
    def test_is_refused_with_an_overlap_that_is_none(self, shop: Shop, endpoint: str, hours: Any) -> None:
        with nothing_changes():
            answer = shop.post(f"/v1/webhook-endpoints/{endpoint}/rotate-secret", {"overlap_hours": hours}, key="r")

        assert_problem(answer, 422, "invalid", field="overlap_hours")


class TestResendingAnEvent:
    def test_sends_it_to_an_endpoint_that_came_later(self, world: World, ann: Seller, shop_server: ShopServer) -> None:
        world.sell("cart-1", {"ann": "10.00"})
        event = StorefrontEvent.objects.get()
        made = world.shop.post("/v1/webhook-endpoints", {"url": shop_server.url}, key="k").json()

        answer = world.shop.post(f"/v1/events/{event.pk}/resend", {"endpoint_id": made["id"]}, key="again")
        world.work()
        with nothing_changes():
            replayed = world.shop.post(f"/v1/events/{event.pk}/resend", {"endpoint_id": made["id"]}, key="again")

        assert (answer.status_code, replayed.headers["Idempotent-Replayed"]) == (202, "true")
        [(headers, _)] = shop_server.messages
        assert headers["webhook-id"] == event.pk
        shown = world.shop.get(f"/v1/events/{event.pk}?expand=deliveries").json()
        [delivery] = shown["deliveries"]
        assert (delivery["status"], delivery["tries"][0]["http_status"]) == ("delivered", 204)
        assert world.shop.get(f"/v1/webhook-endpoints/{made['id']}/deliveries").json()["data"] == [delivery]

    def test_is_refused_where_there_is_nobody_to_send_it_to(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})
        event = StorefrontEvent.objects.get()

        with nothing_changes():
            nobody = world.shop.post(f"/v1/events/{event.pk}/resend", {}, key="k")
            unknown = world.shop.post(f"/v1/events/{event.pk}/resend", {"endpoint_id": "whe_x"}, key="k")
            theirs = world.other_shop.post(f"/v1/events/{event.pk}/resend", {}, key="k")

        assert_problem(nobody, 409, "nothing_to_send")
        assert_problem(unknown, 409, "nothing_to_send", field="endpoint_id")
        assert_problem(theirs, 404, "unknown_event")
        assert not EventDelivery.objects.exists()
