"""Files as evidence: checked by their content, kept here, and uploaded in three beats of their own.

Nothing at the bank depends on an upload: a file counts once evidence that refers to it was handed in.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from operations import idempotency
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from operations.services import enqueue, record_audit
from payments.errors import UnknownDispute
from payments.gateway import Declined, EvidenceFileRequest, Gateway, Outcome, Succeeded, Unknown, provider
from payments.models import Dispute, EvidenceFile, EvidenceKind
from payments.services.common import require_key_alive, try_later
from payments.states import WANTS_EVIDENCE, EvidenceFileState

# What Stripe takes as evidence for a dispute (docs.stripe.com/file-upload): each file, and its types.
MOST_BYTES = 5 * 1024 * 1024
MOST_FILES = 20
# Type -> the ending of our own name, how the content begins, and what stands at its end.
_TYPES = {
    "application/pdf": ("pdf", b"%PDF-", b"%%EOF"),
    "image/jpeg": ("jpg", b"\xff\xd8\xff", b"\xff\xd9"),
    "image/png": ("png", b"\x89PNG\r\n\x1a\n", b"IEND\xae\x42\x60\x82"),
}
# In so many bytes at the end of a file its last mark must stand: writers of PDF add line ends, cameras padding.
_TAIL = 1024
UNDER_WAY = (EvidenceFileState.REQUESTED, EvidenceFileState.SENDING, EvidenceFileState.UNKNOWN)
JOB = "payments.send_evidence_file"


class EvidenceNotWanted(DomainError):
    """The dispute {dispute} is {state}: no evidence can be handed in now."""

    code = "evidence_not_wanted"


class EvidenceFileRefused(DomainError):
    """The file {problem}."""

    code = "evidence_file_refused"
    parameter = "content"


class TooManyEvidenceFiles(DomainError):
    """The dispute {dispute} has {limit} files already, which is the most."""

    code = "too_many_evidence_files"


class UnknownEvidenceFile(DomainError):
    """The dispute {dispute} has no file {file!r} that evidence could refer to."""

    code = "unknown_evidence_file"
    parameter = "files"


def media_type_of(content: bytes) -> str:
    """Return what a file is by its content, whatever it is called. Raises EvidenceFileRefused."""
    if not content:
        raise EvidenceFileRefused(problem="is empty")
    if len(content) > MOST_BYTES:
        raise EvidenceFileRefused(problem=f"is larger than {MOST_BYTES // 1024 // 1024} MB")
    for media_type, (_, beginning, end) in _TYPES.items():
        if content.startswith(beginning):
            if end not in content[-_TAIL:]:
                raise EvidenceFileRefused(problem=f"begins as {media_type}, and does not end as one: it is cut off")
            return media_type
    raise EvidenceFileRefused(problem="is neither a PDF nor a JPEG nor a PNG")


def keep_evidence_file(
    *,
    dispute: str,
    kind: str,
    content: bytes,
    actor: str,
    now: datetime,
    storefront: str | None = None,
    key: str = "",
    fingerprint: str = "",
) -> tuple[EvidenceFile, int]:
    """Keep a file for a dispute and have it uploaded; evidence refers to it by its id. Its name is ours.

    With a storefront and its key, the same key again is the same file. Returns it with the idempotency key's row, which
    is 0 where there is no key. Raises UnknownDispute, EvidenceNotWanted, EvidenceFileRefused, TooManyEvidenceFiles,
    KeyReused, RequestInProgress.
    """
    media_type_of(content)
    with money_tx("evidence.keep_file"):
        claim = None
        if storefront is not None:
            claim = idempotency.claim(scope=f"storefront:{storefront}", key=key, fingerprint=fingerprint, now=now)
            if not claim.fresh:
                return EvidenceFile.objects.defer("content").get(pk=claim.subject), claim.key_id
        [made] = keep_files(wanting(dispute, storefront, now=now), {kind: content}, actor=actor, now=now)
        if claim is not None:
            idempotency.bind(key_id=claim.key_id, subject=made.id)
    return made, claim.key_id if claim is not None else 0


def keep_files(dispute: Dispute, contents: Mapping[str, bytes], *, actor: str, now: datetime) -> list[EvidenceFile]:
    """Keep files by their kinds on a dispute that the caller has locked. Raises as keep_evidence_file does."""
    if dispute.files.count() + len(contents) > MOST_FILES:
        raise TooManyEvidenceFiles(dispute=dispute.pk, limit=MOST_FILES)
    return [_keep(dispute, EvidenceKind(kind), each, actor=actor, now=now) for kind, each in contents.items()]


def send_evidence_file(*, file: str, now: datetime) -> None:
    """Upload a kept file, or find out what became of it (a job). Raises TryLater, ProviderUnclear."""
    with money_tx("evidence.claim_file"):
        found = EvidenceFile.objects.select_for_update(of=("self",)).select_related("dispute").get(pk=file)
        if found.state not in UNDER_WAY:
            return
        was_sent = found.sent_at is not None
        move(found, "send", actor="system:jobs", now=now, sent_at=found.sent_at or now)
    gateway = provider(found.dispute.psp, about=f"dispute:{found.dispute_id}")
    outcome = _look_up(gateway, found) if was_sent else None
    if outcome is None:
        require_key_alive(gateway, what=f"the file {file}", sent_at=found.sent_at, now=now)
        request = EvidenceFileRequest(name=found.name, content=bytes(found.content))
        outcome = gateway.upload_evidence_file(request, key=found.psp_key)
    _record(file, outcome, now=now)
    if isinstance(outcome, Unknown):
        raise try_later(outcome)


def wanting(dispute: str, storefront: str | None, *, now: datetime) -> Dispute:
    """Return a dispute that waits for evidence, locked. Raises UnknownDispute, EvidenceNotWanted."""
    # Its own row alone: whoever books what the provider says has the checkout's before it.
    rows = Dispute.objects.select_for_update(of=("self",)).filter(pk=dispute)
    found = (rows if storefront is None else rows.filter(checkout__storefront=storefront)).first()
    if found is None:
        raise UnknownDispute(dispute=dispute)
    late = found.evidence_due_by is not None and found.evidence_due_by < now
    if found.state not in WANTS_EVIDENCE or late:
        raise EvidenceNotWanted(dispute=dispute, state="past its deadline" if late else found.state)
    return found


def files_of(dispute: Dispute, files: Sequence[str]) -> dict[str, str]:
    """Return a dispute's files by what they show, for evidence that refers to them by our ids.

    Raises UnknownEvidenceFile, and EvidenceFileRefused for two that show the same.
    """
    found = EvidenceFile.objects.defer("content").in_bulk(files)
    chosen: dict[str, str] = {}
    for wanted in files:
        file = found.get(wanted)
        if file is None or file.dispute_id != dispute.pk or file.state == EvidenceFileState.REFUSED:
            raise UnknownEvidenceFile(file=wanted, dispute=dispute.pk)
        if chosen.setdefault(file.kind, file.pk) != file.pk:
            raise EvidenceFileRefused(
                problem=f"{file.pk} is a second {file.kind}, and the bank takes one", parameter="files"
            )
    return chosen


def _keep(dispute: Dispute, kind: EvidenceKind, content: bytes, *, actor: str, now: datetime) -> EvidenceFile:
    media_type = media_type_of(content)
    made = EvidenceFile(
        dispute=dispute,
        kind=kind,
        media_type=media_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        submitted_by=actor,
        created_at=now,
    )
    made.name = f"{kind}-{made.id}.{_TYPES[media_type][0]}"
    made.psp_key = f"evidence-file:{made.id}"
    made.save()
    record_audit(
        action="payments.dispute.file",
        actor=actor,
        subject=f"dispute:{dispute.pk}",
        now=now,
        file=made.name,
        size=made.size,
        sha256=made.sha256,
    )
    enqueue(kind=JOB, key=made.id, args={"file": made.id}, run_at=now)
    return made


def _look_up(gateway: Gateway, found: EvidenceFile) -> Outcome[str] | None:
    """Look for an earlier, unanswered upload by the name, which is ours alone."""
    match gateway.find_evidence_file(found.name, since=found.created_at):
        case Succeeded(value=str() as psp_ref):
            return Succeeded(psp_ref)
        case Succeeded():
            return None
        case Declined(message=message):
            return Unknown(reason=f"the look-up was refused: {message}")
        case Unknown() as unknown:
            return unknown


def _record(file: str, outcome: Outcome[str], *, now: datetime) -> None:
    with money_tx("evidence.record_file"):
        rows = EvidenceFile.objects.select_for_update(of=("self",)).select_related("dispute").defer("content")
        found = rows.get(pk=file)
        if found.state not in UNDER_WAY:
            return
        actor = f"psp:{found.dispute.psp}"
        match outcome:
            case Succeeded(value=psp_ref):
                move(found, "accept", actor=actor, now=now, psp_ref=psp_ref)
            case Declined(code=code, message=message):
                move(found, "refuse", actor=actor, now=now, reason=code, last_error=message)
            case Unknown(reason=reason, sent=True) if found.state == EvidenceFileState.SENDING:
                move(found, "lose_sight", actor="system:jobs", now=now, reason=reason, last_error=reason)
