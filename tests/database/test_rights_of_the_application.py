"""The application's role, with which web, worker and scheduler work: it posts through the doors, and can do no more."""

import pytest
from django.utils import timezone

from ledger.selectors import wallet
from ledger.services import lock_day, lock_wallet, seal_journal, verify_books
from operations import audit, database
from operations.edges import money_tx
from tests.database.attacks import as_the_application, attack
from tests.ledger.test_posting import book, captured, euros, released, reserved

pytestmark = pytest.mark.django_db

BOOKS = [
    "ledger_account",
    "ledger_balance",
    "ledger_hold",
    "ledger_journalentry",
    "ledger_journalline",
    "ledger_journalline_default",
    "ledger_closedday",
    "ledger_seal",
    "ledger_checkpoint",
]
TRAILS = ["ledger_proof", "operations_auditentry", "operations_statechange"]


class TestTheApplication:
    def test_posts_through_the_door_and_reads_what_it_wrote(self) -> None:
        with as_the_application():
            assert book(captured())
            assert book(released())
            assert book(reserved())

            assert wallet(seller="ann", currency="EUR").pending == euros(4_000)

    def test_opens_no_account_that_grows_on_the_wrong_side(self) -> None:
        with as_the_application():
            attack(
                "INSERT INTO ledger_posting (recipe, reference, subject, description, actor, business_date, value_date,"
                " recorded_at, digest, codes, currencies, types, positions, amounts, items) VALUES ('payment_captured',"
                " 'ch_1', '', '', 'eve', current_date, current_date, now(), '', '{bank:main,seller:eve:available}',"
                " '{EUR,EUR}', '{asset,asset}', '{0,1}', '{-100,100}', '{a,a}')",
                match="account_type_by_code",
            )

    def test_writes_no_entry_without_its_lines(self) -> None:
        with as_the_application():
            attack(
                'INSERT INTO ledger_posting_batch (recipes, "references", subjects, descriptions, actor, business_date,'
                " value_dates, recorded_at, digests, line_counts, of, codes, currencies, types, positions, amounts,"
                " items) VALUES ('{payment_captured}', '{ch_1}', '{x}', '{x}', 'eve', current_date,"
                " ARRAY[current_date], now(), ARRAY[''::bytea], '{2}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
                match="does not say how many lines",
            )

    def test_locks_wallets_closes_days_seals_and_proves(self) -> None:
        book(captured())

        with as_the_application():
            with money_tx("test"):
                assert lock_wallet(seller="ann", currency="EUR").pending == euros(9_000)
                lock_day(business_date=timezone.now().date(), actor="user:oscar", now=timezone.now())
            seal_journal(now=timezone.now())
            assert verify_books(actor="system:test", now=timezone.now()).green

    def test_leaves_a_trail(self) -> None:
        with as_the_application():
            audit.record(action="test.done", actor="system:test", subject="test:1", now=timezone.now())

    @pytest.mark.parametrize("table", BOOKS)
    @pytest.mark.parametrize(
        "verb",
        [
            "INSERT INTO {table} SELECT * FROM {table}",
            "DELETE FROM {table}",
            "TRUNCATE {table}",
            "ALTER TABLE {table} DISABLE TRIGGER USER",
            "DROP TABLE {table}",
            "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
        ],
    )
    def test_may_not_write_to_the_books(self, table: str, verb: str) -> None:
        with as_the_application():
            attack(verb.format(table=table), match="permission denied|must be owner")

    @pytest.mark.parametrize("table", BOOKS)
    def test_may_not_change_the_books(self, table: str) -> None:
        column = database.fetch_one(
            "SELECT attname AS name FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 LIMIT 1", [table]
        )["name"]
        with as_the_application():
            attack(f"UPDATE {table} SET {column} = {column}", match="permission denied")

    @pytest.mark.parametrize("table", TRAILS)
    @pytest.mark.parametrize("verb", ["UPDATE {table} SET id = id", "DELETE FROM {table}", "TRUNCATE {table}"])
    def test_may_not_change_a_trail(self, table: str, verb: str) -> None:
        with as_the_application():
            attack(verb.format(table=table), match="permission denied")

    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE TABLE mine (id int)",
            "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE OR REPLACE FUNCTION ledger_txid_offset() RETURNS bigint LANGUAGE sql AS 'SELECT 7::bigint'",
            "ALTER FUNCTION ledger_post() SECURITY INVOKER",
            "SELECT setval('ledger_line_id', 1)",
            "SET session_replication_role = replica",
        ],
    )
    def test_may_not_build_a_way_round(self, statement: str) -> None:
        with as_the_application():
            attack(statement, match="permission denied|must be owner")

    def test_may_not_move_a_balance_from_a_trigger_of_its_own(self) -> None:
        book(captured())
        with as_the_application():
            attack(
                "CREATE TEMPORARY TABLE lever (id int);"
                "CREATE FUNCTION pg_temp.pull() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN UPDATE ledger_balance SET balance_minor = 10^9; RETURN NEW; END';"
                "CREATE TRIGGER pull BEFORE INSERT ON lever FOR EACH ROW EXECUTE FUNCTION pg_temp.pull();"
                "INSERT INTO lever VALUES (1)",
                match="permission denied",
            )
