"""The inbox: verified, kept once, answered at once; what it means is found out afterwards."""

import hashlib
import hmac
import json
import time
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import requests

from ledger.selectors import count_entries, wallet
from operations.models import Job
from payments.models import Seller, WebhookEvent
from tests.committed import at_once, committed_db, committed_world, web
from tests.snapshot import nothing_changes
from tests.world import World

__all__ = ["committed_db", "committed_world", "web"]

URL = "/webhooks/stripe"


def event(**changes: Any) -> dict[str, Any]:
    """Return an event as the provider would send it."""
    about = {"id": "cs_unheard_of", "object": "checkout.session", "client_reference_id": "chk_unheard_of"}
    told = {"id": "evt_1", "created": int(time.time()), "type": "checkout.session.completed"}
    return {**told, "data": {"object": about}, **changes}


def signed(body: bytes, secret: str, *, at: float | None = None, scheme: str = "v1") -> str:
    """Return the signature header that the holder of a secret gives a body at a moment."""
    stamp = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},{scheme}={digest}"


def send(world: World, body: bytes, signature: str | None) -> Any:
    """POST a body to the inbox."""
    headers = {} if signature is None else {"Stripe-Signature": signature}
    return world.shop.client.post(URL, data=body, content_type="application/json", headers=headers)


def signed_event(world: World, **changes: Any) -> Any:
    """Send an event that the provider really signed."""
    body = json.dumps(event(**changes)).encode()
    return send(world, body, signed(body, world.webhook_secret))


class TestAForgery:
    def test_is_refused_and_nothing_of_it_is_kept(self, world: World) -> None:
        body, secret, now = json.dumps(event()).encode(), world.webhook_secret, time.time()
        good = signed(body, secret)
        forgeries = {
            "no signature": (body, None),
            "empty signature": (body, ""),
            "nonsense": (body, "nonsense"),
            "no timestamp": (body, good.split(",")[1]),
            "no digest": (body, good.split(",")[0]),
            "timestamp is no number": (body, "t=now," + good.split(",")[1]),
            "timestamp in other digits": (body, "t=١٢٣," + good.split(",")[1]),
            "timestamp in small digits": (body, "t=²," + good.split(",")[1]),
            "timestamp without end": (body, f"t={'9' * 5000}," + good.split(",")[1]),
            "timestamp of now behind one of tomorrow": (body, signed(body, secret, at=now + 86_400) + f",t={int(now)}"),
            "digest in other letters": (body, f"t={int(now)},v1=é"),
            "negative timestamp": (body, signed(body, secret, at=-1)),
            "another secret": (body, signed(body, "whsec_another")),
            "an empty secret": (body, signed(body, "")),
            "an older scheme": (body, signed(body, secret, scheme="v0")),
            "six minutes old": (body, signed(body, secret, at=now - 360)),
            "a day old": (body, signed(body, secret, at=now - 86_400)),
            "six minutes ahead": (body, signed(body, secret, at=now + 360)),
            "a day ahead": (body, signed(body, secret, at=now + 86_400)),
            "beyond all clocks": (body, signed(body, secret, at=10**17)),
            "another body": (body.replace(b"completed", b"expired"), good),
            "one byte more": (body + b" ", good),
            "another timestamp": (body, f"t={int(now) - 1}," + good.split(",")[1]),
            "digest cut short": (body, good[:-1]),
            "empty body": (b"", good),
            "binary body": (b"\xff\xfe\x00", signed(b"\xff\xfe\x00", secret)),
        }

        with nothing_changes():
            answers = {name: send(world, *forged).status_code for name, forged in forgeries.items()}

        assert answers == dict.fromkeys(forgeries, 400)

    def test_is_refused_unread_when_it_is_huge(self, world: World) -> None:
        body = b"[" + b" " * 300_000 + b"]"

        with nothing_changes():
            answer = send(world, body, signed(body, world.webhook_secret))

        assert answer.status_code == 413

    def test_is_refused_from_a_provider_that_nobody_knows(self, world: World) -> None:
        with nothing_changes():
            answer = world.shop.client.post("/webhooks/nobody", data=b"{}", content_type="application/json")

        assert answer.status_code == 404

    def test_is_refused_by_any_other_method(self, world: World) -> None:
        assert world.shop.client.get(URL).status_code == 405


