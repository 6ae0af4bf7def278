"""Every guard of the books, attacked with raw SQL by the owner of the tables.

The first guard refuses whoever is not the posting function. The others stand behind it, so they are attacked with
that one switched off: each refuses what it must by itself.
"""

from collections.abc import Callable

import pytest
from django.db import IntegrityError

from ledger.entries import Entry, Line, credit, debit
from ledger.money import Money
from operations import database
from tests.database.attacks import account, added, attack, entry, forged, past_the_first_guard, row
from tests.ledger.test_posting import book, captured, released, reserved

pytestmark = pytest.mark.django_db

CLEARING, COMMISSION, PENDING = "psp:stripe:clearing", "platform:commission", "seller:ann:pending"


@pytest.fixture(autouse=True)
def an_honest_entry(db: None) -> None:
    """One honest entry, so that there is something to attack."""
    book(captured())
    # As at the end of its transaction: no trigger event is pending.
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")


def balanced(*, currency: str = "EUR") -> tuple[str, str]:
    return row(0, CLEARING, 100, currency=currency), row(1, COMMISSION, -100, currency=currency)


class TestOneWriter:
    def test_refuses_an_entry_that_posting_did_not_write(self) -> None:
        attack(entry("ch_forged", lines=2), match="written by posting")

    def test_refuses_lines_that_posting_did_not_write(self) -> None:
        attack(added("ch_1", *balanced()), match="written by posting")

    def test_refuses_to_move_a_stored_balance(self) -> None:
        attack("UPDATE ledger_balance SET balance_minor = balance_minor + 1", match="written by posting")

    def test_refuses_to_store_a_balance(self) -> None:
        attack("INSERT INTO ledger_balance VALUES (1, 100)", match="written by posting")

    @pytest.mark.parametrize("verb", ["UPDATE ledger_hold SET held_minor = 0", "DELETE FROM ledger_hold"])
    def test_refuses_to_resolve_a_hold(self, verb: str) -> None:
        attack(verb, match="written by posting")

    def test_refuses_lines_written_to_a_partition_by_its_name(self) -> None:
        statement = added("ch_1", *balanced()).replace("ledger_journalline (", "ledger_journalline_default (")

        attack(statement, match="part of the journal")

    def test_refuses_to_empty_a_partition(self) -> None:
        attack("TRUNCATE ledger_journalline_default", match="part of the journal")


class TestAppendOnly:
    @pytest.mark.parametrize("table", ["ledger_journalentry", "ledger_journalline"])
    @pytest.mark.parametrize(
        "verb", ["UPDATE {table} SET currency = currency", "DELETE FROM {table}", "TRUNCATE {table} CASCADE"]
    )
    def test_refuses_every_change_to_what_is_written(self, table: str, verb: str) -> None:
        column = "actor" if table == "ledger_journalentry" else "currency"
        attack(verb.format(table=table).replace("currency", column), match="is refused")

    def test_refuses_a_change_within_a_partition(self) -> None:
        partition = database.fetch_one("SELECT tableoid::regclass::text AS name FROM ledger_journalline LIMIT 1")

        attack(f"UPDATE {partition['name']} SET amount_minor = 1", match="is refused")
        attack(f"DELETE FROM {partition['name']}", match="is refused")

    @pytest.mark.parametrize("table", ["operations_auditentry", "operations_statechange", "ledger_seal"])
    def test_refuses_to_empty_the_trail(self, table: str) -> None:
        attack(f"TRUNCATE {table} CASCADE", match="is refused")

    @pytest.mark.parametrize("table", ["ledger_balance", "ledger_hold"])
    def test_refuses_to_forget_a_balance(self, table: str) -> None:
        book(released())
        book(reserved())
        with past_the_first_guard():
            attack(f"DELETE FROM {table}", match="is refused")
            attack(f"TRUNCATE {table}", match="is refused")


