"""Drafts: written down whole and balanced, or not at all. Nothing is booked by them."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from django.db import IntegrityError
from psycopg import errors as postgres

from ledger.entries import Line, mirrored
from ledger.journals.common import (
    AlreadyReversed,
    lines_of,
    locked,
    require_makers_draft,
    tell,
    totals_of,
)
from ledger.journals.typed import (
    ATTACHMENTS_MAX,
    AttachmentRefused,
    CheckedFile,
    LineProblem,
    LinesRefused,
    TypedLine,
    Upload,
    read_attachments,
    read_description,
    read_lines,
    read_value_date,
)
from ledger.models import Account, JournalEntry, ManualJournal, ManualJournalAttachment, ManualJournalLine
from ledger.models.manual_journals import ManualJournalKind
from ledger.states import ManualJournalState
from operations.edges import money_tx
from operations.errors import DomainError


class EntryMissing(DomainError):
    """There is no journal entry {entry_id}."""

    code = "entry_missing"


class ReversalWaits(DomainError):
    """A reversal of the entry {entry_id} is under way already: {journal}."""

    code = "reversal_waits"


class LinesAreFixed(DomainError):
    """{journal} mirrors an entry line by line: its lines cannot be written by hand."""

    code = "lines_are_fixed"


class FormSentTwice(DomainError):
    """This form was sent before, with other content, and became {journal}: change that draft instead."""

    code = "form_sent_twice"


def draft_journal(
    *,
    lines: Sequence[TypedLine],
    description: str,
    actor: str,
    now: datetime,
    value_date: date | None = None,
    attachments: Iterable[Upload] = (),
    key: str | None = None,
) -> ManualJournal:
    """Write a journal down, for its preview; nothing is booked.

    It may touch every account of the chart, but a seller's only where the books know the seller: the ledger has
    no list of sellers, and a mistyped id would open a wallet with money that nobody can ever be paid.

    The same `key` with the same content returns the first draft. Raises LinesRefused (naming each line and
    field), WrongNumberOfLines, JournalNotBalanced (naming the remainders), TextRefused, ValueDateRefused,
    AttachmentRefused, FormSentTwice.
    """
    read = _read_lines(lines)
    journal = ManualJournal(
        kind=ManualJournalKind.JOURNAL,
        description=read_description(description),
        value_date=read_value_date(value_date, today=now.date()),
        maker=actor,
        created_at=now,
        key=key,
    )
    files = read_attachments(attachments)
    try:
        with money_tx("ledger.draft_journal"):
            _write(journal, read, files, now=now)
    except IntegrityError as error:
        if _constraint(error) != "manual_journal_form_once":
            raise
        return _first_draft(journal, read, files)
    return journal


def draft_reversal(
    *, entry_id: int, reason: str, actor: str, now: datetime, attachments: Iterable[Upload] = ()
) -> ManualJournal:
    """Write down the mirror of an entry, for its preview; nothing is booked.

    A reversal can be reversed, which books the first entry again; but each entry is reversed at most once. Raises
    EntryMissing, AlreadyReversed, ReversalWaits, TextRefused, AttachmentRefused.
    """
    original = JournalEntry.objects.filter(pk=entry_id).first()
    if original is None:
        raise EntryMissing(entry_id=entry_id)
    if JournalEntry.objects.filter(recipe="entry_reversed", reference=f"entry:{entry_id}").exists():
        raise AlreadyReversed(entry_id=entry_id)
    journal = ManualJournal(
        kind=ManualJournalKind.REVERSAL,
        reverses=original,
        description=read_description(reason),
        maker=actor,
        created_at=now,
    )
    files = read_attachments(attachments)
    try:
        with money_tx("ledger.draft_reversal"):
            _write(journal, mirrored(lines_of(original)), files, now=now)
    except IntegrityError as error:
        if _constraint(error) != "manual_journal_one_reversal_per_entry":
            raise
        raise _another_reversal(entry_id) from error
    return journal


def revise_journal(
    *,
    journal_id: str,
    lines: Sequence[TypedLine],
    description: str,
    actor: str,
    now: datetime,
    value_date: date | None = None,
    attachments: Iterable[Upload] = (),
) -> ManualJournal:
    """Replace what a draft says; attachments are added to those that it has. Only its maker may.

    Raises what `draft_journal` raises, and JournalMissing, NotTheMaker, LinesAreFixed, IllegalTransition.
    """
    read = _read_lines(lines)
    reason = read_description(description)
    on = read_value_date(value_date, today=now.date())
    files = read_attachments(attachments)
    with money_tx("ledger.revise_journal"):
        journal = locked(journal_id)
        require_makers_draft(journal, actor, event="revise")
        if journal.kind == ManualJournalKind.REVERSAL:
            raise LinesAreFixed(journal=journal_id)
        journal.description, journal.value_date = reason, on
        journal.save(update_fields=["description", "value_date"])
        journal.lines.all().delete()
        _write_lines(journal, read)
        _write_attachments(journal, files, actor=actor, now=now)
        tell(journal, "revised", actor=actor, now=now, **totals_of(journal))
    return journal


def _read_lines(typed: Sequence[TypedLine]) -> list[Line]:
    read = read_lines(typed)
    problems = [
        LineProblem(line=number, field="account", problem=f"the books know no seller {seller!r}.")
        for number, line in read.items()
        if (seller := _seller_of(line.account)) and not _knows_seller(seller)
    ]
    if problems:
        raise LinesRefused(problems)
    return list(read.values())


def _seller_of(account: str) -> str:
    """Return whose account it is, where it is a seller's."""
    kind, _, rest = account.partition(":")
    return rest.partition(":")[0] if kind == "seller" else ""


