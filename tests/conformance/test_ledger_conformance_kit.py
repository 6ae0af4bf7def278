"""The fifteen invariants of the public Ledger Conformance Kit, and its proposed sixteenth, on our books.

One class an invariant, under its id and title, at the sizes that the kit uses, on committed data and with real
threads. How the kit's vocabulary maps to recipes is said in `adapter.py`. Two things of it have no counterpart here:
a caller cannot ask for an overdraft, so whatever the kit submits with one is funded first; and how long a refused
transaction may keep its key (INV-16) is no setting: not at all.

The invariants about what is written come first; those about state that is rebuilt are in test_rebuilding.py.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import TypeVar

import pytest
from django.db import DataError, IntegrityError, connections
from django.utils import timezone

from config.embedded.processes import wait_until
from ledger import chart, recipes
from ledger.entries import Entry, credit, debit
from ledger.models import ClosedDay
from ledger.money import Money
from ledger.selectors import trial_balance
from ledger.services import lock_day, post, seal_journal
from operations import database
from operations.edges import money_tx
from tests.committed import at_once, somebody_waits_for_a_lock
from tests.conformance.adapter import (
    APPLIED,
    CLEARING,
    DUPLICATE,
    REFUSED,
    Ledger,
    Outcome,
    Status,
    projected,
    transfer,
)
from tests.conformance.crowd import beside, crowd
from tests.database.attacks import attack

T = TypeVar("T")
ANN, BOB = chart.available("ann"), chart.available("bob")


def statuses(outcomes: Sequence[Outcome]) -> dict[Status, int]:
    """Return how many submissions came to what."""
    return dict(Counter(outcome.status for outcome in outcomes))


class TestTheAdapter:
    """Before any invariant is believed: the adapter itself tells the truth."""

    def test_reset_empties_the_books(self, ledger: Ledger) -> None:
        ledger.fund("ann", 100)

        ledger.reset()

        assert ledger.journal() == []
        assert ledger.balance(ANN) == 0

    def test_balances_are_minor_units(self, ledger: Ledger) -> None:
        ledger.fund("ann", 12_345)

        assert ledger.balance(ANN) == 12_345

    def test_journal_is_a_copy_in_the_order_of_commits(self, ledger: Ledger) -> None:
        ledger.fund("ann", 300)
        before = ledger.journal()
        for key in ("t1", "t2", "t3"):
            ledger.transfer("ann", "bob", 100, key)

        assert len(before) == 4
        assert [row.reference for row in ledger.journal()[4:]] == ["t1", "t1", "t2", "t2", "t3", "t3"]

    def test_a_refusal_is_a_value(self, ledger: Ledger) -> None:
        outcome = ledger.transfer("ann", "bob", 1, "t1")

        assert (outcome.status, outcome.reason) == (REFUSED, "insufficient_funds")

    def test_anything_else_is_raised(self, ledger: Ledger) -> None:
        with pytest.raises(DataError, match="NUL"):
            ledger.credit("ann", 100, "\x00")


class TestInv01EveryTransactionIsBalancedPerCurrency:
    def test_each_entry_sums_to_zero_in_each_currency(self, ledger: Ledger) -> None:
        ledger.fund("ann", 10_000)
        ledger.transfer("ann", "bob", 4_000, "t1")
        at, yen = timezone.now(), Money(16_000, "JPY")
        rate = recipes.RateSnapshot(base="EUR", quote="JPY", rate=Decimal(160), source="test", at=at)
        fx = recipes.currency_exchanged(
            psp="stripe", exchange="fx_1", sold=Money(10_000, "EUR"), bought=yen, fee=Money(0, "JPY"), rate=rate
        )
        assert ledger.post(fx).status is APPLIED

        sums: Counter[tuple[str, str]] = Counter()
        for row in ledger.journal():
            sums[row.reference, row.currency] += row.minor

        assert {key: minor for key, minor in sums.items() if minor} == {}
        assert {key for key in sums if key[0] == "fx_1"} == {("fx_1", "EUR"), ("fx_1", "JPY")}
        assert sum(account.debit_minor for account in trial_balance(currency="EUR")) == 0
        assert sum(account.debit_minor for account in trial_balance(currency="JPY")) == 0

    def test_what_does_not_balance_is_refused_by_the_database_itself(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ledger.posting.require_balanced", lambda entry: None)
        entry = mixed(Money(1_000, "EUR"), Money(999, "EUR"))

        with pytest.raises(IntegrityError, match="does not balance"):
            ledger.post(entry)
        assert ledger.journal() == []


class TestInv02TheJournalIsAppendOnly:
    def test_what_was_read_once_is_the_beginning_of_what_is_read_later(self, ledger: Ledger) -> None:
        ledger.fund("ann", 10_000)
        ledger.transfer("ann", "bob", 1_000, "t1")
        before = ledger.journal()

        ledger.transfer("bob", "ann", 300, "t2")
        ledger.transfer("ann", "bob", 100, "t3")

        assert ledger.journal()[: len(before)] == before
        assert len(ledger.journal()) == len(before) + 4

    def test_what_is_final_never_moves_while_others_write(self, ledger: Ledger) -> None:
        """Ids do not commit in order; seals do."""

        def seal_and_read() -> list[int]:
            seal()
            return [row.line_id for row in ledger.sealed()]

        with beside(seal_and_read) as readings:
            crowd([partial(ledger.credit, "ann", 100, f"ch_{number}") for number in range(200)])
        readings.append(seal_and_read())

        last = readings[-1]
        assert len(last) == 400
        assert len({len(reading) for reading in readings}) > 2, "nothing was sealed while others wrote"
        for reading in readings:
            assert last[: len(reading)] == reading

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ledger_journalline SET amount_minor = amount_minor + 1",
            "DELETE FROM ledger_journalline",
            "DELETE FROM ledger_journalentry",
            "UPDATE ledger_journalentry SET recorded_at = now()",
        ],
    )
    def test_the_owner_of_the_tables_cannot_edit_it(self, ledger: Ledger, statement: str) -> None:
        ledger.fund("ann", 100)

        attack(statement, match="is refused")

    def test_a_closed_day_has_what_was_under_way_when_it_was_closed(self, ledger: Ledger) -> None:
        today = timezone.now().date()
        ledger.fund("ann", 100)

        def close() -> str:
            with money_tx("test"):
                return lock_day(business_date=today, actor="user:oscar", now=timezone.now())

        with ThreadPoolExecutor(1) as closer:
            with money_tx("test"):
                post(transfer("ann", "bob", 100, "t1"), actor="system:test", now=timezone.now())
                closing = closer.submit(thread_of, close)
                wait_until(lambda: closing.done() or somebody_waits_for_a_lock(), timeout_s=10)
                assert not closing.done(), "the day was closed over a posting under way"
            digest = closing.result(timeout=20)

        assert {row.business_date for row in ledger.journal()} == {today}
        assert ClosedDay.objects.get().digest == digest
        assert ClosedDay.objects.get().entries == 3


class TestInv04DuplicateSubmissionIsANoOp:
    def test_says_that_it_is_a_duplicate_and_writes_nothing(self, ledger: Ledger) -> None:
        ledger.fund("ann", 10_000)
        first = ledger.transfer("ann", "bob", 2_500, "dup")
        before = ledger.journal()

        second = ledger.transfer("ann", "bob", 2_500, "dup")

        assert (first.status, second.status) == (APPLIED, DUPLICATE)
        assert second.entry_id == first.entry_id
        assert ledger.journal() == before
        assert ledger.balance(BOB) == 2_500

    def test_other_content_under_the_same_key_is_no_duplicate(self, ledger: Ledger) -> None:
        ledger.fund("ann", 10_000)
        ledger.transfer("ann", "bob", 2_500, "dup")

        outcome = ledger.transfer("ann", "bob", 2_501, "dup")

        assert (outcome.status, outcome.reason) == (REFUSED, "reference_reused")
        assert ledger.balance(BOB) == 2_500


class TestInv05ConcurrentDuplicatesCollapseToOne:
    def test_one_of_64_submissions_of_one_key_is_applied(self, ledger: Ledger) -> None:
        ledger.fund("ann", 100_000)

        found = crowd([partial(ledger.transfer, "ann", "bob", 2_500, "race")] * 64, size=64)

        assert statuses(found) == {APPLIED: 1, DUPLICATE: 63}
        assert len({outcome.entry_id for outcome in found}) == 1
        assert (ledger.balance(ANN), ledger.balance(BOB)) == (97_500, 2_500)


class TestInv06NoLostUpdatesOnAHotAccount:
    def test_500_credits_at_once_are_all_there(self, ledger: Ledger) -> None:
        found = crowd([partial(ledger.credit, "hot", 100, f"hot_{number}") for number in range(500)])

        assert statuses(found) == {APPLIED: 500}
        # A stored balance and a derived one.
        assert ledger.balance(chart.pending("hot")) == 50_000
        assert ledger.balance(CLEARING) == 50_000


class TestInv07ValueIsConservedUnderConcurrentTransfers:
    def test_400_transfers_round_a_ring_of_8_make_and_lose_nothing(self, ledger: Ledger) -> None:
        for number in range(8):
            ledger.fund(f"s{number}", 10_000)

        found = crowd([partial(ledger.transfer, f"s{n % 8}", f"s{(n + 3) % 8}", 100, f"mv_{n}") for n in range(400)])

        assert statuses(found) == {APPLIED: 400}
        assert [ledger.balance(chart.available(f"s{number}")) for number in range(8)] == [10_000] * 8


class TestInv08BalanceEqualsTheJournalProjection:
    def test_after_200_movements_at_once_with_seals_in_between(self, ledger: Ledger) -> None:
        ledger.fund("ann", 50_000)

        with beside(seal):
            crowd(
                [partial(ledger.transfer, "ann", "bob", 50, f"proj_{number}") for number in range(100)]
                + [partial(ledger.credit, "ann", 50, f"ch_{number}") for number in range(100)]
            )

        rows = ledger.journal()
        for account in (ANN, BOB, chart.pending("ann"), CLEARING):
            assert ledger.balance(account) == projected(rows, account), account

    def test_counts_what_is_posted_between_a_barrier_and_its_seal(self, ledger: Ledger) -> None:
        ledger.credit("ann", 100, "ch_1")
        with money_tx("test"):
            database.execute(database.queries("ledger")["put_barrier"])
        ledger.credit("ann", 100, "ch_2")
        with money_tx("test"):
            facts = {"now": timezone.now(), "patience_s": 1}
            assert database.fetch_one(database.queries("ledger")["seal"], facts)["seal_id"]

        assert len(ledger.sealed()) == 2
        assert ledger.balance(CLEARING) == 200

    def test_counts_once_what_began_before_a_barrier_and_drew_its_ids_after_it(self, ledger: Ledger) -> None:
        ledger.credit("ann", 100, "ch_1")
        put = partial(database.execute, database.queries("ledger")["put_barrier"])
        with money_tx("test"):
            database.fetch_one("SELECT ledger_txid() AS txid")
            at_once([put])
            sale = recipes.Sale(order="o", seller="ann", gross=Money(100, "EUR"), commission=Money(0, "EUR"))
            post(
                recipes.payment_captured(psp="stripe", charge="ch_2", sales=[sale]),
                actor="system:test",
                now=timezone.now(),
            )
        with money_tx("test"):
            facts = {"now": timezone.now(), "patience_s": 1}
            assert database.fetch_one(database.queries("ledger")["seal"], facts)["seal_id"]

        assert len(ledger.sealed()) == 4
        assert ledger.balance(CLEARING) == 200


class TestInv09OverdraftGuardHoldsUnderAConcurrentDrain:
    def test_10_of_20_draws_at_once_are_applied(self, ledger: Ledger) -> None:
        ledger.fund("ann", 10_000)

        found = crowd([partial(ledger.draw, "ann", 1_000, f"drain_{number}") for number in range(20)])

        assert statuses(found) == {APPLIED: 10, REFUSED: 10}
        assert {outcome.reason for outcome in found} == {"", "insufficient_funds"}
        assert ledger.balance(ANN) == 0
        assert ledger.balance(chart.IN_TRANSIT) == 10_000


class TestInv10NoPrecisionDriftOverManySmallMovements:
    def test_1000_transfers_of_one_cent_move_exactly_ten_euros(self, ledger: Ledger) -> None:
        ledger.fund("ann", 100_000)

        for number in range(1_000):
            assert ledger.transfer("ann", "bob", 1, f"penny_{number}").status is APPLIED

        assert (ledger.balance(ANN), ledger.balance(BOB)) == (99_000, 1_000)


class TestInv11CurrenciesCannotBeMixedInsideOneTransaction:
    def test_dollars_do_not_close_euros(self, ledger: Ledger) -> None:
        outcome = ledger.post(mixed(Money(1_000, "USD"), Money(1_000, "EUR")))

        assert (outcome.status, outcome.reason) == (REFUSED, "not_balanced")
        assert ledger.journal() == []

    def test_nor_do_they_where_only_the_database_looks(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ledger.posting.require_balanced", lambda entry: None)

        with pytest.raises(IntegrityError, match="does not balance"):
            ledger.post(mixed(Money(1_000, "USD"), Money(1_000, "EUR")))
        assert ledger.journal() == []


class TestInv12ReversalIsCompensationNeverDeletion:
    def test_both_stay_and_their_net_is_zero(self, ledger: Ledger) -> None:
        ledger.fund("ann", 10_000)
        original = ledger.transfer("ann", "bob", 3_000, "orig")
        before = ledger.journal()

        assert ledger.reverse(original.entry_id).status is APPLIED

        after = ledger.journal()
        assert after[: len(before)] == before
        added = {(row.account, row.minor) for row in after[len(before) :]}
        assert added == {(row.account, -row.minor) for row in before if row.entry_id == original.entry_id}
        assert (ledger.balance(ANN), ledger.balance(BOB)) == (10_000, 0)

    def test_happens_once(self, ledger: Ledger) -> None:
        ledger.fund("ann", 10_000)
        original = ledger.transfer("ann", "bob", 3_000, "orig")
        ledger.reverse(original.entry_id)

        assert ledger.reverse(original.entry_id).status is DUPLICATE
        assert (ledger.balance(ANN), ledger.balance(BOB)) == (10_000, 0)


class TestInv15ADuplicateOfARefusedTransactionIsNotReportedAsApplied:
    def test_32_submissions_that_cannot_be_paid_are_all_refused(self, ledger: Ledger) -> None:
        ledger.fund("ann", 100)
        before = ledger.journal()

        found = crowd([partial(ledger.transfer, "ann", "bob", 5_000, "broke")] * 32, size=32)

        assert statuses(found) == {REFUSED: 32}
        assert ledger.journal() == before
        assert ledger.balance(ANN) == 100


class TestInv16AClaimDoesNotOutliveItsTransaction:
    def test_a_key_that_was_refused_works_as_soon_as_there_is_money(self, ledger: Ledger) -> None:
        assert ledger.draw("ann", 5_000, "stranded").status is REFUSED
        ledger.fund("ann", 5_000)

        assert ledger.draw("ann", 5_000, "stranded").status is APPLIED

    def test_a_key_whose_caller_died_works_at_once(self, ledger: Ledger) -> None:
        ledger.fund("ann", 5_000)

        def die_before_commit() -> None:
            with money_tx("test"):
                entry = recipes.payout_reserved(seller="ann", payout="stranded", amount=Money(5_000, "EUR"))
                post(entry, actor="system:test", now=timezone.now())
                database.terminate_own_backend()

        [death] = at_once([die_before_commit])

        assert "terminat" in str(death)
        assert ledger.draw("ann", 5_000, "stranded").status is APPLIED
        assert ledger.balance(ANN) == 0


def mixed(debited: Money, credited: Money) -> Entry:
    """Return an entry that debits one amount and credits another."""
    return Entry(
        recipe="manual_journal", reference="mixed", lines=(debit("bank:main", debited), credit("rounding", credited))
    )


def thread_of(call: Callable[[], T]) -> T:
    """Make a call in a thread that leaves no connection behind."""
    try:
        return call()
    finally:
        connections.close_all()


def seal() -> int | None:
    """Seal what is final."""
    return seal_journal(now=timezone.now())
