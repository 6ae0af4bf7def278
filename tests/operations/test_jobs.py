"""Durable jobs: claimed once, counted first, retried by policy, parked at last."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from config import wiring
from operations import database, switchboard
from operations.edges import money_tx
from operations.errors import DomainError
from operations.jobs.policy import ASK_THE_PROVIDER, RetryPolicy
from operations.models import AuditEntry, Job
from operations.services import (
    JobMissing,
    TryLater,
    discard_job,
    enqueue,
    replay_job,
    requeue,
    run_due,
    run_job,
    withdraw,
)

pytestmark = pytest.mark.django_db
RAN: list[dict[str, Any]] = []


class Refused(DomainError):
    """Definitely not."""

    code = "refused"


def succeed(**args: Any) -> None:
    RAN.append(args)


def stumble(**_: Any) -> None:
    raise RuntimeError("a bug")


def refuse(**_: Any) -> None:
    raise Refused


def wait(**_: Any) -> None:
    raise TryLater(reason="not yet", after_s=90)


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers of this test's own on the switchboard."""
    RAN.clear()
    for name in ("succeed", "stumble", "refuse", "wait"):
        monkeypatch.setitem(wiring.JOBS, f"test.{name}", f"tests.operations.test_jobs.{name}")
        policy = RetryPolicy(shape="fixed", base_s=10, attempts=3, jitter_pct=0)
        monkeypatch.setitem(wiring.RETRY_POLICIES, f"test.{name}", policy)
    switchboard.answerer.cache_clear()


def add(kind: str, *, key: str = "k", run_at: Any = None, **args: Any) -> int | None:
    with money_tx("test"):
        return enqueue(kind=f"test.{kind}", key=key, args=args, run_at=run_at or timezone.now())


class TestEnqueue:
    def test_keeps_the_same_work_once(self) -> None:
        assert add("succeed") is not None

        assert add("succeed") is None
        assert Job.objects.count() == 1

    def test_refuses_work_that_nobody_answers_for(self) -> None:
        with pytest.raises(switchboard.UnknownKind):
            add("unheard_of")


