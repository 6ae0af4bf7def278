"""The storefront is told what happened, by signed messages, at least once."""

import ast
import base64
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from jsonschema import Draft202012Validator

from operations.edges import money_tx
from operations.models import AuditEntry, Job
from operations.services import discard_job, run_job
from payments.event_catalogue import EVENT_TYPES, schema_of
from payments.models import (
    DeliveryTry,
    EventDelivery,
    Seller,
    StorefrontEvent,
    WebhookEndpoint,
)
from payments.services import NothingToSend, resend_delivery
from payments.services.events import TRIES, UnknownEventType, sign, write_event
from tests.api.openapi import closed
from tests.shop_server import ShopServer, running
from tests.world import World

# How a type of event is written; nothing else in the verbs is written so.
TYPE = re.compile(r"(payment|refund|dispute|webhook_endpoint)\.[a-z_]+")


@pytest.fixture
def shop_server(world: World, settings: Any) -> Iterator[ShopServer]:
    """The shop's server, on this machine, which only a development setting allows."""
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    with running() as server:
        yield server


@pytest.fixture
def secret(world: World, shop_server: ShopServer) -> str:
    """The secret of the shop's endpoint at its server, which wants every event."""
    return str(make_endpoint(world, shop_server.url)["secret"])


def make_endpoint(world: World, url: str, **wishes: Any) -> Any:
    """Create an endpoint through the API and return what it answered."""
    key = f"endpoint-{WebhookEndpoint.objects.count()}"
    answer = world.shop.post("/v1/webhook-endpoints", {"url": url, **wishes}, key=key)
    assert answer.status_code == 201, answer.content
    return answer.json()


def the_delivery() -> EventDelivery:
    return EventDelivery.objects.get()


def later(world: World, hours: int) -> datetime:
    """Work as if so many hours had passed, and return that moment."""
    world.work(later=timedelta(hours=hours))
    return timezone.now() + timedelta(hours=hours)


