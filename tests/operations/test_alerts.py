"""Figures that are watched: a question opens once where one is wrong, and closes by itself."""

import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from config import wiring
from operations import switchboard
from operations.edges import money_tx
from operations.models import HumanTask, Job
from operations.services import Reading, ask_person, close_task, enqueue, read_alerts, review_alerts

pytestmark = pytest.mark.django_db

DEAD = "operations.dead_letters"


def job(state: str = "dead", *, waits: timedelta = timedelta(0)) -> Job:
    with money_tx("test.job"):
        enqueue(kind="payouts.release_again", key="1", args={}, run_at=timezone.now() - waits)
    if state == "dead":
        Job.objects.update(state="doing")
    Job.objects.update(state=state)
    return Job.objects.get()


def wrong() -> list[str]:
    return [alert.code for alert in read_alerts(now=timezone.now()) if alert.reading.wrong]


class TestAnIdleSystem:
    def test_has_nothing_wrong_and_reads_everything(self) -> None:
        found = read_alerts(now=timezone.now())

        assert {alert.code for alert in found} == set(wiring.ALERTS)
        assert wrong() == []


class TestAWrongFigure:
    def test_opens_one_question_and_is_logged_as_an_error_once(self, caplog: pytest.LogCaptureFixture) -> None:
        job()

        assert [review_alerts(now=timezone.now()) for _ in range(2)] == [(1, 0), (0, 0)]

        task = HumanTask.objects.get()
        assert (task.kind, task.subject, task.state) == (DEAD, "jobs:dead", "open")
        assert task.reason == "1 job is a dead letter (alert from 1)"
        errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        assert errors == [f"alert {DEAD} opened on jobs:dead: {task.reason}"]

    def test_is_told_in_the_number_that_it_is_of(self) -> None:
        job()
        Job.objects.create(kind="payouts.release_again", key="2", args={}, next_at=timezone.now())
        Job.objects.filter(key="2").update(state="doing")
        Job.objects.filter(key="2").update(state="dead")

        [dead] = [alert for alert in read_alerts(now=timezone.now()) if alert.code == DEAD]

        assert dead.reading.text == "2 jobs are dead letters"

    def test_closes_its_question_when_it_is_right_again(self) -> None:
        found = job()
        review_alerts(now=timezone.now())
        Job.objects.filter(pk=found.pk).update(state="discarded")

        assert review_alerts(now=timezone.now()) == (0, 1)
        assert HumanTask.objects.get().state == "settled"

    def test_asks_again_after_a_person_closed_the_question(self) -> None:
        job()
        review_alerts(now=timezone.now())
        close_task(task_id=HumanTask.objects.get().pk, actor="user:olga", note="not now", now=timezone.now())

        assert review_alerts(now=timezone.now()) == (1, 0)

    def test_leaves_other_questions_alone(self) -> None:
        with money_tx("test.ask"):
            ask_person(kind="payments.stuck", subject="checkout:1", reason="", waits_for="operator", now=timezone.now())

        assert review_alerts(now=timezone.now()) == (0, 0)

    def test_is_what_cannot_be_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(wiring.ALERTS, "test.broken", "tests.operations.test_alerts.broken")
        switchboard.answerer.cache_clear()

        [alert] = [alert for alert in read_alerts(now=timezone.now()) if alert.code == "test.broken"]

        assert (alert.reading.wrong, alert.reading.subject) == (True, "alert:test.broken")
        assert "no such table" in alert.reading.text

    @pytest.mark.parametrize(("waits", "late"), [(timedelta(minutes=9), False), (timedelta(minutes=11), True)])
    def test_is_a_due_job_that_nobody_takes(self, waits: timedelta, late: bool) -> None:
        job("todo", waits=waits)

        assert wrong() == (["operations.jobs_late"] if late else [])


class TestTheCommand:
    def test_exits_1_with_every_figure_where_one_is_wrong(self) -> None:
        job()
        out = StringIO()

        with pytest.raises(SystemExit) as ended:
            call_command("alerts", "--json", stdout=out)

        told = json.loads(out.getvalue())
        assert (ended.value.code, told["open"]) == (1, 1)
        [dead] = [alert for alert in told["alerts"] if alert["code"] == DEAD]
        assert (dead["wrong"], dead["figure"], dead["threshold"], dead["since"]) == (True, "1", "1", None)
        assert HumanTask.objects.count() == 0

    def test_is_content_where_nothing_is(self) -> None:
        out = StringIO()

        call_command("alerts", stdout=out)

        assert "WRONG" not in out.getvalue()
        assert out.getvalue().count("ok  ") == len(read_alerts(now=timezone.now()))


def broken(*, now: datetime) -> list[Reading]:
    """Fail, as a figure whose table is gone would."""
    raise LookupError("no such table")