class TestRunJob:
    def test_does_the_work_with_its_arguments_and_the_clock(self) -> None:
        job = add("succeed", colour="blue")
        now = timezone.now()
        assert job is not None

        assert run_job(job_id=job, now=now)

        assert [{"colour": "blue", "now": now}] == RAN
        assert Job.objects.get().state == "done"

    def test_does_nothing_for_a_second_worker_with_the_same_hint(self) -> None:
        job = add("succeed")
        assert job is not None
        run_job(job_id=job, now=timezone.now())

        assert not run_job(job_id=job, now=timezone.now())
        assert len(RAN) == 1

    def test_waits_for_its_time(self) -> None:
        job = add("succeed", run_at=timezone.now() + timedelta(minutes=1))
        assert job is not None

        assert not run_job(job_id=job, now=timezone.now())
        assert run_job(job_id=job, now=timezone.now() + timedelta(minutes=2))

    def test_tries_a_failure_again_by_its_policy_and_parks_it_at_last(self) -> None:
        job = add("stumble")
        now = timezone.now()
        assert job is not None

        for attempt in (1, 2):
            run_job(job_id=job, now=now)
            row = Job.objects.get()
            assert (row.state, row.attempts, row.next_at) == ("todo", attempt, now + timedelta(seconds=10))
            now = row.next_at
        run_job(job_id=job, now=now)

        row = Job.objects.get()
        assert (row.state, row.attempts) == ("dead", 3)
        assert "a bug" in row.last_error

    def test_parks_a_definite_refusal_at_once(self) -> None:
        job = add("refuse")
        assert job is not None

        run_job(job_id=job, now=timezone.now())

        assert (Job.objects.get().state, Job.objects.get().attempts) == ("dead", 1)

    def test_leaves_work_of_a_newer_release_to_its_workers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        job = add("succeed")
        began = timezone.now()
        assert job is not None
        with monkeypatch.context() as older:
            older.delitem(wiring.JOBS, "test.succeed")
            older.delitem(wiring.RETRY_POLICIES, "test.succeed")
            switchboard.answerer.cache_clear()
            for minute in range(30):
                run_job(job_id=job, now=began + timedelta(minutes=minute))
        assert (Job.objects.get().state, RAN) == ("todo", [])

        run_job(job_id=job, now=began + timedelta(minutes=30))

        assert (Job.objects.get().state, len(RAN)) == ("done", 1)

    def test_parks_what_no_worker_knew_for_an_hour(self, monkeypatch: pytest.MonkeyPatch) -> None:
        job = add("succeed")
        began = timezone.now()
        assert job is not None
        monkeypatch.delitem(wiring.JOBS, "test.succeed")
        monkeypatch.delitem(wiring.RETRY_POLICIES, "test.succeed")
        switchboard.answerer.cache_clear()

        run_job(job_id=job, now=began + timedelta(minutes=59))
        assert Job.objects.get().state == "todo"
        run_job(job_id=job, now=began + timedelta(minutes=61))

        assert (Job.objects.get().state, "Nobody answers for" in Job.objects.get().last_error) == ("dead", True)

    def test_comes_back_when_the_work_itself_says(self) -> None:
        job = add("wait")
        now = timezone.now()
        assert job is not None

        run_job(job_id=job, now=now)

        assert Job.objects.get().next_at == now + timedelta(seconds=90)

    def test_waits_for_as_long_as_its_policy_has_patience_and_no_longer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        policy = RetryPolicy(attempts=3, patience=timedelta(days=1))
        monkeypatch.setitem(wiring.RETRY_POLICIES, "test.wait", policy)
        job = add("wait")
        began = timezone.now()
        assert job is not None

        for minute in range(20):
            run_job(job_id=job, now=began + timedelta(minutes=2 * minute))
        assert (Job.objects.get().state, Job.objects.get().attempts) == ("todo", 2)

        run_job(job_id=job, now=began + timedelta(days=1, minutes=1))
        assert (Job.objects.get().state, Job.objects.get().attempts) == ("dead", 3)

    def test_is_not_given_up_after_a_long_wait_because_one_worker_died(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(wiring.RETRY_POLICIES, "test.wait", ASK_THE_PROVIDER)
        job = add("wait")
        began = timezone.now()
        assert job is not None
        for minute in range(ASK_THE_PROVIDER.attempts + 10):
            run_job(job_id=job, now=began + timedelta(minutes=2 * minute))
        row = Job.objects.get()
        Job.objects.update(state="doing", attempts=row.attempts + 1, lease_until=began)

        run_job(job_id=job, now=began + timedelta(hours=12))

        assert Job.objects.get().state == "todo"

    def test_does_not_wait_with_patience_for_a_bug(self, monkeypatch: pytest.MonkeyPatch) -> None:
        policy = RetryPolicy(shape="immediate", attempts=3, patience=timedelta(days=1))
        monkeypatch.setitem(wiring.RETRY_POLICIES, "test.stumble", policy)
        job = add("stumble")
        assert job is not None

        for _ in range(3):
            run_job(job_id=job, now=timezone.now())

        assert Job.objects.get().state == "dead"

    def test_takes_over_from_a_worker_that_died_and_counts_its_attempt(self) -> None:
        job = add("succeed")
        assert job is not None
        Job.objects.update(state="doing", attempts=1)
        database.execute("UPDATE operations_job SET lease_until = clock_timestamp() - interval '1 second'")

        assert run_job(job_id=job, now=timezone.now())

        assert (Job.objects.get().state, Job.objects.get().attempts) == ("done", 2)

    def test_leaves_a_living_workers_job_alone(self) -> None:
        job = add("succeed")
        assert job is not None
        Job.objects.update(state="doing", attempts=1)
        database.execute("UPDATE operations_job SET lease_until = clock_timestamp() + interval '1 minute'")

        assert not run_job(job_id=job, now=timezone.now())

    def test_parks_a_poison_job_that_kills_every_worker(self) -> None:
        job = add("succeed")
        assert job is not None
        Job.objects.update(state="doing", attempts=3)
        database.execute("UPDATE operations_job SET lease_until = clock_timestamp() - interval '1 second'")

        run_job(job_id=job, now=timezone.now())

        assert Job.objects.get().state == "dead"
        assert RAN == []


class TestRunDue:
    def test_runs_what_is_due_and_lets_the_rest_wait(self) -> None:
        add("stumble", key="poison")
        add("succeed", key="good")
        add("succeed", key="later", run_at=timezone.now() + timedelta(hours=1))

        assert run_due(limit=10, now=timezone.now()) == 2
        assert len(RAN) == 1


class TestWithdraw:
    def test_ends_a_job_whose_work_happened_without_it(self) -> None:
        job = add("succeed", run_at=timezone.now() + timedelta(hours=1))
        assert job is not None

        with money_tx("test"):
            withdraw(kind="test.succeed", key="k", now=timezone.now())

        assert Job.objects.get().state == "done"
        assert not run_job(job_id=job, now=timezone.now() + timedelta(hours=2))


class TestReplay:
    def test_puts_a_dead_letter_back_and_remembers_who_and_why(self) -> None:
        job = add("refuse")
        assert job is not None
        run_job(job_id=job, now=timezone.now())

        replay_job(job_id=job, actor="user:oscar", reason="fixed at the provider", now=timezone.now())

        assert (Job.objects.get().state, Job.objects.get().attempts) == ("todo", 0)
        entry = AuditEntry.objects.get(action="operations.job.replayed")
        assert (entry.actor, entry.facts) == ("user:oscar", {"reason": "fixed at the provider"})


class TestDiscard:
    def test_gives_a_dead_letter_up_for_good_and_remembers_who_and_why(self) -> None:
        dead = park()

        discard_job(job_id=dead, actor="user:oscar", reason="refunded by hand", now=timezone.now())

        assert Job.objects.get(pk=dead).state == "discarded"
        entry = AuditEntry.objects.get(action="operations.job.discarded")
        assert (entry.subject, entry.actor, entry.facts) == (
            f"job:{dead}",
            "user:oscar",
            {"reason": "refunded by hand"},
        )
        with pytest.raises(JobMissing):
            replay_job(job_id=dead, actor="user:oscar", reason="after all", now=timezone.now())
        assert not run_job(job_id=dead, now=timezone.now() + timedelta(days=1))

    def test_refuses_a_job_that_is_no_dead_letter(self) -> None:
        waiting = add("succeed")
        assert waiting is not None

        with pytest.raises(JobMissing):
            discard_job(job_id=waiting, actor="user:oscar", reason="why not", now=timezone.now())

    @pytest.mark.parametrize("state", ["todo", "doing", "done", "dead"])
    def test_is_final_to_the_database_too(self, state: str) -> None:
        dead = park()
        discard_job(job_id=dead, actor="user:oscar", reason="refunded by hand", now=timezone.now())

        with pytest.raises(IntegrityError, match=f"cannot move from discarded to {state}"):
            database.execute(f"UPDATE operations_job SET state = '{state}' WHERE id = {dead}")


class TestRequeue:
    def again(self) -> None:
        with money_tx("test"):
            requeue(kind="test.succeed", key="k", args={"n": 2}, run_at=timezone.now())

    def test_adds_work_that_is_not_known_yet(self) -> None:
        self.again()

        assert list(Job.objects.values_list("key", "state")) == [("k", "todo")]

    def test_leaves_work_alone_that_waits_already(self) -> None:
        add("succeed", n=1)

        self.again()

        assert [job.args for job in Job.objects.all()] == [{"n": 1}]

    def test_puts_a_dead_letter_back_on_the_table(self) -> None:
        dead = park("succeed")

        self.again()

        assert list(Job.objects.values_list("pk", "state", "attempts")) == [(dead, "todo", 0)]

    def test_repeats_work_that_was_done_as_a_job_of_its_own(self) -> None:
        done = add("succeed", n=1)
        assert done is not None
        run_job(job_id=done, now=timezone.now())

        self.again()

        assert list(Job.objects.order_by("id").values_list("key", "state")) == [("k", "done"), ("k~2", "todo")]
        assert run_due(limit=10, now=timezone.now()) == 1
        assert [args["n"] for args in RAN] == [1, 2]


def park(kind: str = "stumble") -> int:
    """Return a dead letter."""
    job_id = add(kind)
    assert job_id is not None
    for state in ("doing", "dead"):
        Job.objects.filter(pk=job_id).update(state=state, attempts=3)
    return job_id


class TestRetryPolicy:
    @pytest.mark.parametrize(
        ("shape", "delays"),
        [
            ("immediate", [0, 0, 0, 0]),
            ("fixed", [2, 2, 2, 2]),
            ("incremental", [2, 4, 6, 8]),
            ("exponential", [2, 4, 8, 10]),
        ],
    )
    def test_waits_by_its_formula_up_to_the_cap(self, shape: Any, delays: list[int]) -> None:
        policy = RetryPolicy(shape=shape, base_s=2, cap_s=10, jitter_pct=0)

        assert [policy.delay(attempt).total_seconds() for attempt in (1, 2, 3, 4)] == delays

    def test_of_the_shape_cancel_parks_at_the_first_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(wiring.RETRY_POLICIES, "test.stumble", RetryPolicy(shape="cancel", attempts=5))
        job_id = add("stumble")
        assert job_id is not None

        run_job(job_id=job_id, now=timezone.now())

        job = Job.objects.get(pk=job_id)
        assert (job.state, job.attempts) == ("dead", 1)

    def test_takes_jitter_off_but_never_adds_any(self) -> None:
        policy = RetryPolicy(shape="fixed", base_s=10, jitter_pct=20)

        delays = {policy.delay(1).total_seconds() for _ in range(200)}

        assert len(delays) > 1
        assert all(8 <= delay <= 10 for delay in delays)
