"""Every guard of manual journals, attacked with raw SQL by the owner of the tables."""

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.utils import timezone

from ledger import recipes
from ledger.models import JournalEntry, ManualJournal
from ledger.services import revise_journal
from operations import database
from tests.database.attacks import as_the_application
from tests.ledger.test_posting import book, captured, euros
from tests.ledger.written import CHARGES, PDF, approve, booked, credit, debit, draft, reversal, submit, the_sale
from tests.world import CHECKER, MAKER

pytestmark = pytest.mark.django_db

LINE = """
INSERT INTO ledger_manualjournalline (journal_id, position, account, currency, amount_minor, item)
VALUES ('{journal}', {position}, '{account}', 'EUR', {amount}, '')
"""
FILE = """
INSERT INTO ledger_manualjournalattachment (journal_id, name, content_type, size, sha256, content, added_by, added_at)
VALUES ('{journal}', 'a.txt', '{type}', {size}, {digest}, 'late', 'user:oscar', now())
"""
HONEST = "encode(sha256('late'), 'hex')"


def attack(statement: str, *, match: str) -> None:
    """Assert that PostgreSQL refuses a statement."""
    # As after a commit: what was deferred is checked, and no trigger event is pending.
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    database.execute("SET CONSTRAINTS ALL DEFERRED")
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        database.execute(statement)


@pytest.fixture
def drafted(db: None) -> ManualJournal:
    """A draft with a file."""
    return draft(attachments=[PDF])


@pytest.fixture
def requested(db: None) -> ManualJournal:
    """A journal that waits for a second person."""
    return submit(draft(attachments=[PDF]))


@pytest.fixture
def posted(db: None) -> ManualJournal:
    """A journal that is in the books."""
    return ManualJournal.objects.get(entry=booked(draft(attachments=[PDF])))


class TestTheJournal:
    @pytest.mark.parametrize("verb", ["DELETE FROM ledger_manualjournal", "TRUNCATE ledger_manualjournal CASCADE"])
    def test_is_never_removed(self, drafted: ManualJournal, verb: str) -> None:
        attack(verb, match="is refused")

    @pytest.mark.parametrize(
        "change",
        [
            "maker = 'user:anna'",
            "created_at = now() - interval '1 year'",
            "kind = 'reversal'",
            "id = 'mj_other'",
            "key = 'another'",
        ],
    )
    def test_keeps_who_wrote_what_and_when(self, drafted: ManualJournal, change: str) -> None:
        attack(f"UPDATE ledger_manualjournal SET {change}", match="is fixed")

    def test_keeps_which_entry_it_reverses(self) -> None:
        reversal(the_sale().pk)
        book(captured("ch_2"))
        other = JournalEntry.objects.latest("pk")

        attack(f"UPDATE ledger_manualjournal SET reverses_id = {other.pk}", match="is fixed")

    @pytest.mark.parametrize("change", ["description = 'something else'", "value_date = '2020-01-01'"])
    def test_keeps_what_it_says_once_it_is_submitted(self, requested: ManualJournal, change: str) -> None:
        attack(f"UPDATE ledger_manualjournal SET {change}", match="is fixed")

    def test_keeps_the_entry_that_it_became(self, posted: ManualJournal) -> None:
        book(captured())
        other = JournalEntry.objects.latest("pk")

        attack(f"UPDATE ledger_manualjournal SET entry_id = {other.pk}", match="is fixed")

    def test_needs_a_reason(self, drafted: ManualJournal) -> None:
        attack("UPDATE ledger_manualjournal SET description = '     oops     '", match="manual_journal_has_reason")

    @pytest.mark.parametrize(
        ("kind", "reverses"), [("reversal", "NULL"), ("journal", "(SELECT min(id) FROM ledger_journalentry)")]
    )
    def test_reverses_an_entry_exactly_when_it_is_a_reversal(self, kind: str, reverses: str) -> None:
        the_sale()

        attack(
            "INSERT INTO ledger_manualjournal (id, kind, reverses_id, state, description, maker, created_at)"
            f" VALUES ('mj_x', '{kind}', {reverses}, 'drafted', 'a long enough reason', 'user:oscar', now())",
            match="manual_journal_reversal_names_entry",
        )

    def test_begins_as_a_draft(self) -> None:
        attack(
            "INSERT INTO ledger_manualjournal (id, kind, state, description, maker, created_at)"
            " VALUES ('mj_x', 'journal', 'requested', 'a long enough reason', 'user:oscar', now())",
            match="cannot begin in state requested",
        )

    def test_is_the_only_reversal_of_its_entry(self) -> None:
        entry = the_sale()
        reversal(entry.pk)

        attack(
            "INSERT INTO ledger_manualjournal (id, kind, reverses_id, state, description, maker, created_at)"
            f" VALUES ('mj_x', 'reversal', {entry.pk}, 'drafted', 'a long enough reason', 'user:oscar', now())",
            match="manual_journal_one_reversal_per_entry",
        )


