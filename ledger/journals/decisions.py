"""From a draft into the books: submitted by its maker, decided by a second person above the limit."""

from datetime import datetime

from django.conf import settings

from ledger import recipes
from ledger.entries import Entry
from ledger.journals.common import (
    APPROVAL_KIND,
    AlreadyReversed,
    lines_of,
    locked,
    require_makers_draft,
    subject_of,
    tell,
    totals_of,
)
from ledger.journals.effects import require_bearable
from ledger.models import ManualJournal
from ledger.money import Money
from ledger.posting import ReferenceReused, post
from operations import approvals
from operations.edges import money_tx
from operations.lifecycle import move
from operations.texts import require_fit


def submit_journal(*, journal_id: str, actor: str, now: datetime) -> ManualJournal:
    """Book a draft where its debits are within the limit in every currency; else ask a second person.

    Only its maker may. Raises JournalMissing, NotTheMaker, IllegalTransition, WouldOverdraw, HoldTooSmall,
    AlreadyReversed, and what posting raises; then nothing has changed.
    """
    with money_tx("ledger.submit_journal"):
        journal = locked(journal_id)
        require_makers_draft(journal, actor, event="submit")
        within = within_limit(journal)
        tell(journal, "submitted", actor=actor, now=now, **totals_of(journal), within_limit=within)
        if within:
            _post(journal, actor=actor, now=now)
        else:
            require_bearable(journal)
            move(journal, "submit", actor=actor, now=now)
            approvals.request(
                kind=APPROVAL_KIND,
                subject=subject_of(journal),
                payload={"journal": journal.pk},
                reason=journal.description,
                maker=journal.maker,
                now=now,
            )
    return journal


def withdraw_journal(*, journal_id: str, actor: str, now: datetime, reason: str = "") -> None:
    """Call a draft off. Not only its maker may, so that nobody's forgotten draft stands in the way of others.

    Raises JournalMissing, IllegalTransition, TextRefused.
    """
    require_fit(reason=reason)
    with money_tx("ledger.withdraw_journal"):
        journal = locked(journal_id)
        move(journal, "withdraw", actor=actor, now=now, reason=reason)
        tell(journal, "withdrawn", actor=actor, now=now, reason=reason)


def post_journal(*, journal: str, maker: str, checker: str, now: datetime) -> None:
    """Book a journal. Called when a second person grants it; never directly."""
    _post(locked(journal), actor=checker, now=now)


def reject_journal(*, journal: str, maker: str, checker: str, now: datetime) -> None:
    """Note that a second person refused a journal: nothing was booked, and nothing will be."""
    found = locked(journal)
    move(found, "reject", actor=checker, now=now)
    tell(found, "rejected", actor=checker, now=now)


def within_limit(journal: ManualJournal) -> bool:
    """Tell whether one person is enough: no currency's debits are above its limit, which is 0 where none is set."""
    return all(
        total.minor <= limit.minor for total, limit in zip(journal.totals.values(), limits_of(journal), strict=True)
    )


def limits_of(journal: ManualJournal) -> list[Money]:
    """Return what one person may book alone in each of a journal's currencies, in the order of its totals."""
    limits: dict[str, int] = settings.MANUAL_JOURNAL_LIMIT_MINOR
    return [Money(limits.get(currency, 0), currency) for currency in journal.totals]


def _post(journal: ManualJournal, *, actor: str, now: datetime) -> None:
    require_bearable(journal)
    try:
        posted = post(_entry(journal), actor=actor, now=now)
    except ReferenceReused as error:
        # A journal's own reference is new; only an entry can have been reversed meanwhile, and as another subject's.
        raise AlreadyReversed(entry_id=journal.reverses_id) from error
    if not posted.created:
        raise AlreadyReversed(entry_id=journal.reverses_id)
    move(journal, "post", actor=actor, now=now, entry_id=posted.entry_id)
    tell(journal, "posted", actor=actor, now=now, entry=posted.entry_id)


def _entry(journal: ManualJournal) -> Entry:
    if journal.reverses is None:
        return recipes.manual_journal(
            journal=journal.pk,
            lines=journal.entry_lines,
            description=journal.description,
            subject=subject_of(journal),
            value_date=journal.value_date,
        )
    return recipes.entry_reversed(
        entry_id=journal.reverses.pk,
        lines=lines_of(journal.reverses),
        description=journal.description,
        # It belongs to the story of what it reverses, and shows on the same page.
        subject=journal.reverses.subject or subject_of(journal),
    )
