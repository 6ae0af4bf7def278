"""verify_books finds what somebody did behind the guards' back, and stops payouts."""

from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from ledger.models import Proof
from ledger.proof import CONSTRAINTS, FUNCTIONS, GUARDS
from ledger.seals import Head
from ledger.services import lock_day, verify_books
from operations import database
from operations.edges import money_tx
from operations.selectors import stopped_switches
from tests.ledger.test_posting import book, captured, released, reserved
from tests.ledger.test_recipes_treasury import exchanged

TABLES = (
    "ledger_journalentry",
    "ledger_journalline",
    "ledger_balance",
    "ledger_hold",
    "ledger_exchange",
    "ledger_account",
    "ledger_seal",
    "ledger_closedday",
    "ledger_proof",
)


def tamper(statement: str) -> None:
    """Change the books as only their owner could: with every guard switched off, and on again."""
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in TABLES:
        database.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    database.execute(statement)
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in TABLES:
        database.execute(f"ALTER TABLE IF EXISTS {table} ENABLE TRIGGER USER")


def prove(*, full: bool = True) -> set[str]:
    verdict = verify_books(actor="system:test", now=timezone.now(), full=full)
    return {finding.proof for finding in verdict.findings}


TAMPERED = [
    ("UPDATE ledger_journalline SET amount_minor = amount_minor + 1 WHERE position = 0", "prove_entries"),
    ("DELETE FROM ledger_journalline WHERE position = 2", "prove_entries"),
    ("DELETE FROM ledger_journalentry WHERE recipe = 'payment_captured'", "prove_entries"),
    ("UPDATE ledger_journalline SET item = 'ord_2' WHERE item = 'ord_1'", "prove_digests"),
    ("UPDATE ledger_journalline SET item = '' WHERE item LIKE 'ch_%'", "prove_open_items"),
    ("UPDATE ledger_journalline SET position = position + 10", "prove_digests"),
    ("UPDATE ledger_balance SET balance_minor = balance_minor + 1", "prove_balances"),
    ("UPDATE ledger_balance SET balance_minor = 0", "prove_balances"),
    ("UPDATE ledger_journalline SET balance_after_minor = balance_after_minor + 1", "prove_chain"),
    ("UPDATE ledger_hold SET held_minor = held_minor - 1", "prove_holds"),
    ("DELETE FROM ledger_hold", "prove_holds"),
    ("UPDATE ledger_account SET currency = 'USD' WHERE NOT guarded", "prove_currencies"),
]


