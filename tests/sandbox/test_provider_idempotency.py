"""Idempotency keys, as the real service documents them."""

import threading
from typing import Any

import pytest
import stripe

from sandbox.control import SandboxControl

URL = "/v1/payment_intents"
FORM = {"amount": "1000", "currency": "usd"}


class TestKey:
    def test_replays_status_and_body(self, shop: Any) -> None:
        first = shop.raw("POST", URL, FORM, Idempotency_Key="k1")
        second = shop.raw("POST", URL, FORM, Idempotency_Key="k1")

        assert second.content == first.content
        assert "Idempotent-Replayed" not in first.headers
        assert second.headers["Idempotent-Replayed"] == "true"
        assert second.headers["Request-Id"] != first.headers["Request-Id"]
        assert len(shop.v1.payment_intents.list().data) == 1

    def test_is_not_shared_by_other_keys(self, shop: Any) -> None:
        first = shop.raw("POST", URL, FORM, Idempotency_Key="k1")
        second = shop.raw("POST", URL, FORM, Idempotency_Key="k2")

        assert first.json()["id"] != second.json()["id"]

    def test_refuses_other_parameters(self, shop: Any) -> None:
        shop.v1.payment_intents.create(params={"amount": 1_000, "currency": "usd"}, options={"idempotency_key": "k1"})

        with pytest.raises(stripe.IdempotencyError) as refused:
            shop.v1.payment_intents.create(
                params={"amount": 1_001, "currency": "usd"}, options={"idempotency_key": "k1"}
            )

        assert refused.value.http_status == 400
        problem: Any = refused.value.error
        assert problem.type == "idempotency_error"

    def test_does_not_care_about_the_order_of_parameters(self, shop: Any) -> None:
        first = shop.raw("POST", URL, "amount=1000&currency=usd", Idempotency_Key="k1")
        second = shop.raw("POST", URL, "currency=usd&amount=1000", Idempotency_Key="k1")

        assert first.json()["id"] == second.json()["id"]

    def test_forgets_parameters_that_were_refused(self, shop: Any) -> None:
        refused = shop.raw("POST", URL, {"amount": "1000"}, Idempotency_Key="k1")
        accepted = shop.raw("POST", URL, FORM, Idempotency_Key="k1")

        assert (refused.status_code, accepted.status_code) == (400, 200)

    def test_keeps_a_declined_card(self, shop: Any) -> None:
        form = {**FORM, "confirm": "true", "payment_method": "pm_card_chargeDeclined"}

        first = shop.raw("POST", URL, form, Idempotency_Key="k1")
        second = shop.raw("POST", URL, form, Idempotency_Key="k1")

        assert (first.status_code, second.status_code) == (402, 402)
        assert second.headers["Idempotent-Replayed"] == "true"
        assert len(shop.v1.charges.list().data) == 1

    def test_keeps_a_refusal_that_came_while_executing(self, shop: Any, control: SandboxControl) -> None:
        form = {"amount": "100", "currency": "usd", "destination": shop.seller().id}
        first = shop.raw("POST", "/v1/transfers", form, Idempotency_Key="k1")
        shop.paid(card="4000000000000077")

        second = shop.raw("POST", "/v1/transfers", form, Idempotency_Key="k1")

        assert first.json()["error"]["code"] == "balance_insufficient"
        assert second.content == first.content
        assert control.ledger()["transfers"] == []

    def test_replays_a_500_though_the_work_was_done(self, shop: Any, control: SandboxControl) -> None:
        control.plan([{"op": "payment_intent.create", "action": "error_5xx", "args": {"when": "after"}}])

        first = shop.raw("POST", URL, FORM, Idempotency_Key="k1")
        second = shop.raw("POST", URL, FORM, Idempotency_Key="k1")

        assert (first.status_code, second.status_code) == (500, 500)
        assert second.headers["Idempotent-Replayed"] == "true"
        assert len(control.ledger()["payment_intents"]) == 1

    def test_replays_a_500_of_work_that_was_undone(self, shop: Any, control: SandboxControl) -> None:
        control.plan([{"op": "payment_intent.create", "action": "error_5xx", "args": {"when": "during"}}])

        first = shop.raw("POST", URL, FORM, Idempotency_Key="k1")
        second = shop.raw("POST", URL, FORM, Idempotency_Key="k1")

        assert (first.status_code, second.status_code) == (500, 500)
        assert control.ledger()["payment_intents"] == []

    def test_gets_409_while_the_first_request_runs(self, shop: Any, control: SandboxControl, eventually: Any) -> None:
        control.plan([{"op": "payment_intent.create", "action": "delay", "args": {"s": 1}}])
        answers: list[Any] = []
        slow = threading.Thread(target=lambda: answers.append(shop.raw("POST", URL, FORM, Idempotency_Key="k1")))
        slow.start()
        eventually(lambda: control.planned()["rules"][0]["fired"] == 1)

        meanwhile = shop.raw("POST", URL, FORM, Idempotency_Key="k1")

        slow.join()
        afterwards = shop.raw("POST", URL, FORM, Idempotency_Key="k1")
        assert (meanwhile.status_code, meanwhile.json()["error"]["code"]) == (409, "idempotency_key_in_use")
        assert answers[0].status_code == 200
        assert afterwards.json()["id"] == answers[0].json()["id"]

    def test_may_have_255_characters(self, shop: Any) -> None:
        longest = shop.raw("POST", URL, FORM, Idempotency_Key="k" * 255)
        longer = shop.raw("POST", URL, FORM, Idempotency_Key="k" * 256)

        assert (longest.status_code, longer.status_code) == (200, 400)

    def test_is_forgotten_after_a_day_of_the_providers_clock(self, shop: Any, control: SandboxControl) -> None:
        first = shop.raw("POST", URL, FORM, Idempotency_Key="k1")
        control.advance(86_000)
        within = shop.raw("POST", URL, FORM, Idempotency_Key="k1")
        control.advance(401)
        after = shop.raw("POST", URL, FORM, Idempotency_Key="k1")

        assert within.json()["id"] == first.json()["id"]
        assert after.json()["id"] != first.json()["id"]

    def test_belongs_to_one_account(self, shop: Any) -> None:
        account = shop.seller()

        own = shop.raw("POST", URL, FORM, Idempotency_Key="k1")
        sellers = shop.raw("POST", URL, FORM, Idempotency_Key="k1", Stripe_Account=account.id)

        assert own.json()["id"] != sellers.json()["id"]

    def test_is_told_to_the_events(self, shop: Any) -> None:
        shop.raw("POST", URL, FORM, Idempotency_Key="k1")

        assert shop.v1.events.list().data[0].request.idempotency_key == "k1"