class TestASignedMessage:
    def test_that_makes_no_sense_is_refused_and_not_kept(self, world: World) -> None:
        bodies = [
            b"nonsense",
            b"[]",
            b"null",
            b"{}",
            json.dumps(event(data=None)).encode(),
            json.dumps(event(data={"object": None})).encode(),
            json.dumps(event(data={"object": []})).encode(),
            json.dumps(event(id=None)).encode(),
            json.dumps(event(id=7)).encode(),
            json.dumps(event(type="")).encode(),
            json.dumps(event(id="evt_\x00")).encode(),
            json.dumps(event(data={"object": {"id": "\x00"}})).encode(),
            json.dumps(event(id="evt_\ud800")).encode(),
            json.dumps(event(created=10**30)).encode(),
            b"[" * 100_000,
        ]

        with nothing_changes():
            answers = [send(world, body, signed(body, world.webhook_secret)).status_code for body in bodies]

        assert answers == [400] * len(bodies)

    def test_is_kept_to_the_letter(self, world: World) -> None:
        body = json.dumps(event(), indent=3).encode()

        assert send(world, body, signed(body, world.webhook_secret)).status_code == 200

        row = WebhookEvent.objects.get(event_id="evt_1")
        assert (row.payload, row.state, row.object_id) == (body.decode(), "received", "cs_unheard_of")

    @pytest.mark.parametrize("type", ["checkout.session.completed", "charge.dispute.created", "refund.updated"])
    def test_of_what_happened_at_a_sellers_own_account_is_kept_and_makes_no_work(self, world: World, type: str) -> None:
        assert signed_event(world, type=type, account="acct_1").status_code == 200

        assert WebhookEvent.objects.get(event_id="evt_1").state == "ignored"
        assert not Job.objects.exists()

    def test_may_carry_several_signatures_while_a_secret_is_changed(self, world: World, settings: Any) -> None:
        settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", world.webhook_secret]

        assert signed_event(world).status_code == 200

    def test_of_a_kind_on_which_nothing_depends_is_kept_and_makes_no_work(self, world: World) -> None:
        before = Job.objects.count()

        assert signed_event(world, type="customer.tax_id.created").status_code == 200

        assert WebhookEvent.objects.get(event_id="evt_1").state == "ignored"
        assert Job.objects.count() == before

    def test_about_something_unheard_of_is_tried_again_and_ends_with_a_person(self, world: World) -> None:
        signed_event(world)
        world.work()
        assert Job.objects.get(kind="payments.handle_event").state == "todo"

        for hours in range(1, 81):
            world.work(later=timedelta(hours=hours))

        job = Job.objects.get(kind="payments.handle_event")
        assert (job.state, job.attempts) == ("dead", 80)
        kept = WebhookEvent.objects.get(event_id="evt_1")
        assert (kept.state, kept.waiting_for) == ("parked", "Not yet: the checkout cs_unheard_of is not known here yet")


class TestTheSameFact:
    """However often, in whatever order and under whatever name it is told, it is booked once."""

    def booked_once(self, world: World, ann: Seller) -> bool:
        found = wallet(seller=ann.id, currency="EUR").pending.text
        return (world.status("cart-1.ann"), found, count_entries()) == ("SUCCESS", "90.00", 2)

    def paid(self, world: World) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}))

    def test_told_twice(self, world: World, ann: Seller) -> None:
        self.paid(world)
        messages = world.provider.take_webhooks()

        for message in messages * 3:
            assert world.deliver(message).status_code == 200
            world.work()

        assert self.booked_once(world, ann)
        assert WebhookEvent.objects.count() == len({message["event"] for message in messages})

    def test_told_in_reverse(self, world: World, ann: Seller) -> None:
        self.paid(world)

        for message in reversed(world.provider.take_webhooks()):
            world.deliver(message)
            world.work()

        assert self.booked_once(world, ann)

    def test_told_under_a_new_event_id(self, world: World, ann: Seller) -> None:
        world.provider.plan([{"op": "webhook", "action": "webhook_new_event_id", "times": 0}])
        self.paid(world)

        world.settle()

        told = WebhookEvent.objects.filter(type="checkout.session.completed")
        assert len(told) == 2
        assert self.booked_once(world, ann)

    def test_told_days_after_the_poll_had_found_it(self, world: World, ann: Seller) -> None:
        self.paid(world)
        world.work(later=timedelta(minutes=3))
        world.provider.advance(3 * 86_400)

        world.settle()

        assert self.booked_once(world, ann)

    def test_told_before_the_payment_was_registered_here(self, world: World, ann: Seller) -> None:
        world.provider.plan([{"op": "checkout.session.create", "action": "timeout_after_commit"}])
        world.order("cart-1", {"ann": "100.00"})
        [session] = world.provider.ledger()["sessions"]
        world.buyer.pay(url=f"{world.provider.base_url}/c/pay/{session['id']}")
        world.deliver_webhooks()
        world.work()
        assert world.status("cart-1.ann") == "UNKNOWN"

        world.work(later=timedelta(seconds=30))
        world.work(later=timedelta(minutes=3))

        assert self.booked_once(world, ann)

    def test_told_twenty_times_at_once(self, committed_world: World, web: str) -> None:
        ann = committed_world.open_seller("ann")
        self.paid(committed_world)
        [message] = [m for m in committed_world.provider.take_webhooks() if m["type"] == "checkout.session.completed"]
        headers = {"Stripe-Signature": message["headers"]["Stripe-Signature"]}
        post = partial(requests.post, web + URL, data=message["body"].encode(), headers=headers, timeout=30)

        answers: list[requests.Response] = at_once([post] * 20)

        assert [a.status_code for a in answers] == [200] * 20
        assert WebhookEvent.objects.filter(event_id=message["event"]).count() == 1
        committed_world.work()
        assert self.booked_once(committed_world, ann)
