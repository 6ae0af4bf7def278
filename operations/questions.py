"""Questions for people: opened by whatever cannot go on, closed by a person or by the answer itself."""

from datetime import datetime

from operations import audit, database
from operations.edges import money_tx, require_transaction
from operations.errors import DomainError
from operations.models import HumanTask
from operations.models.tasks import TaskState
from operations.texts import require_fit


class TaskMissing(DomainError):
    """There is no open task {task_id}."""

    code = "task_missing"


def ask(*, kind: str, subject: str, reason: str, waits_for: str, now: datetime, item: str = "") -> bool:
    """Open a question about a subject (kind:id) in the caller's transaction; returns False where one is open.

    `item` names which of several things of the subject it is about: each is asked about by itself.
    """
    require_transaction("ask a person")
    asked = {"kind": kind, "subject": subject, "item": item, "reason": reason, "waits_for": waits_for, "now": now}
    return bool(database.execute(database.queries("operations")["open_task"], asked))


def settle(*, kind: str, subject: str, now: datetime, note: str, item: str = "") -> None:
    """Close a question that answered itself, in the caller's transaction."""
    require_transaction("settle a task")
    # One that was asked before items were kept has none.
    items = {item, ""}
    HumanTask.objects.filter(kind=kind, subject=subject, item__in=items, state=TaskState.OPEN).update(
        state=TaskState.SETTLED, closed_by="system:answered", closed_at=now, note=note
    )


def close(*, task_id: int, actor: str, note: str, now: datetime) -> None:
    """Close a question as the person who dealt with it, with a note. Raises TaskMissing, TextRefused."""
    require_fit(note=note)
    with money_tx("tasks.close"):
        task = HumanTask.objects.select_for_update().filter(pk=task_id, state=TaskState.OPEN).first()
        if task is None:
            raise TaskMissing(task_id=task_id)
        HumanTask.objects.filter(pk=task_id).update(state=TaskState.DONE, closed_by=actor, closed_at=now, note=note)
        audit.record(action="operations.task.closed", actor=actor, subject=task.subject, now=now, note=note)
