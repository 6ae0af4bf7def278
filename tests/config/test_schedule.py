"""What the clock of the system sets off, and how often."""

from datetime import timedelta

import pytest

from config.celery import app
from ledger import tasks
from ledger.selectors import latest_proof
from operations.selectors import stopped_switches

SCHEDULE = app.conf.beat_schedule


class TestTheSchedule:
    def test_names_only_tasks_that_there_are(self) -> None:
        app.loader.import_default_modules()

        assert {entry["task"] for entry in SCHEDULE.values()} <= set(app.tasks)

    def test_proves_the_books_every_hour_and_everything_every_night(self) -> None:
        proofs = {
            bool(entry.get("kwargs", {}).get("full")): entry["schedule"]
            for entry in SCHEDULE.values()
            if entry["task"] == tasks.verify_books.name
        }

        assert timedelta(seconds=proofs[False]) == timedelta(hours=1)
        assert (proofs[True].hour, proofs[True].minute) == ({4}, {40})


@pytest.mark.django_db
class TestTheProofTask:
    @pytest.mark.parametrize("full", [False, True])
    def test_keeps_its_verdict_and_stops_payouts_when_it_is_red(
        self, full: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tasks.verify_books(full=full)
        proof = latest_proof()
        assert proof is not None
        assert proof.green
        assert stopped_switches() == []

        monkeypatch.setattr("ledger.proof.GUARDS", ("ledger_account a_guard_that_somebody_dropped",))
        tasks.verify_books(full=full)

        proof = latest_proof()
        assert proof is not None
        assert not proof.green
        assert stopped_switches() == ["payouts"]
