"""Webhooks: signed, retried, held, disturbed as planned."""

import json
from typing import Any

import pytest
import stripe

from sandbox.control import SandboxControl


@pytest.fixture
def endpoint(shop: Any, inbox: Any) -> Any:
    """An endpoint that hears of payment intents only."""
    return shop.v1.webhook_endpoints.create(
        params={"url": inbox.url, "enabled_events": ["payment_intent.created", "payment_intent.canceled"]}
    )


def create(shop: Any) -> Any:
    return shop.v1.payment_intents.create(params={"amount": 1_000, "currency": "usd"})


class TestDelivery:
    def test_is_signed_with_the_endpoints_secret(self, shop: Any, inbox: Any, endpoint: Any, eventually: Any) -> None:
        intent = create(shop)

        headers, body = eventually(lambda: inbox.received)[0]

        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], endpoint.secret)
        assert (event.type, event.data.object["id"]) == ("payment_intent.created", intent.id)
        assert event.id == shop.v1.events.list().data[0].id

    def test_does_not_verify_with_another_secret_or_body(
        self, shop: Any, inbox: Any, endpoint: Any, eventually: Any
    ) -> None:
        create(shop)
        headers, body = eventually(lambda: inbox.received)[0]

        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, headers["Stripe-Signature"], "whsec_other")
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body + b" ", headers["Stripe-Signature"], endpoint.secret)

    def test_comes_again_after_a_failure(
        self, shop: Any, control: SandboxControl, inbox: Any, endpoint: Any, eventually: Any
    ) -> None:
        inbox.statuses = [500, 302]
        create(shop)
        eventually(lambda: len(inbox.received) >= 1 and any(item["attempts"] for item in control.webhooks()))

        # moving the clock brings the next attempts forward
        for attempt in (2, 3):
            control.advance(60)
            eventually(lambda expected=attempt: len(inbox.received) >= expected)

        bodies = {body for _, body in inbox.received}
        eventually(lambda: not control.webhooks())
        assert len(inbox.received) == 3
        assert len(bodies) == 1

    def test_is_only_of_the_types_asked_for(self, shop: Any, inbox: Any, endpoint: Any, eventually: Any) -> None:
        shop.paid()
        intent = create(shop)
        shop.v1.payment_intents.cancel(intent.id)

        eventually(lambda: len(inbox.received) == 3)

        assert sorted(inbox.types()) == ["payment_intent.canceled"] + 2 * ["payment_intent.created"]

    def test_stops_when_the_endpoint_is_disabled_or_deleted(
        self, shop: Any, control: SandboxControl, inbox: Any, endpoint: Any
    ) -> None:
        control.webhooks_manual()
        shop.v1.webhook_endpoints.update(endpoint.id, params={"disabled": True})
        create(shop)
        disabled = control.take_webhooks()

        shop.v1.webhook_endpoints.delete(endpoint.id)
        create(shop)

        assert disabled == []
        assert control.take_webhooks() == []
        assert shop.v1.webhook_endpoints.list().data == []

    def test_tells_the_secret_once_only(self, shop: Any, endpoint: Any) -> None:
        seen = shop.v1.webhook_endpoints.retrieve(endpoint.id)

        assert endpoint.secret.startswith("whsec_")
        assert "secret" not in seen.to_dict()

    def test_of_a_sellers_event_goes_to_connect_endpoints(self, shop: Any, control: SandboxControl) -> None:
        control.webhooks_manual()
        for connect in (True, False):
            shop.v1.webhook_endpoints.create(
                params={"url": f"http://{connect}/", "enabled_events": ["*"], "connect": connect}
            )

        account = shop.seller()

        held = control.take_webhooks()
        assert [item["url"] for item in held] == ["http://True/"]
        assert json.loads(held[0]["body"])["account"] == account.id


