"""Checkpoints are proved: by the sums of the lines when everything is, by what is read from them every hour."""

from datetime import date

import pytest

from ledger.services import lock_day, seal_journal, verify_books
from operations import database
from operations.edges import money_tx
from tests.committed import committed_db
from tests.conformance.mutants import WEAKENED
from tests.conformance.test_mutants import restored
from tests.ledger.history import book, euros, noon, sale, three_months

__all__ = ["committed_db"]

LATER = noon(date(2026, 4, 30))
LAST = "UPDATE ledger_checkpoint AS c SET {change} WHERE day = (SELECT max(day) FROM ledger_checkpoint AS o" + (
    " WHERE o.account_id = c.account_id) AND account_id ="
    " (SELECT id FROM ledger_account WHERE code = 'psp:stripe:clearing' AND currency = 'EUR')"
)
FIRST = LAST.replace("max(", "min(")


def prove(*, full: bool) -> set[str]:
    return {found.proof for found in verify_books(actor="system:test", now=LATER, full=full).findings}


@pytest.fixture
def sealed_books(committed_db: None) -> None:
    """Three months of trade, some of it valued before it was booked, closed, sealed and proved; and a line after."""
    three_months()
    with money_tx("test"):
        lock_day(business_date=date(2026, 3, 31), actor="user:oscar", now=noon(date(2026, 4, 1)))
    book(sale("ch_late", euros(700), commission=euros(7), value_date=date(2026, 2, 2)), on=date(2026, 4, 1))
    assert seal_journal(now=LATER)
    book(sale("ch_new", euros(900), commission=euros(9)), on=date(2026, 4, 2))
    assert prove(full=True) == set()
    assert prove(full=False) == set()


@pytest.mark.usefixtures("sealed_books")
class TestACheckpoint:
    @pytest.mark.parametrize(
        ("change", "every_hour", "every_night"),
        [
            (
                "value_debit_minor = value_debit_minor + 1",
                {"prove_value_dates"},
                {"prove_checkpoints", "prove_value_dates"},
            ),
            (
                "debit_minor = debit_minor + 1",
                {"prove_value_dates", "prove_trial_balance"},
                {"prove_checkpoints", "prove_value_dates", "prove_trial_balance", "prove_balances"},
            ),
            (
                "debit_minor = debit_minor + 1, value_debit_minor = value_debit_minor + 1",
                {"prove_trial_balance"},
                {"prove_checkpoints", "prove_trial_balance", "prove_balances"},
            ),
        ],
    )
    @pytest.mark.parametrize("full", [False, True], ids=["hourly", "nightly"])
    def test_that_somebody_changed_is_found_by_name(
        self, change: str, every_hour: set[str], every_night: set[str], full: bool
    ) -> None:
        database.execute(LAST.format(change=change))

        assert prove(full=full) == (every_night if full else every_hour)

    @pytest.mark.parametrize("change", ["value_debit_minor = value_debit_minor + 1", "debit_minor = debit_minor - 1"])
    def test_of_an_earlier_day_is_found_every_night(self, change: str) -> None:
        database.execute(FIRST.format(change=change))

        assert prove(full=False) == set()
        assert prove(full=True) == {"prove_checkpoints"}

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM ledger_checkpoint WHERE day = (SELECT min(day) FROM ledger_checkpoint)",
            "INSERT INTO ledger_checkpoint (account_id, day, debit_minor, value_debit_minor)"
            " SELECT account_id, min(day) - 1, 0, 0 FROM ledger_checkpoint GROUP BY account_id LIMIT 1",
        ],
        ids=["missing", "too many"],
    )
    def test_is_there_for_each_day_on_which_something_moved_and_no_other(self, statement: str) -> None:
        database.execute(statement)

        assert prove(full=True) == {"prove_checkpoints"}

    @pytest.mark.parametrize(
        ("mutant", "found"),
        [
            ("a value date counts as the business date", {"prove_checkpoints"}),
            ("a late line stays in its day's checkpoint", {"prove_checkpoints"}),
        ],
    )
    def test_that_a_broken_seal_makes_is_found(
        self, mutant: str, found: set[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with restored():
            WEAKENED[mutant](monkeypatch)
            book(sale("ch_1st", euros(300), commission=euros(3), value_date=date(2026, 1, 3)), on=date(2026, 4, 3))
            assert seal_journal(now=LATER)

            assert prove(full=True) == found
