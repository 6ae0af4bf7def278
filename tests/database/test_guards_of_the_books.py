"""Every guard of the books, attacked with raw SQL by the owner of the tables."""

import pytest
from django.db import IntegrityError, transaction

from operations import database
from tests.ledger.test_posting import book, captured

pytestmark = pytest.mark.django_db

ENTRY = """
INSERT INTO ledger_journalentry (recipe, reference, subject, description, actor, business_date, value_date,
                                 line_count, digest, recorded_at)
VALUES ('payment_captured', '{reference}', '', '', 'attacker', '{day}', '2026-01-01', {lines}, ''::bytea, now())
"""
LINE = """
INSERT INTO ledger_journalline (entry_id, position, account_id, currency, amount_minor, item, balance_after_minor)
VALUES {rows}
"""


@pytest.fixture(autouse=True)
def an_honest_entry(db: None) -> None:
    """One honest entry, so that there is something to attack."""
    book(captured())
    # As at the end of its transaction: what was deferred is checked, and no trigger event is pending.
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    database.execute("SET CONSTRAINTS ALL DEFERRED")


def attack(statement: str, *, match: str) -> None:
    """Assert that PostgreSQL refuses a statement, at once or when the transaction would commit."""

    def attempt() -> None:
        with transaction.atomic():
            database.execute(statement)
            database.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match=match):
        attempt()


def account(code: str) -> int:
    return int(database.fetch_one("SELECT id FROM ledger_account WHERE code = %s", [code])["id"])


def entry(reference: str, *, lines: int, day: str = "2026-01-01") -> str:
    return ENTRY.format(reference=reference, lines=lines, day=day)


class TestAppendOnly:
    @pytest.mark.parametrize("table", ["ledger_journalentry", "ledger_journalline"])
    @pytest.mark.parametrize("verb", ["UPDATE {table} SET id = id", "DELETE FROM {table}", "TRUNCATE {table} CASCADE"])
    def test_refuses_every_change_to_what_is_written(self, table: str, verb: str) -> None:
        attack(verb.format(table=table), match="is refused")

    @pytest.mark.parametrize("table", ["operations_auditentry", "operations_statechange"])
    def test_refuses_to_empty_the_trail(self, table: str) -> None:
        attack(f"TRUNCATE {table} CASCADE", match="is refused")


class TestSumToZero:
    def test_refuses_an_entry_that_does_not_balance(self) -> None:
        clearing, commission = account("psp:stripe:clearing"), account("platform:commission")
        rows = (
            f"(currval('ledger_journalentry_id_seq'), 0, {clearing}, 'EUR', 100, '', NULL),"
            f"(currval('ledger_journalentry_id_seq'), 1, {commission}, 'EUR', -99, '', NULL)"
        )

        attack(entry("ch_bad", lines=2) + ";" + LINE.format(rows=rows), match="does not balance")

    def test_refuses_lines_that_balance_only_across_two_currencies(self) -> None:
        database.execute(
            "INSERT INTO ledger_account (code, currency, type, guarded, opened_at)"
            " VALUES ('platform:commission', 'USD', 'income', false, now())"
        )
        clearing = account("psp:stripe:clearing")
        dollars = database.fetch_one("SELECT id FROM ledger_account WHERE currency = 'USD'")["id"]
        rows = (
            f"(currval('ledger_journalentry_id_seq'), 0, {clearing}, 'EUR', 100, '', NULL),"
            f"(currval('ledger_journalentry_id_seq'), 1, {dollars}, 'USD', -100, '', NULL)"
        )

        attack(entry("ch_fx", lines=2) + ";" + LINE.format(rows=rows), match="does not balance")

    def test_refuses_an_entry_without_its_lines(self) -> None:
        attack(entry("ch_empty", lines=2), match="incomplete")

    def test_refuses_an_entry_of_one_line(self) -> None:
        attack(entry("ch_one", lines=1), match="entry_has_two_lines")

    def test_refuses_lines_added_later_even_if_they_balance(self) -> None:
        clearing, commission = account("psp:stripe:clearing"), account("platform:commission")
        rows = (
            f"((SELECT min(id) FROM ledger_journalentry), 7, {clearing}, 'EUR', 100, '', NULL),"
            f"((SELECT min(id) FROM ledger_journalentry), 8, {commission}, 'EUR', -100, '', NULL)"
        )

        attack(LINE.format(rows=rows), match="says 3 lines")

    def test_refuses_a_line_of_zero(self) -> None:
        clearing = account("psp:stripe:clearing")
        rows = f"((SELECT min(id) FROM ledger_journalentry), 7, {clearing}, 'EUR', 0, '', NULL)"

        attack(LINE.format(rows=rows), match="line_not_zero")