class TestManualMode:
    def test_holds_until_taken(self, shop: Any, control: SandboxControl, inbox: Any, endpoint: Any) -> None:
        control.webhooks_manual()
        create(shop)

        held = control.take_webhooks()

        event = stripe.Webhook.construct_event(held[0]["body"], held[0]["headers"]["Stripe-Signature"], endpoint.secret)
        assert event.type == "payment_intent.created"
        assert control.take_webhooks() == []
        assert inbox.received == []

    def test_sends_what_was_held_when_told_to(
        self, shop: Any, control: SandboxControl, inbox: Any, endpoint: Any, eventually: Any
    ) -> None:
        control.webhooks_manual()
        create(shop)

        queued = control.redeliver()

        eventually(lambda: inbox.received)
        assert queued == 1

    def test_holds_again_what_was_taken(self, shop: Any, control: SandboxControl, inbox: Any, endpoint: Any) -> None:
        control.webhooks_manual()
        create(shop)
        [held] = control.take_webhooks()

        assert control.hold_again() == 1

        assert [message["event"] for message in control.take_webhooks()] == [held["event"]]
        assert inbox.received == []

    def test_sends_one_event_again(
        self, shop: Any, control: SandboxControl, inbox: Any, endpoint: Any, eventually: Any
    ) -> None:
        create(shop)
        eventually(lambda: inbox.received and not control.webhooks())

        control.redeliver(event=inbox.events[0]["id"])

        eventually(lambda: len(inbox.received) == 2)
        assert inbox.received[0][1] == inbox.received[1][1]


class TestDisturbedDelivery:
    def take(self, shop: Any, control: SandboxControl, action: str, **rule: Any) -> list[Any]:
        control.webhooks_manual()
        control.plan([{"op": "webhook", "action": action, **rule}])
        create(shop)
        create(shop)
        return [json.loads(item["body"]) for item in control.take_webhooks()]

    def test_is_dropped(self, shop: Any, control: SandboxControl, endpoint: Any) -> None:
        events = self.take(shop, control, "webhook_drop")

        assert len(events) == 1
        assert len(shop.v1.events.list().data) == 2

    def test_is_duplicated(self, shop: Any, control: SandboxControl, endpoint: Any) -> None:
        events = self.take(shop, control, "webhook_duplicate", args={"copies": 2})

        assert len(events) == 4
        assert len({event["id"] for event in events}) == 2

    def test_is_reordered(self, shop: Any, control: SandboxControl, endpoint: Any) -> None:
        events = self.take(shop, control, "webhook_reorder")

        oldest_first = [event.id for event in reversed(shop.v1.events.list().data)]
        assert [event["id"] for event in events] == oldest_first[::-1]

    def test_comes_under_another_event_id(self, shop: Any, control: SandboxControl, endpoint: Any) -> None:
        events = self.take(shop, control, "webhook_new_event_id")

        first, twin = events[0], events[1]
        assert first["id"] != twin["id"]
        assert first["data"] == twin["data"]
        assert shop.v1.events.retrieve(twin["id"]).type == first["type"]

    def test_is_picked_by_type(self, shop: Any, control: SandboxControl, endpoint: Any) -> None:
        control.webhooks_manual()
        control.plan([{"op": "webhook:payment_intent.canceled", "action": "webhook_drop"}])
        shop.v1.payment_intents.cancel(create(shop).id)

        assert [item["type"] for item in control.take_webhooks()] == ["payment_intent.created"]

    def test_is_reordered_on_the_wire(
        self, shop: Any, control: SandboxControl, inbox: Any, endpoint: Any, eventually: Any
    ) -> None:
        control.plan([{"op": "webhook", "action": "webhook_reorder"}])
        first, second = create(shop), create(shop)

        eventually(lambda: len(inbox.received) == 2)

        assert [event["data"]["object"]["id"] for event in inbox.events] == [second.id, first.id]

    def test_is_late(self, shop: Any, control: SandboxControl, inbox: Any, endpoint: Any, eventually: Any) -> None:
        control.plan([{"op": "webhook", "action": "webhook_delay", "args": {"s": 3_600}}])
        late, prompt = create(shop), create(shop)
        eventually(lambda: len(inbox.received) == 1)

        control.advance(3_601)

        eventually(lambda: len(inbox.received) == 2)
        assert [event["data"]["object"]["id"] for event in inbox.events] == [prompt.id, late.id]
