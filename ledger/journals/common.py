"""What all verbs about manual journals share."""

from datetime import datetime

from ledger.entries import Line
from ledger.models import JournalEntry, ManualJournal
from ledger.states import ManualJournalState
from operations import audit
from operations.errors import DomainError
from operations.lifecycle import IllegalTransition

APPROVAL_KIND = "ledger.manual_journal"


class JournalMissing(DomainError):
    """There is no manual journal {journal}."""

    code = "journal_missing"


class NotTheMaker(DomainError):
    """{actor} did not write {journal}: only {maker} may change or submit it."""

    code = "not_the_maker"


class AlreadyReversed(DomainError):
    """The entry {entry_id} is reversed already: nothing is reversed twice."""

    code = "already_reversed"


def locked(journal_id: str) -> ManualJournal:
    """Return a journal that nobody else can move until the transaction ends. Raises JournalMissing."""
    journal = ManualJournal.objects.select_for_update().filter(pk=journal_id).first()
    if journal is None:
        raise JournalMissing(journal=journal_id)
    return journal


def require_makers_draft(journal: ManualJournal, actor: str, *, event: str) -> None:
    """Refuse what only the maker may do, and only with a draft. Raises IllegalTransition, NotTheMaker."""
    if journal.state != ManualJournalState.DRAFTED:
        raise IllegalTransition(
            machine=journal.machine.name, subject_id=journal.pk, state=str(journal.state), event=event
        )
    if journal.maker != actor:
        raise NotTheMaker(actor=actor, journal=journal.pk, maker=journal.maker)


def lines_of(entry: JournalEntry) -> list[Line]:
    """Return an entry's lines as they are in the books."""
    rows = entry.lines.filter(business_date=entry.business_date).select_related("account").order_by("position")
    return [Line(account=row.account.code, amount=row.amount, item=row.item) for row in rows]


def subject_of(journal: ManualJournal) -> str:
    """Return a journal as the subject of approvals and of the audit trail."""
    return f"manual_journal:{journal.pk}"


def totals_of(journal: ManualJournal) -> dict[str, object]:
    """Return the facts of a journal that the audit trail keeps with each step."""
    totals = ", ".join(str(total) for total in journal.totals.values())
    return {"total": totals, "lines": len(journal.entry_lines), "attachments": journal.attachments.count()}


def tell(journal: ManualJournal, what: str, *, actor: str, now: datetime, **facts: object) -> None:
    """Append what happened to a journal to the audit trail."""
    audit.record(action=f"ledger.manual_journal.{what}", actor=actor, subject=subject_of(journal), now=now, **facts)
