"""Four eyes as data: a stored call that a second person grants or rejects."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError

from operations import audit, switchboard
from operations.edges import money_tx, require_transaction
from operations.errors import DomainError
from operations.models import Approval
from operations.models.approvals import ApprovalState
from operations.texts import require_fit


class NotASecondPerson(DomainError):
    """{checker} asked for this approval and cannot decide it: a second person must."""

    code = "maker_is_checker"


class AlreadyDecided(DomainError):
    """The approval {approval_id} was already {state}."""

    code = "already_decided"


class ApprovalMissing(DomainError):
    """There is no approval {approval_id}."""

    code = "approval_missing"


def request(*, kind: str, subject: str, payload: dict[str, Any], reason: str, maker: str, now: datetime) -> Approval:
    """Store a call that waits for a second person. Must run in the caller's transaction.

    Raises UnknownKind when nobody would carry the call out, and IntegrityError when the subject already waits.
    """
    require_transaction("request an approval")
    switchboard.answerer("APPROVALS", kind)
    approval = Approval.objects.create(
        kind=kind, subject=subject, payload=payload, reason=reason, maker=maker, requested_at=now
    )
    audit.record(action="operations.approval.requested", actor=maker, subject=subject, now=now, kind=kind)
    return approval


def grant(*, approval_id: int, checker: str, now: datetime, note: str = "") -> None:
    """Grant an approval and carry its call out, in one transaction.

    Raises TextRefused, NotASecondPerson, AlreadyDecided, ApprovalMissing, and whatever the call itself raises; then
    nothing is granted.
    """
    require_fit(note=note)
    with money_tx("approvals.grant"):
        approval = _decide(approval_id, checker=checker, state=ApprovalState.GRANTED, now=now, note=note)
        act = switchboard.answerer("APPROVALS", approval.kind)
        act(**approval.payload, maker=approval.maker, checker=checker, now=now)


def reject(*, approval_id: int, checker: str, now: datetime, note: str) -> None:
    """Reject an approval. What was asked for is then undone by whoever answers for the kind's rejection.

    Raises TextRefused, NotASecondPerson, AlreadyDecided, ApprovalMissing.
    """
    require_fit(note=note)
    with money_tx("approvals.reject"):
        approval = _decide(approval_id, checker=checker, state=ApprovalState.REJECTED, now=now, note=note)
        undo = switchboard.answerer("REJECTIONS", approval.kind)
        undo(**approval.payload, maker=approval.maker, checker=checker, now=now)


def withdraw(*, kind: str, subject: str, actor: str, now: datetime, note: str) -> bool:
    """Close what waits for a second person about a subject, in the caller's transaction: nobody decides it any more.

    Returns False where nothing waits. Its row is locked first, as by whoever decides: of the two one wins. So it comes
    before the rows that the decision would lock.
    """
    require_transaction("withdraw an approval")
    waiting = Approval.objects.select_for_update().filter(kind=kind, subject=subject, state=ApprovalState.REQUESTED)
    approval = waiting.first()
    if approval is None:
        return False
    approval.state, approval.decided_at, approval.note = ApprovalState.WITHDRAWN, now, note
    approval.save(update_fields=["state", "decided_at", "note"])
    audit.record(action="operations.approval.withdrawn", actor=actor, subject=subject, now=now, kind=kind)
    return True


def _decide(approval_id: int, *, checker: str, state: ApprovalState, now: datetime, note: str) -> Approval:
    approval = Approval.objects.select_for_update().filter(pk=approval_id).first()
    if approval is None:
        raise ApprovalMissing(approval_id=approval_id)
    if approval.state != ApprovalState.REQUESTED:
        raise AlreadyDecided(approval_id=approval_id, state=approval.state)
    if approval.maker == checker:
        raise NotASecondPerson(checker=checker)
    approval.state, approval.checker, approval.decided_at, approval.note = state, checker, now, note
    try:
        approval.save(update_fields=["state", "checker", "decided_at", "note"])
    except IntegrityError as error:
        raise NotASecondPerson(checker=checker) from error
    audit.record(
        action=f"operations.approval.{state.value}",
        actor=checker,
        subject=approval.subject,
        now=now,
        kind=approval.kind,
    )
    return approval
