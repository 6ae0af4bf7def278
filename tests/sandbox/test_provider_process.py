"""The process: quick to start, quick to stop, hard to break; its clock and its log of calls."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from sandbox.control import ControlRefused, SandboxControl
from sandbox.process import NotReady, RunningProvider, free_port, start
from sandbox.storefront.buyer import Buyer

DAY_S = 86_400
FORM = {"amount": "1000", "currency": "usd"}
HEADERS = {"Authorization": "Bearer sk_test_x"}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningProvider]:
    """A provider that a test may stop or kill."""
    provider = start(port=free_port(), store=tmp_path / "own.sqlite3").wait_ready()
    yield provider
    provider.stop()


def again(provider: RunningProvider) -> RunningProvider:
    """Start a provider on the store of another one."""
    return start(port=free_port(), store=provider.store).wait_ready()


class TestStart:
    def test_answers_soon(self, tmp_path: Path) -> None:
        started = time.monotonic()

        provider = start(port=free_port(), store=tmp_path / "p.sqlite3").wait_ready()

        took = time.monotonic() - started
        provider.stop()
        # 1.5 s on an idle machine; the rest is for busy ones
        assert took < 5

    def test_says_in_one_sentence_that_the_port_is_taken(self, own: RunningProvider, tmp_path: Path) -> None:
        port = own.base_url.rsplit(":", 1)[1]

        done = subprocess.run(
            [sys.executable, "-m", "sandbox.provider", "--port", port, "--store", str(tmp_path / "p.sqlite3")],
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            timeout=20,
        )

        assert done.returncode == 1
        assert done.stderr == f"Choose another --port: 127.0.0.1:{port} cannot be opened (Address already in use).\n"

    def test_says_in_one_sentence_that_the_store_is_no_database(self, tmp_path: Path) -> None:
        store = tmp_path / "p.sqlite3"
        store.write_bytes(b"not a database at all" * 100)

        with pytest.raises(NotReady) as refused:
            start(port=free_port(), store=store).wait_ready()

        assert refused.value.output.startswith("Choose another --store: ")
        assert len(refused.value.output.splitlines()) == 1

    def test_keeps_off_the_store_of_another_one(self, own: RunningProvider) -> None:
        with pytest.raises(NotReady) as refused:
            start(port=free_port(), store=own.store, log=own.store.with_suffix(".second")).wait_ready()

        assert "database is locked" in refused.value.output
        assert own.control.health()["status"] == "ok"

    def test_asks_for_the_secret_of_its_webhooks(self, tmp_path: Path) -> None:
        with pytest.raises(NotReady) as refused:
            start(port=free_port(), store=tmp_path / "p.sqlite3", webhook_url="http://127.0.0.1:1/").wait_ready()

        assert refused.value.output.startswith("Give a --webhook-secret too")

    def test_announces_to_the_address_it_was_given(self, tmp_path: Path, inbox: Any, eventually: Any) -> None:
        provider = start(
            port=free_port(), store=tmp_path / "p.sqlite3", webhook_url=inbox.url, webhook_secret="whsec_given"
        ).wait_ready()
        provider.control.reset()

        requests.post(provider.base_url + "/v1/payment_intents", data=FORM, headers=HEADERS, timeout=5)

        headers, body = eventually(lambda: inbox.received)[0]
        provider.stop()
        assert stripe.Webhook.construct_event(body, headers["Stripe-Signature"], "whsec_given")


class TestStop:
    @pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
    def test_is_clean_within_two_seconds(self, own: RunningProvider, signum: int) -> None:
        own.process.send_signal(signum)
        started = time.monotonic()

        code = own.process.wait(5)

        assert code == 0
        assert time.monotonic() - started < 2
        assert own.log.read_text() == ""

    def test_does_not_wait_for_a_hanging_answer(self, own: RunningProvider, eventually: Any) -> None:
        own.control.plan([{"op": "balance.retrieve", "action": "timeout_after_commit", "args": {"hang_s": 60}}])
        hanging = threading.Thread(target=self._hang, args=(own.base_url,))
        hanging.start()
        eventually(lambda: own.control.planned()["rules"][0]["fired"])

        code = own.stop()

        hanging.join(5)
        assert code == 0
        assert not hanging.is_alive()

    def _hang(self, base_url: str) -> None:
        with pytest.raises(requests.ConnectionError):
            requests.get(base_url + "/v1/balance", headers=HEADERS, timeout=30)


class TestKill:
    def test_loses_nothing_that_was_answered(self, own: RunningProvider) -> None:
        acknowledged: list[str] = []

        def trade() -> None:
            client = stripe.StripeClient("sk_test_x", base_addresses={"api": own.base_url})
            try:
                while True:
                    params: Any = {
                        "amount": 1_000,
                        "currency": "usd",
                        "confirm": True,
                        "payment_method": "pm_card_visa",
                    }
                    acknowledged.append(client.v1.payment_intents.create(params=params).id)
            except (stripe.StripeError, ValueError):
                return

        threads = [threading.Thread(target=trade) for _ in range(3)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 30:
            time.sleep(0.01)
        own.kill()
        for thread in threads:
            thread.join(10)

        provider = again(own)
        ledger = provider.control.ledger()
        provider.stop()
        kept = {intent["id"]: intent for intent in ledger["payment_intents"]}
        assert set(acknowledged) <= kept.keys()
        # no half of a payment: each charge has its intent, its money and its events
        assert all(intent["status"] == "succeeded" for intent in kept.values())
        assert ledger["totals"]["usd"]["net"] == len(kept) * (1_000 - 59)

    def test_keeps_clock_timers_and_keys(self, own: RunningProvider) -> None:
        url = own.base_url + "/v1/payment_intents"
        first = requests.post(url, data=FORM, headers={**HEADERS, "Idempotency-Key": "k1"}, timeout=5)
        client = stripe.StripeClient("sk_test_x", base_addresses={"api": own.base_url})
        line: Any = {"currency": "usd", "unit_amount": 900, "product_data": {"name": "Cup"}}
        session = client.v1.checkout.sessions.create(
            params={"mode": "payment", "success_url": "https://shop.example", "line_items": [{"price_data": line}]}
        )
        own.control.advance(3_600)
        moment = own.control.clock()
        own.kill()

        provider = again(own)
        url = provider.base_url + "/v1/payment_intents"
        second = requests.post(url, data=FORM, headers={**HEADERS, "Idempotency-Key": "k1"}, timeout=5)
        later = provider.control.clock()
        provider.control.advance(DAY_S)
        sessions = provider.control.ledger()["sessions"]
        provider.stop()

        assert second.json()["id"] == first.json()["id"]
        assert 0 <= later - moment < 60
        assert [(item["id"], item["status"]) for item in sessions] == [(session.id, "expired")]


class TestClock:
    def test_stands_still_when_frozen(self, control: SandboxControl) -> None:
        control.freeze()

        before = control.clock()

        assert control.advance(10) == before + 10
        assert control.clock() == before + 10

    def test_goes_anywhere_while_nothing_happened(self, control: SandboxControl, shop: Any) -> None:
        black_friday = 1_511_481_600
        control.set_clock(black_friday)

        intent = shop.paid()

        assert 0 <= intent.created - black_friday < 60

    def test_never_goes_back_over_what_happened(self, control: SandboxControl, shop: Any) -> None:
        shop.paid()

        with pytest.raises(ControlRefused, match="Reset the provider"):
            control.set_clock(control.clock() - 100)

    def test_fires_in_order_each_at_its_own_moment(self, control: SandboxControl, shop: Any) -> None:
        shop.paid(card="4000000000000077")
        payout = shop.v1.payouts.create(params={"amount": 500, "currency": "usd"})
        shop.session(expires_at=control.clock() + 3_000)

        control.advance(3 * DAY_S)

        events = {event.type: event.created for event in shop.v1.events.list(params={"limit": 100}).data}
        assert events["checkout.session.expired"] < events["payout.updated"] <= events["payout.paid"]
        assert events["payout.paid"] == payout.arrival_date

    @pytest.mark.parametrize("body", [{"advance_s": "1"}, {"hours": 1}, {"set": None}])
    def test_refuses_a_strange_command(self, shop: Any, body: Any) -> None:
        answer = requests.post(shop.base_url + "/_clock", json=body, timeout=5)

        assert answer.status_code == 400
        assert answer.json()["error"].startswith("Send ")


class TestControlSurface:
    def test_logs_the_calls(self, control: SandboxControl, shop: Any) -> None:
        shop.raw("POST", "/v1/payment_intents", FORM, Idempotency_Key="k1")
        shop.raw("POST", "/v1/payment_intents", FORM, Idempotency_Key="k1")
        shop.raw("GET", "/v1/charges/ch_none")

        told = [(call["method"], call["path"], call["idempotency_key"], call["status"]) for call in control.calls()]

        assert told == [
            ("POST", "/v1/payment_intents", "k1", 200),
            ("POST", "/v1/payment_intents", "k1", 200),
            ("GET", "/v1/charges/ch_none", None, 404),
        ]
        assert [call["replayed"] for call in control.calls()] == [False, True, False]

    def test_forgets_everything_on_reset(self, control: SandboxControl, shop: Any) -> None:
        shop.paid()
        control.plan([{"op": "*", "action": "drop"}])

        control.reset()

        ledger = control.ledger()
        assert (ledger["charges"], ledger["sessions"], ledger["totals"]) == ([], [], {})
        assert shop.v1.balance.retrieve().available[0].amount == 0

    def test_knows_every_order_by_the_merchants_reference(self, control: SandboxControl, shop: Any) -> None:
        shop.paid(client_reference_id="order-7", amount=777)
        shop.session(client_reference_id="order-8")

        ledger = control.ledger()

        assert [(item["client_reference_id"], item["amount_captured"]) for item in ledger["charges"]] == [
            ("order-7", 777)
        ]
        assert len(ledger["live_payable_sessions"]) == 1

    def test_is_closed_to_other_hosts(self, shop: Any) -> None:
        answer = requests.get(shop.base_url + "/_ledger", headers={"Host": "evil.example"}, timeout=5)

        assert answer.status_code == 403

    @pytest.mark.parametrize(
        ("path", "body"),
        [("/_payouts/po_none", "{}"), ("/_nothing", "{}"), ("/_webhooks", '{"mode": "x"}'), ("/_plan", "{")],
    )
    def test_answers_nonsense_with_a_sentence(self, shop: Any, path: str, body: str) -> None:
        answer = requests.post(shop.base_url + path, data=body, timeout=5)

        assert answer.status_code in (400, 404)
        assert re.fullmatch(r"[A-Z].+\.", answer.json()["error"].splitlines()[0])


class TestConcurrency:
    def test_takes_the_money_once_when_many_pay_one_session(self, control: SandboxControl, shop: Any) -> None:
        session = shop.session()
        outcomes: list[str] = []
        threads = [
            threading.Thread(target=lambda: outcomes.append(Buyer().pay(url=session.url).status)) for _ in range(8)
        ]

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

        charges = control.ledger()["charges"]
        assert set(outcomes) <= {"paid", "closed"}
        assert len(outcomes) == 8
        assert len(charges) == 1