class TestSumToZero:
    def test_refuses_an_entry_that_does_not_balance(self) -> None:
        with past_the_first_guard():
            attack(forged("ch_bad", row(0, CLEARING, 100), row(1, COMMISSION, -99)), match="does not balance")

    def test_refuses_lines_that_balance_only_across_two_currencies(self) -> None:
        database.execute(
            "INSERT INTO ledger_account (code, currency, type, guarded, held, opened_at)"
            " VALUES ('rounding', 'USD', 'expense', false, false, now())"
        )
        with past_the_first_guard():
            rows = row(0, CLEARING, 100), row(1, "rounding", -100, currency="USD")
            attack(forged("ch_fx", *rows), match="does not balance")

    def test_refuses_fewer_lines_than_the_entry_says(self) -> None:
        with past_the_first_guard():
            attack(forged("ch_few", *balanced(), lines=3), match="says 3 lines and gets 2")

    def test_refuses_an_entry_of_one_line(self) -> None:
        with past_the_first_guard():
            attack(entry("ch_one", lines=1), match="entry_has_two_lines")

    def test_refuses_a_text_that_would_run_into_the_next_one_of_the_hash(self) -> None:
        with past_the_first_guard():
            attack(entry("ch_1\x1fsubject", lines=2), match="entry_texts_are_apart")

    def test_refuses_lines_added_later_even_if_they_balance(self) -> None:
        with past_the_first_guard():
            attack(added("ch_1", row(7, CLEARING, 100), row(8, COMMISSION, -100)), match="says 3 lines and gets 2")

    def test_refuses_as_many_balanced_lines_once_more(self) -> None:
        again = row(3, CLEARING, 100), row(4, COMMISSION, -50), row(5, COMMISSION, -50)

        with past_the_first_guard():
            attack(added("ch_1", *again), match="do not agree")
            same = (text.replace(f"{number + 3},", f"{number},", 1) for number, text in enumerate(again))
            attack(added("ch_1", *same), match='entry_id, "position", business_date|already exists')

    def test_refuses_lines_of_two_entries_that_are_as_many_as_one_of_them_says(self) -> None:
        second = added("ch_two", *balanced())
        both = added("ch_four", *balanced()) + " UNION ALL " + second[second.index("SELECT") :]

        with past_the_first_guard():
            statements = entry("ch_four", lines=4), entry("ch_two", lines=2), both
            attack(";".join(statements), match="says 4 lines and gets 2")

    def test_refuses_a_line_of_zero(self) -> None:
        with past_the_first_guard():
            attack(forged("ch_zero", row(0, CLEARING, 0), row(1, COMMISSION, 0)), match="line_amount_and_balance")

    @pytest.mark.parametrize(
        ("fact", "other"),
        [
            ("e.business_date", "e.business_date + 1"),
            ("e.value_date", "e.value_date + 1"),
            ("e.recorded_at", "e.recorded_at + interval '1 second'"),
            ("e.txid", "e.txid - 1"),
        ],
    )
    def test_refuses_lines_that_differ_from_their_entry(self, fact: str, other: str) -> None:
        with past_the_first_guard():
            attack(forged("ch_dates", *balanced()).replace(fact, other, 1), match="do not agree")

    def test_refuses_lines_without_their_entry(self) -> None:
        statement = added("ch_1", *balanced()).replace("SELECT e.id", "SELECT -e.id")

        with past_the_first_guard():
            attack(statement, match="<NULL> lines|do not agree")


class TestReferences:
    def test_refuses_the_same_event_twice(self) -> None:
        with past_the_first_guard():
            attack(entry("ch_1", lines=2), match="entry_unique_recipe_reference")


class TestCurrencies:
    def test_refuses_a_line_in_another_currency_than_its_accounts(self) -> None:
        with past_the_first_guard():
            attack(forged("ch_usd", *balanced(currency="USD")), match="can have no line in USD")

    def test_refuses_a_sellers_line_in_another_currency_than_its_balance(self) -> None:
        rows = row(0, CLEARING, 100, currency="USD"), row(1, PENDING, -100, currency="USD", after=9_000)

        with past_the_first_guard():
            attack(forged("ch_usd", *rows), match="can have no line in USD")

    def test_refuses_a_balance_in_another_currency_than_its_accounts(self) -> None:
        values = f"{account(COMMISSION)}, 'platform:commission', 'USD', -1, 0"

        with past_the_first_guard():
            attack(f"INSERT INTO ledger_balance VALUES ({values})", match="balance_currency_is_accounts")

    def test_refuses_a_line_of_no_account(self) -> None:
        lines = added("ch_none", *balanced()).replace(f"1, {account(COMMISSION)}", "1, -1")

        with past_the_first_guard():
            attack(entry("ch_none", lines=2) + ";" + lines, match="account -1 can have no line")

    def test_refuses_to_make_an_account_another_one(self) -> None:
        attack("UPDATE ledger_account SET currency = 'USD'", match="is refused")

    @pytest.mark.parametrize("verb", ["DELETE FROM ledger_account", "TRUNCATE ledger_account CASCADE"])
    def test_refuses_to_forget_an_account(self, verb: str) -> None:
        attack(verb, match="is refused")

    @pytest.mark.parametrize(
        "values",
        [
            "'seller:bob:available', 'EUR', 'liability', false, false",
            "'payouts:in_transit', 'EUR', 'liability', false, false",
            "'deposits:in_transit', 'EUR', 'asset', false, false",
            "'platform:commission', 'JPY', 'income', true, false",
            "'platform:commission', 'JPY', 'money', false, false",
            "'platform:commission', 'JPY', 'expense', false, false",
            "'seller:bob:available', 'EUR', 'asset', true, false",
            "'petty:cash', 'EUR', 'asset', false, false",
        ],
    )
    def test_refuses_an_account_that_is_not_what_its_code_says(self, values: str) -> None:
        attack(
            f"INSERT INTO ledger_account (code, currency, type, guarded, held, opened_at) VALUES ({values}, now())",
            match="account_(guarded_by_code|held_by_code|type_known|type_by_code)",
        )