class TestReferences:
    def test_refuses_the_same_event_twice(self) -> None:
        attack(entry("ch_1", lines=2), match="entry_unique_recipe_reference")


class TestCurrencies:
    def test_refuses_a_line_in_another_currency_than_its_accounts(self) -> None:
        clearing, commission = account("psp:stripe:clearing"), account("platform:commission")
        rows = (
            f"(currval('ledger_journalentry_id_seq'), 0, {clearing}, 'USD', 100, '', NULL),"
            f"(currval('ledger_journalentry_id_seq'), 1, {commission}, 'USD', -100, '', NULL)"
        )

        attack(entry("ch_usd", lines=2) + ";" + LINE.format(rows=rows), match="line_currency_is_accounts")

    def test_refuses_to_make_an_account_another_one(self) -> None:
        attack("UPDATE ledger_account SET currency = 'USD'", match="is refused")


class TestGuardedBalances:
    def test_refuses_a_balance_below_zero(self) -> None:
        attack("UPDATE ledger_balance SET balance_minor = -1", match="balance_not_negative")

    def test_refuses_a_balance_that_moves_without_a_line(self) -> None:
        attack("UPDATE ledger_balance SET balance_minor = balance_minor + 1", match="not the sum of its lines")

    def test_refuses_a_line_that_moves_without_the_balance(self) -> None:
        clearing, pending = account("psp:stripe:clearing"), account("seller:ann:pending")
        rows = (
            f"(currval('ledger_journalentry_id_seq'), 0, {clearing}, 'EUR', 100, '', NULL),"
            f"(currval('ledger_journalentry_id_seq'), 1, {pending}, 'EUR', -100, '', 9100)"
        )

        attack(entry("ch_still", lines=2) + ";" + LINE.format(rows=rows), match="not moved with its lines")

    def test_refuses_a_line_that_breaks_the_chain_of_balances(self) -> None:
        clearing, pending = account("psp:stripe:clearing"), account("seller:ann:pending")
        rows = (
            f"(currval('ledger_journalentry_id_seq'), 0, {clearing}, 'EUR', 100, '', NULL),"
            f"(currval('ledger_journalentry_id_seq'), 1, {pending}, 'EUR', -100, '', 99999)"
        )

        attack(entry("ch_chain", lines=2) + ";" + LINE.format(rows=rows), match="does not continue")

    @pytest.mark.parametrize("verb", ["DELETE FROM ledger_balance", "TRUNCATE ledger_balance"])
    def test_refuses_to_forget_a_balance(self, verb: str) -> None:
        attack(verb, match="is refused")


class TestClosedDays:
    def test_refuses_an_entry_dated_into_a_closed_day(self) -> None:
        database.execute(
            "INSERT INTO ledger_closedday (business_date, closed_by, closed_at, entries, digest)"
            " VALUES ('2026-03-31', 'user:oscar', now(), 0, '')"
        )

        attack(entry("ch_late", lines=2, day="2026-03-31"), match="is closed")
        attack(entry("ch_late", lines=2, day="2026-03-01"), match="is closed")

    def test_refuses_to_open_a_closed_day_again(self) -> None:
        database.execute(
            "INSERT INTO ledger_closedday (business_date, closed_by, closed_at, entries, digest)"
            " VALUES ('2026-03-31', 'user:oscar', now(), 0, '')"
        )

        attack("DELETE FROM ledger_closedday", match="is refused")
