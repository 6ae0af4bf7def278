"""Alive and ready: what a load balancer and an operator ask."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

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