class TestSubmission:
    def test_needs_lines(self, drafted: ManualJournal) -> None:
        database.execute("DELETE FROM ledger_manualjournalline")

        attack("UPDATE ledger_manualjournal SET state = 'requested'", match="does not balance")

    def test_needs_lines_that_balance(self, drafted: ManualJournal) -> None:
        database.execute("UPDATE ledger_manualjournalline SET amount_minor = 1251 WHERE position = 0")

        attack("UPDATE ledger_manualjournal SET state = 'requested'", match="does not balance")

    def test_needs_each_currency_to_balance(self, drafted: ManualJournal) -> None:
        database.execute("UPDATE ledger_manualjournalline SET currency = 'USD' WHERE position = 0")

        attack("UPDATE ledger_manualjournal SET state = 'requested'", match="does not balance")

    @pytest.mark.parametrize("state", ["drafted", "withdrawn"])
    def test_cannot_be_taken_back(self, requested: ManualJournal, state: str) -> None:
        attack(f"UPDATE ledger_manualjournal SET state = '{state}'", match=f"cannot move from requested to {state}")


class TestBooking:
    def test_needs_an_entry(self, drafted: ManualJournal) -> None:
        attack("UPDATE ledger_manualjournal SET state = 'posted'", match="the books do not say")

    def test_needs_its_own_entry(self, drafted: ManualJournal) -> None:
        entry = the_sale()

        attack(f"UPDATE ledger_manualjournal SET state = 'posted', entry_id = {entry.pk}", match="the books do not say")

    def test_needs_an_entry_of_its_own_name(self, drafted: ManualJournal) -> None:
        book(recipes.manual_journal(journal="mj_other", lines=drafted.entry_lines, description=drafted.description))
        entry = JournalEntry.objects.get()

        attack(f"UPDATE ledger_manualjournal SET state = 'posted', entry_id = {entry.pk}", match="the books do not say")

    def test_needs_an_entry_that_says_no_more(self) -> None:
        entry = booked(draft(*CHARGES, debit("losses:write_off", "3"), credit("bank:main", "3")))
        journal = reversal(entry.pk)
        database.execute(f"DELETE FROM ledger_manualjournalline WHERE journal_id = '{journal.pk}' AND position > 1")
        submitted = submit(journal)

        with pytest.raises(IntegrityError, match="the books do not say"):
            approve(submitted)

    @pytest.mark.parametrize(
        "tampering",
        [
            "UPDATE ledger_manualjournalline SET amount_minor = amount_minor * 2",
            "UPDATE ledger_manualjournalline SET account = 'losses:disputes' WHERE position = 0",
            "UPDATE ledger_manualjournalline SET item = 'another'",
            "UPDATE ledger_manualjournalline SET position = position + 10",
        ],
    )
    def test_needs_an_entry_that_says_the_same_line_by_line(self, tampering: str) -> None:
        """The mirror of an entry is tampered with while it is a draft, and then booked by the posting function."""
        book(recipes.provider_fee_charged(psp="stripe", balance_transaction="txn_1", source="ch_1", fee=euros(320)))
        journal = reversal(JournalEntry.objects.get().pk)
        database.execute(tampering)
        submitted = submit(journal)

        with pytest.raises(IntegrityError, match="the books do not say"):
            approve(submitted)
        assert JournalEntry.objects.count() == 1

    def test_needs_a_second_person_who_granted_it(self, requested: ManualJournal) -> None:
        lines, reason = requested.entry_lines, requested.description
        book(recipes.manual_journal(journal=requested.pk, lines=lines, description=reason))
        entry = JournalEntry.objects.get()
        book_it = f"UPDATE ledger_manualjournal SET state = 'posted', entry_id = {entry.pk}"
        grant = "UPDATE operations_approval SET state = 'granted', checker = '{}'"

        attack(book_it, match="not approved by a second person")
        attack(grant.format(MAKER), match="approval_maker_is_not_checker")
        database.execute(grant.format(CHECKER))
        assert database.execute(book_it) == 1

    def test_is_not_granted_by_a_refusal(self, requested: ManualJournal) -> None:
        lines, reason = requested.entry_lines, requested.description
        book(recipes.manual_journal(journal=requested.pk, lines=lines, description=reason))
        database.execute(f"UPDATE operations_approval SET state = 'rejected', checker = '{CHECKER}'")

        attack(
            f"UPDATE ledger_manualjournal SET state = 'posted', entry_id = {JournalEntry.objects.get().pk}",
            match="not approved by a second person",
        )

    def test_of_a_draft_leaves_it_without_an_entry_until_then(self, drafted: ManualJournal) -> None:
        entry = the_sale()

        attack(f"UPDATE ledger_manualjournal SET entry_id = {entry.pk}", match="manual_journal_posted_has_entry")


