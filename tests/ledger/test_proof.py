"""verify_books finds what somebody did behind the guards' back, and stops payouts."""

import pytest
from django.utils import timezone

from ledger.proof import verify_books
from operations import database
from operations.selectors import stopped_switches
from tests.ledger.test_posting import book, captured

pytestmark = pytest.mark.django_db


def tamper(statement: str) -> None:
    """Change the books as only their owner could: with every guard switched off, and on again."""
    tables = ("ledger_journalentry", "ledger_journalline", "ledger_balance", "ledger_account")
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in tables:
        database.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    database.execute("ALTER TABLE ledger_journalline DROP CONSTRAINT line_currency_is_accounts")
    database.execute(statement)
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in tables:
        database.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


class TestVerifyBooks:
    def test_is_green_over_honest_books(self) -> None:
        book(captured())

        verdict = verify_books(actor="system:test", now=timezone.now())

        assert verdict.green
        assert verdict.entries == 1
        assert stopped_switches() == []

    @pytest.mark.parametrize(
        ("statement", "proof"),
        [
            (
                "UPDATE ledger_journalline SET amount_minor = amount_minor + 1 WHERE position = 0",
                "prove_entries_balance",
            ),
            ("DELETE FROM ledger_journalline WHERE position = 2", "prove_line_counts"),
            ("UPDATE ledger_balance SET balance_minor = balance_minor - 1", "prove_balances_are_sums"),
            ("UPDATE ledger_balance SET balance_minor = 0", "prove_balances_are_sums"),
            ("UPDATE ledger_account SET currency = 'USD' WHERE guarded", "prove_currencies"),
        ],
    )
    def test_names_what_was_tampered_with_and_stops_payouts(self, statement: str, proof: str) -> None:
        book(captured())
        tamper(statement)

        verdict = verify_books(actor="system:test", now=timezone.now())

        assert proof in {finding.proof for finding in verdict.findings}
        assert stopped_switches() == ["payouts"]

    def test_is_red_when_a_guard_is_switched_off(self) -> None:
        database.execute("ALTER TABLE ledger_journalline DISABLE TRIGGER guard_entry_balances")

        verdict = verify_books(actor="system:test", now=timezone.now())

        assert [finding.row["name"] for finding in verdict.findings] == ["guard_entry_balances"]
