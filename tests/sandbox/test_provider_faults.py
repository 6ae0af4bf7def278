"""The fault plan, as its victim sees it."""

import time
from typing import Any

import pytest
import requests
import stripe
from urllib3.exceptions import HTTPError

from sandbox.control import ControlRefused, SandboxControl
from sandbox.storefront.buyer import Buyer

URL = "/v1/payment_intents"
FORM = {"amount": "1000", "currency": "usd"}
OP = "payment_intent.create"


class TestCallFault:
    def test_drops_before_processing(self, shop: Any, control: SandboxControl) -> None:
        control.plan([{"op": OP, "action": "drop"}])

        with pytest.raises(requests.ConnectionError):
            shop.raw("POST", URL, FORM, Idempotency_Key="k1")

        assert control.ledger()["payment_intents"] == []
        assert shop.raw("POST", URL, FORM, Idempotency_Key="k1").status_code == 200

    def test_cuts_after_processing(self, shop: Any, control: SandboxControl) -> None:
        control.plan([{"op": OP, "action": "timeout_after_commit"}])

        with pytest.raises(requests.ConnectionError):
            shop.raw("POST", URL, FORM, Idempotency_Key="k1")

        done = control.ledger()["payment_intents"]
        again = shop.raw("POST", URL, FORM, Idempotency_Key="k1")
        assert [intent["id"] for intent in done] == [again.json()["id"]]

    def test_hangs_after_processing(self, shop: Any, control: SandboxControl) -> None:
        control.plan([{"op": OP, "action": "timeout_after_commit", "args": {"hang_s": 30}}])

        with pytest.raises(requests.Timeout):
            requests.post(shop.base_url + URL, data=FORM, headers={"Authorization": "Bearer sk_test_x"}, timeout=0.3)

        assert len(control.ledger()["payment_intents"]) == 1

    def test_delays(self, shop: Any, control: SandboxControl) -> None:
        control.plan([{"op": OP, "action": "delay", "args": {"s": 0.3}}])
        started = time.monotonic()

        answer = shop.raw("POST", URL, FORM)

        assert answer.status_code == 200
        assert time.monotonic() - started >= 0.3

    @pytest.mark.parametrize(
        ("action", "args", "status", "code"),
        [
            ("error_429", {"retry_after_s": 7}, 429, "rate_limit"),
            ("error_409", {"retry_after_s": 7}, 409, "idempotency_key_in_use"),
            ("error_503", {"retry_after_s": 7}, 503, None),
            ("error_5xx", {"when": "before", "status": 502, "retry_after_s": 7}, 502, None),
        ],
    )
    def test_answers_an_error_before_processing(
        self, shop: Any, control: SandboxControl, action: str, args: dict[str, Any], status: int, code: str | None
    ) -> None:
        control.plan([{"op": OP, "action": action, "args": args}])

        first = shop.raw("POST", URL, FORM, Idempotency_Key="k1")
        second = shop.raw("POST", URL, FORM, Idempotency_Key="k1")

        assert (first.status_code, first.headers["Retry-After"]) == (status, "7")
        assert first.json()["error"].get("code") == code
        assert second.status_code == 200
        assert "Idempotent-Replayed" not in second.headers

    # bytes that are no UTF-8 break the SDK's own logging before it can raise an error of its own
    @pytest.mark.parametrize(("action", "error"), [("garbage", UnicodeDecodeError), ("html", stripe.APIError)])
    def test_answers_nonsense_after_processing(
        self, shop: Any, control: SandboxControl, action: str, error: type[Exception]
    ) -> None:
        control.plan([{"op": OP, "action": action}])

        with pytest.raises(error):
            shop.v1.payment_intents.create(params={"amount": 1_000, "currency": "usd"})

        assert len(control.ledger()["payment_intents"]) == 1

    def test_truncates_the_answer(self, shop: Any, control: SandboxControl) -> None:
        control.plan([{"op": OP, "action": "truncated"}])

        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            shop.raw("POST", URL, FORM)

        assert len(control.ledger()["payment_intents"]) == 1

    def test_lies_about_the_amount(self, shop: Any, control: SandboxControl) -> None:
        control.plan([{"op": OP, "action": "wrong_amount", "args": {"delta_minor": -1}}])

        told = shop.raw("POST", URL, FORM).json()

        assert told["amount"] == 999
        assert shop.v1.payment_intents.retrieve(told["id"]).amount == 1_000

    def test_hits_the_page_too(self, shop: Any, control: SandboxControl) -> None:
        session = shop.session()
        control.plan([{"op": "page.pay.post", "action": "timeout_after_commit"}])

        with pytest.raises(HTTPError):
            shop.pay(session)

        assert shop.look(session).payment_status == "paid"


