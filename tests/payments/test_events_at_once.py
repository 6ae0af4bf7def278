"""Shops that answer slowly hold some of the workers' threads, and never all: the others book money."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from operations.edges import relay
from operations.edges.relay import Delivery
from operations.jobs import worker
from operations.models import Job
from operations.services import discard_job, run_job
from payments.models import DeliveryTry, EventDelivery, Seller, WebhookEndpoint
from tests.shop_server import running
from tests.world import World

SOON = timedelta(minutes=2)


class SlowShops:
    """Shops that keep every sender waiting; meanwhile the other threads look at what else is due."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.waiting: list[str] = []
        self.most: dict[str, int] = {}
        self.sent = 0
        self.status = 200

    def send(self, name: str, *, url: str, **_: Any) -> Delivery:
        """Stand in for the edge: while this message is under way, the jobs that are due are run."""
        self.sent += 1
        self.waiting.append(url.rpartition("/")[2])
        for shop in ("acme", "bolt", "any"):
            now = sum(1 for each in self.waiting if shop in (each, "any"))
            self.most[shop] = max(self.most.get(shop, 0), now)
        self.world.work()
        self.waiting.pop()
        return Delivery(status=self.status, detail="")


@pytest.fixture
def slow(world: World, ann: Seller, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowShops]:
    """Two shops with six endpoints each, of which acme has something to tell to all of its own."""
    settings.WEBHOOK_PRIVATE_ADDRESSES, settings.WEBHOOK_SENDS_AT_ONCE = True, 3
    with running() as server:
        for number in range(6):
            for shop, name in ((world.shop, "acme"), (world.other_shop, "bolt")):
                answer = shop.post("/v1/webhook-endpoints", {"url": f"{server.url}/{name}"}, key=f"e-{number}")
                assert answer.status_code == 201, answer.content
        shops = SlowShops(world)
        monkeypatch.setattr(relay, "send", shops.send)
        yield shops


class TestDeliverEvent:
    def test_leaves_a_thread_to_others_however_many_endpoints_a_shop_has(self, world: World, slow: SlowShops) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        assert slow.most == {"acme": 2, "bolt": 0, "any": 2}

    def test_leaves_a_place_to_the_other_shops(self, world: World, slow: SlowShops) -> None:
        world.order("cart-1", {"ann": "100.00"})
        world.shop.post("/v1/payments/cart-1/cancel", {}, key="cancel")
        world.other_shop.post("/v1/sellers", {"seller_id": "bob", "name": "Bob", "country": "DE"})
        order = {"payment_order_id": "b", "seller_account": "bob", "amount": "5.00", "currency": "EUR"}
        body = {"checkout_id": "b", "buyer_info": {}, "payment_orders": [order]}
        assert world.other_shop.post("/v1/payments", body, key="pay").status_code == 201
        assert world.other_shop.post("/v1/payments/b/cancel", {}, key="cancel").status_code == 200

        world.settle()

        assert slow.most == {"acme": 2, "bolt": 1, "any": 3}

    def test_sends_what_found_no_place_as_soon_as_one_is_free_and_counts_no_try_for_it(
        self, world: World, slow: SlowShops
    ) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        assert slow.sent == DeliveryTry.objects.count() == WebhookEndpoint.objects.filter(storefront="acme").count()
        jobs = Job.objects.filter(kind="payments.deliver_event")
        assert set(jobs.values_list("state", "attempts")) == {("done", 1)}

    def test_has_another_thread_go_on_after_some_in_a_row(
        self, world: World, slow: SlowShops, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker, "IN_A_ROW", 0)

        world.sell("cart-1", {"ann": "100.00"})

        assert slow.sent == WebhookEndpoint.objects.filter(storefront="acme").count()

    def test_lets_endpoints_that_take_nothing_wait(self, world: World, slow: SlowShops) -> None:
        WebhookEndpoint.objects.update(failing_since=timezone.now())
        world.sell("cart-1", {"ann": "100.00"})
        put_off = EventDelivery.objects.filter(state="waiting")
        assert put_off.exists()
        jobs = Job.objects.filter(kind="payments.deliver_event", state="todo")
        assert set(jobs.values_list("attempts", flat=True)) == {0}

        while put_off.exists():
            world.work(later=SOON)

        assert slow.sent == WebhookEndpoint.objects.filter(storefront="acme").count()

    def test_sends_what_is_repeated_where_there_is_but_one_place(
        self, world: World, slow: SlowShops, settings: Any
    ) -> None:
        settings.WEBHOOK_SENDS_AT_ONCE = 1
        WebhookEndpoint.objects.update(failing_since=timezone.now())
        world.sell("cart-1", {"ann": "100.00"})
        lost = EventDelivery.objects.filter(state="waiting").order_by("id")[0]
        job = Job.objects.get(key=lost.job_key)
        Job.objects.filter(pk=job.pk).update(state="doing", attempts=100, lease_until=timezone.now())
        run_job(job_id=job.pk, now=timezone.now())
        discard_job(job_id=job.pk, actor="user:oscar", reason="it kills the worker", now=timezone.now())
        event = f"/v1/events/{lost.event_id}/resend"

        assert world.shop.post(event, {"endpoint_id": lost.endpoint_id}, key="again").status_code == 202
        world.work()

        assert Job.objects.get(key=f"{lost.job_key}~2").state == "done"