class TestGuardedBalances:
    def test_refuses_a_balance_below_zero(self) -> None:
        with past_the_first_guard():
            attack("UPDATE ledger_balance SET balance_minor = -1", match="balance_not_negative")

    @pytest.mark.parametrize("change", ["code = 'seller:eve:pending'", "currency = 'USD'", "sign = 1"])
    def test_refuses_to_make_a_balance_another_accounts(self, change: str) -> None:
        with past_the_first_guard():
            attack(f"UPDATE ledger_balance SET {change}", match="is refused")

    def test_refuses_a_sellers_account_without_a_balance(self) -> None:
        database.execute("ALTER TABLE ledger_account DISABLE TRIGGER store_balance")
        database.execute(
            "INSERT INTO ledger_account (code, currency, type, guarded, held, opened_at)"
            " VALUES ('seller:eve:pending', 'EUR', 'liability', true, false, now())"
        )
        database.execute("ALTER TABLE ledger_account ENABLE TRIGGER store_balance")

        with past_the_first_guard():
            rows = row(0, CLEARING, 100), row(1, "seller:eve:pending", -100)
            attack(forged("ch_eve", *rows), match="can have no line")

    def test_refuses_a_line_that_moves_without_the_balance(self) -> None:
        rows = row(0, CLEARING, 100), row(1, PENDING, -100, after=9_100)

        with past_the_first_guard():
            attack(forged("ch_still", *rows), match="do not continue the balance")

    def test_refuses_a_guarded_line_that_carries_no_balance(self) -> None:
        with past_the_first_guard():
            attack(forged("ch_none", row(0, CLEARING, 100), row(1, PENDING, -100)), match="do not continue")

    def test_refuses_a_balance_on_an_account_that_has_none(self) -> None:
        rows = row(0, CLEARING, 100, after=100), row(1, COMMISSION, -100)

        with past_the_first_guard():
            attack(forged("ch_more", *rows), match="do not continue")

    def test_refuses_two_lines_of_an_account_that_do_not_add_up(self) -> None:
        rows = row(0, CLEARING, 200), row(1, PENDING, -100, after=9_000), row(2, PENDING, -100, after=9_000)

        with past_the_first_guard():
            attack(forged("ch_sum", *rows), match="do not continue")


class TestHolds:
    def test_refuses_less_than_nothing(self) -> None:
        book(released())
        book(reserved())
        with past_the_first_guard():
            attack("UPDATE ledger_hold SET held_minor = -1", match="hold_not_negative")

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO ledger_hold (account_id, item, held_minor) VALUES ({account}, '', 100)",
            "UPDATE ledger_hold SET item = ''",
            "SELECT ledger_move_hold({account}, '', 100)",
        ],
    )
    def test_refuses_to_hold_money_under_no_item(self, statement: str) -> None:
        book(released())
        book(reserved())
        with past_the_first_guard():
            attack(statement.format(account=account("payouts:in_transit")), match="hold_has_an_item")

    @pytest.mark.parametrize("line", [debit, credit])
    def test_refuses_a_posting_that_names_no_item(self, line: Callable[[str, Money], Line]) -> None:
        """Whichever recipe is wrong: posting does not get past the table."""
        other = credit if line is debit else debit
        lines = line("deposits:in_transit", Money(100, "EUR")), other(CLEARING, Money(100, "EUR"))

        with pytest.raises(IntegrityError, match="hold_has_an_item"):
            book(Entry(recipe="deposit_sent", reference="po_1", lines=lines))


class TestClosedDays:
    @pytest.fixture(autouse=True)
    def march_is_closed(self, an_honest_entry: None) -> None:
        database.execute(
            "INSERT INTO ledger_closedday (business_date, closed_by, closed_at, entries, digest)"
            " VALUES ('2026-03-31', 'user:oscar', now(), 0, '')"
        )

    @pytest.mark.parametrize("day", ["2026-03-31", "2026-03-01"])
    def test_refuses_an_entry_dated_into_a_closed_day(self, day: str) -> None:
        with past_the_first_guard():
            attack(forged("ch_late", *balanced(), day=day), match="is closed")

    def test_refuses_to_open_a_closed_day_again(self) -> None:
        attack("DELETE FROM ledger_closedday", match="is refused")

    def test_refuses_to_close_a_day_that_is_to_come(self) -> None:
        attack("SELECT ledger_close_day('9999-12-31', 'user:eve', '9999-12-31')", match="has not begun")

    def test_refuses_an_entry_dated_before_it_was_recorded(self) -> None:
        with past_the_first_guard():
            attack(entry("ch_early", lines=2, day="2025-12-31"), match="entry_not_before_recorded")


class TestSeals:
    def test_refuses_a_second_seal_after_the_same_one(self) -> None:
        seal = (
            "INSERT INTO ledger_seal"
            " (entries, txid, entry_floor, line_floor, date_floor, previous_hash, hash, sealed_at)"
            " VALUES (1, 1, 1, 1, '2026-01-01', '\\x00', '\\x01', now())"
        )

        attack(f"{seal}; {seal}", match="seal_chain_does_not_fork")