class TestTheLines:
    @pytest.mark.parametrize(
        "verb",
        [
            "UPDATE ledger_manualjournalline SET amount_minor = amount_minor * 10",
            "UPDATE ledger_manualjournalline SET account = 'bank:mine' WHERE position = 1",
            "DELETE FROM ledger_manualjournalline",
        ],
    )
    @pytest.mark.parametrize("journal", ["requested", "posted"])
    def test_are_frozen_once_submitted(self, journal: str, verb: str, request: pytest.FixtureRequest) -> None:
        request.getfixturevalue(journal)

        attack(verb, match="is refused")

    def test_are_not_added_to_once_submitted(self, requested: ManualJournal) -> None:
        line = LINE.format(journal=requested.pk, position=2, account="rounding", amount=1)

        attack(line, match="is refused")

    def test_are_not_moved_in_from_a_draft(self, requested: ManualJournal) -> None:
        other = draft()

        attack(
            f"UPDATE ledger_manualjournalline SET journal_id = '{requested.pk}', position = position + 2"
            f" WHERE journal_id = '{other.pk}'",
            match="is refused",
        )

    def test_are_not_moved_out_to_a_draft(self, requested: ManualJournal) -> None:
        other = draft()

        attack(
            f"UPDATE ledger_manualjournalline SET journal_id = '{other.pk}', position = position + 2"
            f" WHERE journal_id = '{requested.pk}'",
            match="is refused",
        )

    def test_are_never_zero(self, drafted: ManualJournal) -> None:
        attack("UPDATE ledger_manualjournalline SET amount_minor = 0", match="manual_journal_line_not_zero")

    def test_are_never_all_thrown_away(self, drafted: ManualJournal) -> None:
        attack("TRUNCATE ledger_manualjournalline", match="is refused")

    def test_of_a_draft_can_be_written_again(self, drafted: ManualJournal) -> None:
        assert database.execute("DELETE FROM ledger_manualjournalline") == 2


class TestTheEvidence:
    @pytest.mark.parametrize(
        "verb",
        [
            "UPDATE ledger_manualjournalattachment SET name = 'other.pdf'",
            "DELETE FROM ledger_manualjournalattachment",
            "TRUNCATE ledger_manualjournalattachment",
        ],
    )
    def test_stays_even_with_a_draft(self, drafted: ManualJournal, verb: str) -> None:
        attack(verb, match="is refused")

    def test_is_complete_when_the_journal_is_submitted(self, requested: ManualJournal) -> None:
        attack(FILE.format(journal=requested.pk, type="text/plain", size=4, digest=HONEST), match="is refused")

    @pytest.mark.parametrize(
        ("type_", "size", "digest", "constraint"),
        [
            ("text/html", 4, HONEST, "attachment_type_is_allowed"),
            ("text/plain", 5, HONEST, "attachment_is_whole"),
            ("text/plain", 4, "encode(sha256('soon'), 'hex')", "attachment_is_whole"),
        ],
    )
    def test_is_what_its_row_says(
        self, drafted: ManualJournal, type_: str, size: int, digest: str, constraint: str
    ) -> None:
        attack(FILE.format(journal=drafted.pk, type=type_, size=size, digest=digest), match=constraint)

    def test_can_be_added_to_a_draft(self, drafted: ManualJournal) -> None:
        assert database.execute(FILE.format(journal=drafted.pk, type="text/plain", size=4, digest=HONEST)) == 1


class TestTheApplication:
    """The application's role has the rights that the verbs need, and the guards hold against it too."""

    def test_drafts_changes_submits_and_books(self) -> None:
        with as_the_application():
            drafted = draft(attachments=[PDF])
            revise_journal(
                journal_id=drafted.pk, lines=CHARGES, description="bank charges of May", actor=MAKER, now=timezone.now()
            )
            entry = booked(drafted)
            mirror = booked(reversal(entry.pk))

        assert (entry.recipe, mirror.recipe) == ("manual_journal", "entry_reversed")

    @pytest.mark.parametrize(
        "verb",
        [
            "UPDATE ledger_manualjournalattachment SET name = 'other.pdf'",
            "DELETE FROM ledger_manualjournalattachment",
            "TRUNCATE ledger_manualjournalline",
            "ALTER TABLE ledger_manualjournal DISABLE TRIGGER USER",
        ],
    )
    def test_has_no_right_to_the_rest(self, drafted: ManualJournal, verb: str) -> None:
        with as_the_application(), pytest.raises(ProgrammingError), transaction.atomic():
            database.execute(verb)