class TestTell:
    def test_sends_a_signed_message_when_a_payment_succeeds(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str
    ) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        [(headers, body)] = shop_server.messages
        message = json.loads(body)
        assert (message["type"], message["data"]["checkout_id"]) == ("payment.succeeded", "cart-1")
        assert message["data"]["payment_orders"] == [{"payment_order_id": "cart-1.ann", "status": "SUCCESS"}]
        stamp = int(headers["webhook-timestamp"])
        assert headers["webhook-signature"] == sign(
            secret=secret, event_id=headers["webhook-id"], stamp=stamp, body=body
        )

    def test_keeps_the_event_of_a_shop_that_named_no_address_and_sends_nothing(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        assert StorefrontEvent.objects.get().type == "payment.succeeded"
        assert not EventDelivery.objects.exists()

    def test_sends_to_each_endpoint_that_wants_the_type(
        self, world: World, ann: Seller, shop_server: ShopServer
    ) -> None:
        wanting = make_endpoint(world, shop_server.url, event_types=["payment.succeeded"])
        make_endpoint(world, shop_server.url, event_types=["payment.failed"])

        world.sell("cart-1", {"ann": "100.00"})

        assert the_delivery().endpoint_id == wanting["id"]
        assert len(shop_server.messages) == 1

    def test_tells_another_storefront_nothing(self, world: World, ann: Seller, shop_server: ShopServer) -> None:
        body = {"url": shop_server.url}
        assert world.other_shop.post("/v1/webhook-endpoints", body, key="k").status_code == 201

        world.sell("cart-1", {"ann": "100.00"})

        assert shop_server.messages == []

    def test_refuses_a_type_that_the_catalogue_does_not_have(self, world: World) -> None:
        with pytest.raises(UnknownEventType), money_tx("test"):
            write_event(storefront="acme", type="payment.invented", data={}, now=timezone.now())


class TestTheCatalogue:
    def test_has_a_schema_for_every_message_that_was_written(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.00"})
        world.shop.post("/v1/refunds", {"payment_order_id": "cart-1.ann", "reason": "torn"}, key="k")
        world.settle()
        world.order("cart-2", {"ann": "10.00"})

        written = list(StorefrontEvent.objects.order_by("id"))

        assert [event.type for event in written] == ["payment.succeeded", "refund.succeeded"]
        for event in written:
            Draft202012Validator(closed(schema_of(EVENT_TYPES[event.type]))).validate(event.payload)

    @pytest.mark.parametrize("name", EVENT_TYPES)
    def test_has_a_right_schema_with_a_right_example(self, name: str) -> None:
        schema = schema_of(EVENT_TYPES[name])

        Draft202012Validator.check_schema(schema)
        for example in schema["examples"]:
            Draft202012Validator(schema).validate(example)

    @pytest.mark.parametrize("name", EVENT_TYPES)
    def test_may_get_more_fields_without_being_refused_by_a_shop_that_checks_it(self, name: str) -> None:
        schema = schema_of(EVENT_TYPES[name])
        [example] = schema["examples"]

        Draft202012Validator(schema).validate({**example, "data": {**example["data"], "later": 1}, "later": 1})

    def test_has_every_type_that_the_code_tells_and_no_other(self) -> None:
        told = set()
        for path in Path(django_settings.BASE_DIR).glob("payments/services/*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and TYPE.fullmatch(str(node.value)):
                    told.add(node.value)

        assert told == set(EVENT_TYPES)


class TestDeliverEvent:
    @pytest.mark.parametrize("refusal", [500, 302, 404])
    def test_sends_again_under_the_same_id_until_the_shop_takes_it(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str, refusal: int
    ) -> None:
        shop_server.answer = refusal
        world.sell("cart-1", {"ann": "100.00"})
        assert the_delivery().state == "waiting"

        shop_server.answer = 204
        world.work(later=timedelta(minutes=1))

        assert the_delivery().state == "delivered"
        assert len({headers["webhook-id"] for headers, _ in shop_server.messages}) == 1
        assert len(shop_server.messages) == 2

    def test_logs_each_try_with_its_status_its_time_and_the_beginning_of_the_answer(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str
    ) -> None:
        shop_server.answer, shop_server.body = 500, b"out of\x00 lamps" + b"!" * 5_000
        world.sell("cart-1", {"ann": "100.00"})
        shop_server.answer, shop_server.body = 200, b"thanks"
        world.work(later=timedelta(minutes=1))

        first, second = DeliveryTry.objects.order_by("id")

        assert (first.status, first.answer[:13], len(first.answer)) == (500, "out of  lamps", 300)
        assert (second.status, second.answer) == (200, "thanks")
        assert first.milliseconds < 5_000

    @pytest.mark.bad_input("B34")
    def test_follows_no_redirect(self, world: World, ann: Seller, shop_server: ShopServer, secret: str) -> None:
        with running() as elsewhere:
            shop_server.answer, shop_server.headers = 307, {"Location": elsewhere.url}
            world.sell("cart-1", {"ann": "100.00"})

            assert elsewhere.messages == []
        assert the_delivery().state == "waiting"

    def test_waits_as_long_as_the_shop_asks(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str
    ) -> None:
        shop_server.answer, shop_server.headers = 503, {"Retry-After": "7200"}
        before = timezone.now()

        world.sell("cart-1", {"ann": "100.00"})

        job = Job.objects.get(kind="payments.deliver_event")
        assert job.next_at >= before + timedelta(seconds=7200)

    def test_asks_no_sooner_than_it_would_by_itself_however_soon_the_receiver_says(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str
    ) -> None:
        shop_server.answer, shop_server.headers = 503, {"Retry-After": "1"}
        world.sell("cart-1", {"ann": "100.00"})

        for second in range(1, 2 * TRIES):
            world.work(later=timedelta(seconds=2 * second))

        assert the_delivery().state == "waiting"
        assert len(shop_server.messages) < 8

    def test_gives_up_when_every_try_failed_and_leaves_no_dead_letter(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str, settings: Any
    ) -> None:
        settings.WEBHOOK_DISABLE_AFTER = timedelta(days=90)
        shop_server.answer = 500
        world.sell("cart-1", {"ann": "100.00"})

        for day in range(1, TRIES + 3):
            world.work(later=timedelta(days=day))

        assert the_delivery().state == "failed"
        assert len(shop_server.messages) == TRIES
        assert Job.objects.get(kind="payments.deliver_event").state == "done"

    def test_drops_what_an_endpoint_that_is_not_in_use_any_more_did_not_take(
        self, world: World, ann: Seller, shop_server: ShopServer
    ) -> None:
        made = make_endpoint(world, shop_server.url)
        shop_server.answer = 500
        world.sell("cart-1", {"ann": "100.00"})
        world.shop.client.delete(
            f"/v1/webhook-endpoints/{made['id']}", headers={"Authorization": f"Bearer {world.shop.api_key}"}
        )

        world.work(later=timedelta(minutes=5))

        assert the_delivery().state == "dropped"
        assert len(shop_server.messages) == 1

    @pytest.mark.bad_input("B34")
    def test_reaches_no_private_address_even_where_one_was_noted(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str, settings: Any
    ) -> None:
        settings.WEBHOOK_PRIVATE_ADDRESSES = False

        world.sell("cart-1", {"ann": "100.00"})

        assert shop_server.messages == []
        assert DeliveryTry.objects.get().answer.startswith("not sent: ")


class TestASecretInRotation:
    def test_signs_beside_the_new_one_until_the_overlap_is_over(
        self, world: World, ann: Seller, shop_server: ShopServer
    ) -> None:
        made = make_endpoint(world, shop_server.url)
        rotated = world.shop.post(
            f"/v1/webhook-endpoints/{made['id']}/rotate-secret", {"overlap_hours": 2}, key="rotate"
        )
        assert rotated.status_code == 201, rotated.content

        world.sell("cart-1", {"ann": "100.00"})
        with money_tx("test"):
            write_event(storefront="acme", type="payment.failed", data={}, now=timezone.now() + timedelta(hours=3))
        later(world, 3)

        (first, body), (second, _) = shop_server.messages
        stamp = int(first["webhook-timestamp"])
        both = [
            sign(secret=one, event_id=first["webhook-id"], stamp=stamp, body=body)
            for one in (rotated.json()["secret"], made["secret"])
        ]
        assert first["webhook-signature"].split(" ") == both
        assert len(second["webhook-signature"].split(" ")) == 1


class TestAnEndpointThatTakesNothing:
    def test_is_disabled_after_long_and_the_others_are_told(
        self, world: World, ann: Seller, shop_server: ShopServer, settings: Any
    ) -> None:
        with running() as broken:
            broken.answer = 500
            bad = make_endpoint(world, broken.url, event_types=["payment.succeeded"])
            make_endpoint(world, shop_server.url)
            world.sell("cart-1", {"ann": "100.00"})
            assert WebhookEndpoint.objects.get(pk=bad["id"]).enabled

            later(world, 121)
            later(world, 122)

        endpoint = WebhookEndpoint.objects.get(pk=bad["id"])
        assert (endpoint.enabled, endpoint.disabled_reason[:21]) == (False, "it took nothing since")
        assert EventDelivery.objects.get(endpoint=endpoint).state == "dropped"
        notice = json.loads(shop_server.messages[-1][1])
        assert notice["type"] == "webhook_endpoint.disabled"
        assert notice["data"] == {"endpoint_id": bad["id"], "url": broken.url, "reason": endpoint.disabled_reason}
        Draft202012Validator(closed(schema_of(EVENT_TYPES[notice["type"]]))).validate(notice)

    def test_is_disabled_at_once_when_it_says_that_it_is_gone(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str
    ) -> None:
        shop_server.answer = 410

        world.sell("cart-1", {"ann": "100.00"})

        assert WebhookEndpoint.objects.get().disabled_reason == "it answered 410 Gone"
        assert AuditEntry.objects.filter(action="payments.endpoint.disabled").exists()

    def test_has_its_patience_back_after_one_success(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str
    ) -> None:
        shop_server.answer = 500
        world.sell("cart-1", {"ann": "100.00"})
        assert WebhookEndpoint.objects.get().failing_since is not None
        shop_server.answer = 204

        later(world, 1)

        assert WebhookEndpoint.objects.get().failing_since is None


class TestResendDelivery:
    def test_sends_the_same_message_once_more(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str
    ) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        resend_delivery(delivery=the_delivery().pk, actor="user:oscar", reason="they lost it", now=timezone.now())
        world.work()

        (first, body), (second, again) = shop_server.messages
        assert (first["webhook-id"], body) == (second["webhook-id"], again)
        assert (the_delivery().state, the_delivery().round) == ("delivered", 2)

    def test_does_not_let_a_message_that_waits_wait_any_longer(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str
    ) -> None:
        shop_server.answer, shop_server.headers = 503, {"Retry-After": "7200"}
        world.sell("cart-1", {"ann": "100.00"})
        shop_server.answer = 204

        resend_delivery(delivery=the_delivery().pk, actor="user:oscar", reason="it is up", now=timezone.now())
        world.work()

        assert (the_delivery().state, the_delivery().round) == ("delivered", 1)

    @pytest.mark.parametrize("discarded", [False, True])
    def test_sends_what_nobody_would_send_any_more(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str, discarded: bool
    ) -> None:
        shop_server.answer = 503
        world.sell("cart-1", {"ann": "100.00"})
        job = Job.objects.get(kind="payments.deliver_event")
        Job.objects.filter(pk=job.pk).update(state="doing", attempts=100, lease_until=timezone.now())
        run_job(job_id=job.pk, now=timezone.now())
        if discarded:
            discard_job(job_id=job.pk, actor="user:oscar", reason="it kills the worker", now=timezone.now())
        shop_server.answer = 204

        answer = world.shop.post(f"/v1/events/{StorefrontEvent.objects.get().pk}/resend", {}, key="resend")
        world.work()

        assert answer.status_code == 202, answer.content
        assert the_delivery().state == "delivered"

    def test_is_refused_for_an_endpoint_that_is_not_in_use(
        self, world: World, ann: Seller, shop_server: ShopServer, secret: str
    ) -> None:
        shop_server.answer = 410
        world.sell("cart-1", {"ann": "100.00"})

        with pytest.raises(NothingToSend):
            resend_delivery(delivery=the_delivery().pk, actor="user:oscar", reason="please", now=timezone.now())


class TestSign:
    def test_makes_the_signature_of_the_standards_own_test_vector(self) -> None:
        signature = sign(
            secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
            stamp=1614265330,
            body=b'{"test": 2432232314}',
        )

        assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    def test_takes_secrets_of_the_length_that_the_standard_asks_for(
        self, world: World, shop_server: ShopServer, secret: str
    ) -> None:
        assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64
