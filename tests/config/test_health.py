"""Alive and ready: what a load balancer and an operator ask."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from config.wiring import ALERTS
from ledger.services import verify_books
from operations.edges import money_tx
from operations.services import enqueue, pull_switch


def ready(client: Client) -> dict[str, Any]:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


class TestAlive:
    def test_needs_no_database(self, client: Client) -> None:
        answer = client.get("/healthz")

        assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
        assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
class TestReady:
    def test_says_how_an_idle_system_is(self, client: Client) -> None:
        assert ready(client) == {
            "status": "ready",
            "jobs": {"due": 0, "dead": 0, "oldest_due_age_s": 0, "stalled": False},
            "books": None,
            "stopped": [],
        }

    @pytest.mark.parametrize(("minutes", "stalled"), [(1, False), (3, True)])
    def test_says_when_nobody_does_the_work(self, client: Client, minutes: int, stalled: bool) -> None:
        due = timezone.now() - timedelta(minutes=minutes)
        with money_tx("test"):
            enqueue(kind="payouts.send_payout", key="pay_1", args={"payout": "pay_1"}, run_at=due)

        jobs = ready(client)["jobs"]

        assert (jobs["due"], jobs["stalled"]) == (1, stalled)
        assert jobs["oldest_due_age_s"] >= minutes * 60

    def test_says_that_the_books_are_red_and_payouts_stopped(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ledger.proof.GUARDS", ("a_guard_that_somebody_dropped",))
        verify_books(actor="system:test", now=timezone.now())

        body = ready(client)

        assert (body["books"]["proved"], body["stopped"]) == (False, ["payouts"])

    @pytest.mark.parametrize(("minutes", "overdue"), [(119, False), (121, True)])
    def test_says_when_the_hourly_proof_did_not_run(self, client: Client, minutes: int, overdue: bool) -> None:
        verify_books(actor="system:test", now=timezone.now() - timedelta(minutes=minutes))

        books = ready(client)["books"]

        assert (books["proved"], books["overdue"]) == (True, overdue)

    def test_says_which_switches_are_pulled(self, client: Client) -> None:
        pull_switch(name="refunds", reason="an audit", actor="user:anna", now=timezone.now())

        assert ready(client)["stopped"] == ["refunds"]

    def test_is_not_while_the_database_does_not_answer(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def down(**_: Any) -> None:
            raise OperationalError("connection refused")

        monkeypatch.setattr("config.health.queue_health", down)

        answer = client.get("/readyz")

        assert (answer.status_code, answer.json()) == (503, {"status": "no database"})


@pytest.mark.django_db
class TestTheStatus:
    def test_is_not_for_everybody(self, client: Client, settings: Any) -> None:
        settings.STATUS_TOKEN = "a token of a monitor"

        assert client.get("/statusz").status_code == 401
        assert client.get("/statusz", headers={"Authorization": "Bearer another"}).status_code == 401

    def test_is_for_nobody_without_a_token_of_our_own(self, client: Client) -> None:
        assert client.get("/statusz", headers={"Authorization": "Bearer "}).status_code == 401

    def test_tells_a_monitor_what_is_watched_and_how_the_providers_do(self, client: Client, settings: Any) -> None:
        settings.STATUS_TOKEN = "a token of a monitor"

        answer = client.get("/statusz", headers={"Authorization": "Bearer a token of a monitor"})

        body = answer.json()
        assert (answer.status_code, body["status"], "no-store" in answer["Cache-Control"]) == (200, "well", True)
        assert {alert["code"] for alert in body["alerts"]} == set(ALERTS)
        assert [(one["psp"], one["verdict"]) for one in body["providers"]] == [("stripe", "idle")]

    def test_tells_that_somebody_should_look_and_is_no_reason_to_take_us_out_of_service(
        self, client: Client, settings: Any
    ) -> None:
        settings.STATUS_TOKEN, settings.ALERT_JOB_MINUTES = "a token of a monitor", 1
        with money_tx("test.job"):
            enqueue(kind="payouts.release_again", key="1", args={}, run_at=timezone.now() - timedelta(minutes=2))

        answer = client.get("/statusz", headers={"Authorization": "Bearer a token of a monitor"})

        assert (answer.status_code, answer.json()["status"]) == (200, "look")
        assert client.get("/readyz").status_code == 200