@pytest.mark.django_db
class TestVerifyBooks:
    @pytest.fixture(autouse=True)
    def honest_books(self, db: None) -> None:
        for entry in (captured(), released(), reserved()):
            book(entry)

    def test_is_green_over_honest_books(self) -> None:
        verdict = verify_books(actor="system:test", now=timezone.now())

        assert verdict.findings == ()
        assert verdict.entries == 3
        assert stopped_switches() == []

    @pytest.mark.parametrize(("statement", "proof"), TAMPERED)
    def test_names_what_was_tampered_with_and_stops_payouts(self, statement: str, proof: str) -> None:
        tamper(statement)

        assert proof in prove()
        assert stopped_switches() == ["payouts"]

    @pytest.mark.parametrize("guard", GUARDS)
    def test_is_red_when_a_guard_is_switched_off(self, guard: str) -> None:
        table, trigger = guard.split(" ")
        database.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if table.startswith("ledger_posting"):
            database.execute(f"DROP TRIGGER {trigger} ON {table}")
        else:
            database.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")

        verdict = verify_books(actor="system:test", now=timezone.now())

        assert (table, trigger) in {(one.row["on_table"], one.row["name"]) for one in verdict.findings}

    def test_knows_every_guard_there_is(self) -> None:
        found = database.fetch_all(
            "SELECT t.tgrelid::regclass || ' ' || t.tgname AS guard FROM pg_trigger AS t"
            " JOIN pg_class AS c ON c.oid = t.tgrelid"
            " WHERE c.relname LIKE 'ledger\\_%' AND NOT t.tgisinternal AND NOT c.relispartition"
        )

        assert {row["guard"] for row in found} == set(GUARDS)

    def test_knows_every_check_there_is(self) -> None:
        found = database.fetch_all(
            "SELECT DISTINCT k.conname AS name FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid"
            " WHERE c.relname LIKE 'ledger\\_%' AND k.contype = 'c' AND NOT c.relispartition"
            # Those that Django makes of a positive integer field have no name of ours.
            " AND k.conname NOT LIKE '%\\_check'"
        )

        assert {row["name"] for row in found} - set(CONSTRAINTS) == set()

    @pytest.mark.parametrize("trigger", ["guard_partition_insert", "guard_partition_truncate", "append_only_rows"])
    def test_is_red_when_a_guard_of_one_partition_is_switched_off(self, trigger: str) -> None:
        database.execute(f"ALTER TABLE ledger_journalline_default DISABLE TRIGGER {trigger}")

        assert prove() == {"prove_guards"}

    @pytest.mark.parametrize("constraint", CONSTRAINTS)
    def test_is_red_when_a_constraint_is_dropped(self, constraint: str) -> None:
        database.execute("SET CONSTRAINTS ALL IMMEDIATE")
        table = database.fetch_one(
            "SELECT conrelid::regclass AS name FROM pg_constraint"
            " WHERE conname = %s AND conparentid = 0 AND coninhcount = 0",
            [constraint],
        )["name"]
        database.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint} CASCADE")

        assert "prove_constraints" in prove()

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_is_red_when_a_function_is_missing(self, function: str) -> None:
        database.execute("SET CONSTRAINTS ALL IMMEDIATE")
        database.execute(f"ALTER FUNCTION {function} RENAME TO elsewhere")

        found = verify_books(actor="system:test", now=timezone.now()).findings

        assert {"name": function} in [one.row for one in found if one.proof == "prove_functions"]

    @pytest.mark.parametrize(
        ("statement", "proof"),
        [
            # Sums of it do not fit into what a balance is read as.
            ("UPDATE ledger_journalline SET amount_minor = 9223372036854775807", "prove_balances"),
            ("DROP FUNCTION ledger_debits CASCADE", "prove_balances"),
            ("ALTER TABLE ledger_hold RENAME TO elsewhere", "prove_holds"),
        ],
    )
    def test_is_red_when_a_proof_cannot_be_carried_out(self, statement: str, proof: str) -> None:
        tamper(statement)

        verdict = verify_books(actor="system:test", now=timezone.now())

        assert (proof, "a proof could not be carried out") in {(one.proof, one.problem) for one in verdict.findings}
        assert not Proof.objects.latest("pk").green
        assert stopped_switches() == ["payouts"]

    def test_says_nothing_when_the_database_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def lost(*_: Any) -> Any:
            raise OperationalError("the connection is lost")

        monkeypatch.setattr("ledger.proof.database.fetch_all", lost)

        with pytest.raises(OperationalError):
            verify_books(actor="system:test", now=timezone.now())
        assert (Proof.objects.count(), stopped_switches()) == (0, [])

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ledger_exchange SET source = 'somebody'",
            "UPDATE ledger_exchange SET said_at = said_at - interval '1 day'",
            "UPDATE ledger_exchange SET rate_digits = rate_digits * 10, rate_scale = rate_scale + 1",
            "DELETE FROM ledger_exchange",
        ],
    )
    def test_is_red_when_the_facts_of_an_exchange_have_changed(self, statement: str) -> None:
        book(exchanged())
        assert prove() == set()

        tamper(statement)

        assert prove() == {"prove_digests"}

    def test_is_red_when_a_closed_day_has_changed(self) -> None:
        with money_tx("test"):
            lock_day(business_date=timezone.now().date(), actor="user:oscar", now=timezone.now())
        assert prove() == set()

        tamper("UPDATE ledger_journalentry SET actor = 'user:somebody'")

        assert prove() == {"prove_closed_days"}

    def test_is_red_when_an_exported_head_is_no_link_of_the_chain(self) -> None:
        heads = [Head(seal_id=1, hash="ab" * 32, sealed_at="2026-01-01T00:00:00+00:00")]

        verdict = verify_books(actor="system:test", now=timezone.now(), heads=heads)

        assert [finding.proof for finding in verdict.findings] == ["prove_head"]