def _knows_seller(seller: str) -> bool:
    return Account.objects.filter(code__startswith=f"seller:{seller}:").exists()


def _write(journal: ManualJournal, lines: Sequence[Line], files: Sequence[CheckedFile], *, now: datetime) -> None:
    journal.save(force_insert=True)
    _write_lines(journal, lines)
    _write_attachments(journal, files, actor=journal.maker, now=now)
    tell(journal, "drafted", actor=journal.maker, now=now, **totals_of(journal))


def _write_lines(journal: ManualJournal, lines: Sequence[Line]) -> None:
    ManualJournalLine.objects.bulk_create(
        ManualJournalLine(
            journal=journal,
            position=position,
            account=line.account,
            currency=line.amount.currency,
            amount_minor=line.amount.minor,
            item=line.item,
        )
        for position, line in enumerate(lines)
    )


def _write_attachments(journal: ManualJournal, files: Sequence[CheckedFile], *, actor: str, now: datetime) -> None:
    held = set(journal.attachments.values_list("sha256", flat=True))
    fresh = [file for file in files if file.sha256 not in held]
    if len(held) + len(fresh) > ATTACHMENTS_MAX:
        raise AttachmentRefused(name=fresh[-1].name, problem=f"is one too many: {ATTACHMENTS_MAX} are allowed")
    for file in fresh:
        ManualJournalAttachment.objects.create(
            journal=journal,
            name=file.name,
            content_type=file.content_type,
            size=len(file.content),
            sha256=file.sha256,
            content=file.content,
            added_by=actor,
            added_at=now,
        )


def _first_draft(again: ManualJournal, lines: Sequence[Line], files: Sequence[CheckedFile]) -> ManualJournal:
    """Return what the form became when it was first sent, if it said the same."""
    first = ManualJournal.objects.get(key=again.key)
    said = (first.maker, first.description, first.value_date, first.entry_lines)
    held = set(first.attachments.values_list("sha256", flat=True))
    same = said == (again.maker, again.description, again.value_date, tuple(lines))
    if not same or held != {file.sha256 for file in files}:
        raise FormSentTwice(journal=first.pk)
    return first


def _another_reversal(entry_id: int) -> DomainError:
    waiting = (ManualJournalState.DRAFTED, ManualJournalState.REQUESTED)
    found = ManualJournal.objects.filter(reverses=entry_id, state__in=waiting).first()
    return ReversalWaits(entry_id=entry_id, journal=found.pk) if found else AlreadyReversed(entry_id=entry_id)


def _constraint(error: IntegrityError) -> str:
    cause = error.__cause__
    return (cause.diag.constraint_name or "") if isinstance(cause, postgres.Error) else ""
