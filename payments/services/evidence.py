"""Evidence for disputes, in three beats: kept first, sent after, believed when the provider shows it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from operations import idempotency
from operations.edges import money_tx
from operations.errors import DomainError
from operations.lifecycle import move
from operations.services import TryLater, enqueue, record_audit
from payments.gateway import Declined, DisputeFacts, EvidenceRequest, Outcome, Succeeded, Unknown, provider
from payments.models import Dispute, DisputeEvidence, EvidenceFile
from payments.services.common import require_key_alive, try_later
from payments.services.disputes import record_facts
from payments.services.evidence_files import UNDER_WAY as FILES_UNDER_WAY
from payments.services.evidence_files import files_of, keep_files, wanting
from payments.states import WANTS_EVIDENCE, EvidenceFileState, EvidenceState

# The texts that a bank takes, by the provider's names for them.
EVIDENCE_FIELDS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
)
# In characters, each text and all together.
LONGEST_TEXT = 20_000
LONGEST_EVIDENCE = 150_000
UNDER_WAY = (EvidenceState.REQUESTED, EvidenceState.SENDING, EvidenceState.UNKNOWN)


class EvidenceUnderWay(DomainError):
    """Evidence for the dispute {dispute} is being handed in: wait until the provider has it."""

    code = "evidence_under_way"
    retryable = True


class EvidenceTooLong(DomainError):
    """The evidence has {length} characters; the provider takes at most {longest}."""

    code = "evidence_too_long"
    parameter = "evidence"


def submit_evidence(
    *,
    dispute: str,
    evidence: Mapping[str, str],
    final: bool,
    actor: str,
    now: datetime,
    storefront: str | None = None,
    key: str = "",
    fingerprint: str = "",
    files: Sequence[str] = (),
    uploads: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[DisputeEvidence, int]:
    """Keep evidence for a dispute and have it sent; `final` hands it to the bank, and ends the storefront's say.

    `files` are kept files of the dispute, by our ids; `uploads` are files to be kept with it, by what they show. With
    a storefront and its key, the same key again is the same evidence. Returns it with the idempotency key's row, which
    is 0 where there is no key. Raises UnknownDispute, EvidenceNotWanted, EvidenceUnderWay, EvidenceTooLong,
    UnknownEvidenceFile, EvidenceFileRefused, TooManyEvidenceFiles, KeyReused, RequestInProgress.
    """
    texts = {name: text for name, text in evidence.items() if name in EVIDENCE_FIELDS}
    length = sum(len(text) for text in texts.values())
    if length > LONGEST_EVIDENCE:
        raise EvidenceTooLong(length=length, longest=LONGEST_EVIDENCE)
    with money_tx("evidence.submit"):
        claim = None
        if storefront is not None:
            claim = idempotency.claim(scope=f"storefront:{storefront}", key=key, fingerprint=fingerprint, now=now)
            if not claim.fresh:
                return DisputeEvidence.objects.get(pk=claim.subject), claim.key_id
        found = _wanting(dispute, storefront, now=now)
        chosen = files_of(found, files)
        chosen |= {each.kind: each.pk for each in keep_files(found, uploads, actor=actor, now=now)}
        made = _keep(found, texts, chosen, final=final, actor=actor, now=now)
        if claim is not None:
            idempotency.bind(key_id=claim.key_id, subject=made.id)
    return made, claim.key_id if claim is not None else 0


def send_evidence(*, evidence: str, now: datetime) -> None:
    """Hand kept evidence in, or find out what became of it (a job). Raises TryLater, ProviderUnclear.

    It waits for its files, which are uploaded by themselves; without one that the provider refused it is refused too.
    """
    with money_tx("evidence.claim"):
        found = DisputeEvidence.objects.select_for_update(of=("self",)).select_related("dispute").get(pk=evidence)
        if found.state not in UNDER_WAY:
            return
        was_sent = found.sent_at is not None
        files = _uploaded(found)
        move(found, "send", actor="system:jobs", now=now, sent_at=found.sent_at or now)
        if files is None:
            reason = "the provider refused a file that it refers to"
            move(found, "refuse", actor="system:jobs", now=now, reason="file_refused", last_error=reason)
            return
    request = EvidenceRequest(
        dispute_ref=str(found.params["dispute_ref"]),
        evidence={**found.params["evidence"], **files},
        final=bool(found.params["final"]),
    )
    gateway = provider(found.dispute.psp, about=f"dispute:{found.dispute_id}")
    outcome: Outcome[DisputeFacts] | None = _look_up(found.dispute, request) if was_sent else None
    if outcome is None:
        require_key_alive(gateway, what=f"the evidence {evidence}", sent_at=found.sent_at, now=now)
        outcome = gateway.submit_evidence(request, key=found.psp_key)
    _record(evidence, outcome, now=now)
    if isinstance(outcome, Unknown):
        raise try_later(outcome)


def _wanting(dispute: str, storefront: str | None, *, now: datetime) -> Dispute:
    """Return a dispute that waits for evidence, locked. Raises UnknownDispute, EvidenceNotWanted, EvidenceUnderWay."""
    found = wanting(dispute, storefront, now=now)
    if found.evidence.filter(state__in=UNDER_WAY).exists():
        raise EvidenceUnderWay(dispute=dispute)
    return found


def _uploaded(evidence: DisputeEvidence) -> dict[str, str] | None:
    """Return the provider's ids of the files that evidence refers to, by what they show; None where one was refused.

    Raises TryLater while one is on its way.
    """
    wanted = evidence.params.get("files", {})
    files = EvidenceFile.objects.defer("content").in_bulk(wanted.values())
    if any(file.state == EvidenceFileState.REFUSED for file in files.values()):
        return None
    if any(file.state in FILES_UNDER_WAY for file in files.values()):
        raise TryLater(reason="a file that it refers to is still on its way", after_s=5)
    return {kind: str(files[file].psp_ref) for kind, file in wanted.items()}


def _keep(
    dispute: Dispute, texts: Mapping[str, str], files: Mapping[str, str], *, final: bool, actor: str, now: datetime
) -> DisputeEvidence:
    made = DisputeEvidence(dispute=dispute, final=final, submitted_by=actor, created_at=now)
    made.psp_key = f"evidence:{made.id}"
    made.params = {"dispute_ref": dispute.psp_ref, "evidence": dict(texts), "files": dict(files), "final": final}
    made.save()
    record_audit(
        action="payments.dispute.evidence",
        actor=actor,
        subject=f"dispute:{dispute.id}",
        now=now,
        fields=", ".join(sorted([*texts, *files])),
        final=final,
    )
    enqueue(kind="payments.send_evidence", key=made.id, args={"evidence": made.id}, run_at=now)
    return made


def _look_up(dispute: Dispute, request: EvidenceRequest) -> Succeeded[DisputeFacts] | Unknown | None:
    """Return the dispute if it shows what we sent; None if it does not, so that it may be sent again."""
    gateway = provider(dispute.psp, about=f"dispute:{dispute.pk}")
    match gateway.fetch_dispute(request.dispute_ref, charge_ref=dispute.charge_ref):
        case Succeeded(value=facts) as found:
            return found if _shows(facts, request) else None
        case Declined(message=message):
            return Unknown(reason=f"the look-up was refused: {message}")
        case Unknown() as unknown:
            return unknown


def _shows(facts: DisputeFacts, request: EvidenceRequest) -> bool:
    there = all(facts.evidence.get(name) == text for name, text in request.evidence.items())
    # What was handed to the bank is under review: the state says so in every round.
    return there and not (request.final and str(facts.status) in WANTS_EVIDENCE)


def _record(evidence_id: str, outcome: Outcome[DisputeFacts], *, now: datetime) -> None:
    with money_tx("evidence.record"):
        evidence = DisputeEvidence.objects.select_for_update(of=("self",)).select_related("dispute").get(pk=evidence_id)
        if evidence.state not in UNDER_WAY:
            return
        match outcome:
            case Succeeded(value=facts):
                move(evidence, "accept", actor=f"psp:{evidence.dispute.psp}", now=now)
                record_facts(facts, psp=evidence.dispute.psp, now=now)
            case Declined(code=code, message=message):
                move(evidence, "refuse", actor=f"psp:{evidence.dispute.psp}", now=now, reason=code, last_error=message)
            case Unknown(reason=reason, sent=True) if evidence.state == EvidenceState.SENDING:
                move(evidence, "lose_sight", actor="system:jobs", now=now, reason=reason, last_error=reason)
