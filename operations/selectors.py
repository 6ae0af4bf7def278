"""The front door for questions: what other rooms may ask about `operations`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Now

from operations import switchboard
from operations.jobs.queue import AGAIN
from operations.models import Approval, AuditEntry, HumanTask, Job, StateChange, StopSwitch
from operations.models.approvals import ApprovalState
from operations.models.jobs import JobState
from operations.models.tasks import TaskState


@dataclass(frozen=True, kw_only=True)
class QueueHealth:
    """How the queue does: age, not depth, says whether work is done."""

    due: int
    dead: int
    oldest_due_age: timedelta


def queue_health(*, now: datetime) -> QueueHealth:
    """Return how many jobs are due, how long the oldest has waited, and how many are dead letters."""
    due = Job.objects.filter(state=JobState.TODO, next_at__lte=now).aggregate(n=Count("id"), oldest=Min("next_at"))
    return QueueHealth(
        due=due["n"],
        dead=Job.objects.filter(state=JobState.DEAD).count(),
        oldest_due_age=max(now - due["oldest"], timedelta(0)) if due["oldest"] else timedelta(0),
    )


def history(*, machine: str, subject_id: str) -> QuerySet[StateChange]:
    """Return the moves of one row, oldest first."""
    return StateChange.objects.filter(machine=machine, subject_id=subject_id).order_by("id")


def audit_trail(*, subject: str) -> QuerySet[AuditEntry]:
    """Return who did what to a subject (kind:id), oldest first."""
    return AuditEntry.objects.filter(subject=subject).order_by("id")


def audit_trails(*, subjects: list[str]) -> list[AuditEntry]:
    """Return who did what to several subjects (kind:id), oldest first."""
    return list(AuditEntry.objects.filter(subject__in=subjects).order_by("id"))


def open_approval(*, kind: str, subject: str) -> Approval | None:
    """Return the approval that waits for this subject, if one does."""
    return Approval.objects.filter(kind=kind, subject=subject, state=ApprovalState.REQUESTED).first()


def open_approvals(*, kind: str, subjects: list[str]) -> set[str]:
    """Return which of some subjects have an approval of a kind that waits for a second person."""
    found = Approval.objects.filter(kind=kind, subject__in=subjects, state=ApprovalState.REQUESTED)
    return set(found.values_list("subject", flat=True))


def stopped_switches() -> list[str]:
    """Return the names of the switches that are on."""
    return list(StopSwitch.objects.filter(stopped=True).order_by("name").values_list("name", flat=True))


def histories(*, machines: dict[str, list[str]]) -> list[StateChange]:
    """Return the moves of several rows, given as machine -> ids, in the order in which they happened."""
    wanted = Q(pk__in=[])
    for machine, subjects in machines.items():
        wanted |= Q(machine=machine, subject_id__in=subjects)
    return list(StateChange.objects.filter(wanted).order_by("id"))


def approvals_about(*, subject: str) -> list[Approval]:
    """Return what was asked and decided about a subject (kind:id), oldest first."""
    return list(Approval.objects.filter(subject=subject).order_by("id"))


def waiting_approvals() -> dict[str, int]:
    """Return how many approvals wait for a second person, by their kind; a kind of which none waits is left out."""
    waiting = Approval.objects.filter(state=ApprovalState.REQUESTED).values_list("kind").annotate(n=Count("id"))
    return {kind: int(count) for kind, count in waiting.order_by()}


def dead_letters() -> int:
    """Return how many jobs are parked as dead letters."""
    return Job.objects.filter(state=JobState.DEAD).count()


def jobs_tried(*, kind: str) -> int:
    """Return how many jobs of a kind were tried and wait to be tried again."""
    return Job.objects.filter(kind=kind, state=JobState.TODO, attempts__gt=0).count()


def open_alerts() -> list[HumanTask]:
    """Return the questions about figures that are wrong, the oldest first."""
    codes = list(switchboard.table("ALERTS"))
    return list(HumanTask.objects.filter(kind__in=codes, state=TaskState.OPEN).order_by("since", "id"))


def switch_names() -> list[str]:
    """Return the names of the stop switches that have a row."""
    return list(StopSwitch.objects.order_by("name").values_list("name", flat=True))


def jobs_about(*, keys: list[str]) -> list[Job]:
    """Return the jobs whose key begins with one of some ids, oldest first."""
    wanted = Q(pk__in=[])
    for key in keys:
        wanted |= Q(key=key) | Q(key__startswith=f"{key}:") | Q(key__startswith=f"{key}~")
    return list(Job.objects.filter(wanted).order_by("id"))


def job_states(*, kind: str, keys: list[str]) -> dict[str, str]:
    """Return the states of the jobs of a kind by their keys; a key without a job is left out.

    Where a job was repeated (`enqueue_again`), the state is that of a repetition that is not done.
    """
    found = dict(Job.objects.filter(kind=kind, key__in=keys).values_list("key", "state"))
    repeated = Job.objects.filter(kind=kind, key__contains=AGAIN).exclude(state=JobState.DONE)
    again = {key.partition(AGAIN)[0]: state for key, state in repeated.values_list("key", "state")}
    return found | {key: state for key, state in again.items() if key in found}


def claimed_before(*, kind: str, key: str) -> list[dict[str, Any]]:
    """Return the arguments of the jobs of a kind that are under way, and were claimed before one of them was.

    A repetition of that one (`enqueue_again`) counts as it does.
    """
    alive = Job.objects.filter(kind=kind, state=JobState.DOING, lease_until__gt=Now())
    claimed = alive.order_by("lease_until", "id").values_list("key", "args")
    return [args for _, args in takewhile(lambda job: job[0].partition(AGAIN)[0] != key, claimed)]


def job_error(*, kind: str, key: str) -> str:
    """Return what a job last failed with; nothing where there is no such job, or it did not fail."""
    return Job.objects.filter(kind=kind, key=key).values_list("last_error", flat=True).first() or ""


def open_tasks(*, subjects: list[str]) -> dict[str, HumanTask]:
    """Return the oldest open question about each of some subjects (kind:id)."""
    found = HumanTask.objects.filter(subject__in=subjects, state=TaskState.OPEN).order_by("-since")
    return {task.subject: task for task in found}


def open_questions(*, subjects: list[str]) -> list[HumanTask]:
    """Return every open question about some subjects (kind:id), the oldest first."""
    return list(HumanTask.objects.filter(subject__in=subjects, state=TaskState.OPEN).order_by("since", "id"))


def open_questions_of(*, kind: str) -> list[HumanTask]:
    """Return every open question of a kind, the oldest first."""
    return list(HumanTask.objects.filter(kind=kind, state=TaskState.OPEN).order_by("since", "id"))


def questions_about(*, subjects: list[str]) -> list[HumanTask]:
    """Return every question that people were ever asked about some subjects (kind:id), the oldest first."""
    return list(HumanTask.objects.filter(subject__in=subjects).order_by("since", "id"))


def oldest_question() -> HumanTask | None:
    """Return the question that has waited for a person longest."""
    return HumanTask.objects.filter(state=TaskState.OPEN).order_by("since", "id").first()


def waiting_tasks() -> int:
    """Return how many questions wait for a person."""
    return HumanTask.objects.filter(state=TaskState.OPEN).count()