class TestRule:
    def test_waits_for_the_nth_match(self, shop: Any, control: SandboxControl) -> None:
        control.plan([{"op": OP, "action": "error_503", "nth": 2}])

        statuses = [shop.raw("POST", URL, FORM).status_code for _ in range(3)]

        assert statuses == [200, 503, 200]

    def test_repeats_as_often_as_told(self, shop: Any, control: SandboxControl) -> None:
        control.plan([{"op": "payment_intent.*", "action": "error_503", "times": 2}])

        statuses = [shop.raw("POST", URL, FORM).status_code for _ in range(3)]

        assert statuses == [503, 503, 200]

    def test_picks_a_call_by_reference(self, shop: Any, control: SandboxControl) -> None:
        control.plan([{"op": "*", "action": "error_503", "ref": "order-7", "times": 0}])

        hit = shop.raw("POST", URL, {**FORM, "metadata[order]": "order-7"})
        missed = shop.raw("POST", URL, {**FORM, "metadata[order]": "order-8"})

        assert (hit.status_code, missed.status_code) == (503, 200)

    def test_picks_a_call_by_parameter(self, shop: Any, control: SandboxControl) -> None:
        control.plan([{"op": OP, "action": "error_503", "match": {"metadata.order": "7"}, "times": 0}])

        hit = shop.raw("POST", URL, {**FORM, "metadata[order]": "7"})
        missed = shop.raw("POST", URL, {**FORM, "metadata[order]": "8"})

        assert (hit.status_code, missed.status_code) == (503, 200)

    @pytest.mark.parametrize(
        "rule",
        [
            {"op": OP, "action": "explode"},
            {"op": OP, "action": "drop", "colour": "red"},
            {"op": OP, "action": "drop", "nth": "2"},
            {"op": OP},
            "drop everything",
        ],
    )
    def test_that_makes_no_sense_is_refused(self, control: SandboxControl, rule: Any) -> None:
        with pytest.raises(ControlRefused) as refused:
            control.plan([rule])

        assert refused.value.status == 400
        assert control.planned()["rules"] == []


class TestSeed:
    def test_gives_the_same_faults_again(self, shop: Any, control: SandboxControl) -> None:
        def outcomes() -> list[str]:
            control.reset()
            control.plan(seed=7, rate_percent=50)
            seen = []
            for _ in range(12):
                try:
                    seen.append(str(shop.raw("POST", URL, FORM).status_code))
                except requests.RequestException as error:
                    seen.append(type(error).__name__)
            return seen

        first, second = outcomes(), outcomes()

        assert first == second
        assert len(set(first)) > 2

    def test_never_makes_the_provider_itself_wrong(self, shop: Any, control: SandboxControl) -> None:
        control.plan(seed=3, rate_percent=40)
        buyer = Buyer()
        for number in range(10):
            try:
                session = shop.session(client_reference_id=f"order-{number}")
                buyer.pay(url=session.url)
            except (stripe.StripeError, HTTPError):
                continue

        ledger = control.ledger()

        captured = sum(charge["amount_captured"] for charge in ledger["charges"])
        assert captured == ledger["totals"].get("usd", {"captured": 0})["captured"]
        assert captured == 10_000 * sum(session["payment_status"] == "paid" for session in ledger["sessions"])
