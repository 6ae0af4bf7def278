"""The guards of events that have facts beside their lines, attacked with raw SQL by the owner of the tables."""

from collections.abc import Sequence

import pytest

from operations import database
from tests.database.attacks import added, attack, entry, forged, past_the_first_guard, row
from tests.ledger.test_posting import book, captured, released, reserved
from tests.ledger.test_recipes_treasury import exchanged
from tests.ledger.test_returns import captured_by, paid, released_to

pytestmark = pytest.mark.django_db


def book_an_exchange() -> None:
    """Book what TestExchanges is about, and what is no exchange."""
    book(captured())
    book(exchanged())


def book_a_payout() -> None:
    """Book what TestReturns is about."""
    for one in (captured(), released(), reserved(), paid(), captured_by("bob"), released_to("bob")):
        book(one)


class TestExchanges:
    """An exchange of 100.00 EUR for 106.17 USD at 1.0834, of which the provider kept 2.17 USD."""

    LINES = (
        *(("psp:stripe:clearing", "EUR", -10_000), ("fx:stripe:trading", "EUR", 10_000)),
        *(("psp:stripe:clearing", "USD", 10_617), ("psp:stripe:fees", "USD", 217)),
        ("fx:stripe:trading", "USD", -10_834),
    )

    @pytest.fixture(autouse=True)
    def an_honest_exchange(self, db: None) -> None:
        book_an_exchange()
        database.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def forged_entry(self, recipe: str = "currency_exchanged", lines: int = 5) -> str:
        return entry("fx_bad", lines=lines).replace("'payment_captured'", f"'{recipe}'")

    def facts(self, **changes: object) -> str:
        """Return the statement that writes facts of the forged entry, those of the honest exchange but for changes."""
        copied = {
            name: name
            for name in (
                *("presentment_minor", "presentment_currency", "settlement_minor", "settlement_currency"),
                *("ledger_minor", "fee_minor", "fee_currency", "exponent_shift", "base", "quote", "rate_digits"),
                *("rate_scale", "said_at", "source"),
            )
        }
        values = ", ".join(map(str, (copied | changes).values()))
        return (
            f"INSERT INTO ledger_exchange (entry_id, {', '.join(copied)})"
            f" SELECT e.id, {values} FROM ledger_exchange, ledger_journalentry AS e WHERE e.reference = 'fx_bad'"
        )

    def lines(self, lines: Sequence[tuple[str, str, int]] = LINES) -> str:
        rows = [
            f"{position}, (SELECT id FROM ledger_account WHERE code = '{code}' AND currency = '{currency}'),"
            f" '{currency}', {minor}, 'fx_bad', NULL::bigint"
            for position, (code, currency, minor) in enumerate(lines)
        ]
        return added("fx_bad", *rows)

    def test_refuses_facts_that_posting_did_not_write(self) -> None:
        attack("INSERT INTO ledger_exchange SELECT * FROM ledger_exchange", match="written by posting")

    @pytest.mark.parametrize(
        "verb", ["UPDATE ledger_exchange SET source = 'x'", "DELETE FROM ledger_exchange", "TRUNCATE ledger_exchange"]
    )
    def test_refuses_every_change_to_what_is_written(self, verb: str) -> None:
        attack(verb, match="is refused")

    def test_refuses_an_exchange_without_its_facts(self) -> None:
        with past_the_first_guard():
            attack(f"{self.forged_entry()}; {self.lines()}", match="not the exchange that its facts say")

    def test_refuses_one_without_facts_that_is_of_one_currency(self) -> None:
        two = self.lines(self.LINES[:2])

        with past_the_first_guard():
            attack(f"{self.forged_entry(lines=2)}; {two}", match="not the exchange that its facts say")

    def test_refuses_facts_of_another_event(self) -> None:
        with past_the_first_guard():
            attack(f"{self.forged_entry(recipe='payment_captured')}; {self.facts()}", match="takes no facts")

    def test_refuses_facts_that_come_later(self) -> None:
        later = self.facts().replace("'fx_bad'", "'fx_1'")

        with past_the_first_guard():
            attack(later, match="takes no facts")

    @pytest.mark.parametrize(
        ("changes", "guard"),
        [
            ({"settlement_currency": "'EUR'"}, "exchange_currencies"),
            ({"fee_currency": "'JPY'"}, "exchange_currencies"),
            ({"base": "'GBP'"}, "exchange_currencies"),
            ({"base": "'USD'"}, "exchange_currencies"),
            ({"presentment_minor": 0}, "exchange_amounts"),
            ({"fee_minor": -1}, "exchange_amounts"),
            ({"rate_digits": 0}, "exchange_rate_said"),
            ({"rate_scale": -1}, "exchange_rate_said"),
            ({"source": "''"}, "exchange_rate_said"),
            ({"rate_digits": 10_835}, "exchange_works_out"),
            ({"rate_scale": 3}, "exchange_works_out"),
            ({"exponent_shift": -2}, "exchange_works_out"),
            ({"base": "'USD'", "quote": "'EUR'"}, "exchange_works_out"),
            ({"ledger_minor": 10_833}, "exchange_works_out"),
            ({"settlement_minor": 10_615}, "exchange_rounding"),
            ({"fee_minor": 219}, "exchange_rounding"),
        ],
    )
    def test_refuses_facts_that_contradict_themselves(self, changes: dict[str, object], guard: str) -> None:
        with past_the_first_guard():
            attack(f"{self.forged_entry()}; {self.facts(**changes)}", match=guard)

    @pytest.mark.parametrize(
        "changes",
        [
            {"settlement_minor": 10_616},
            {"fee_minor": 216},
            {"presentment_minor": 20_000, "rate_digits": 5_417},
            {"fee_minor": 0, "settlement_minor": 10_834},
        ],
    )
    def test_refuses_facts_that_the_lines_contradict(self, changes: dict[str, object]) -> None:
        statements = self.forged_entry(), self.facts(**changes), self.lines()

        with past_the_first_guard():
            attack("; ".join(statements), match="not the exchange that its facts say")

    def test_takes_what_agrees(self) -> None:
        with past_the_first_guard():
            database.execute("; ".join((self.forged_entry(), self.facts(), self.lines())))

    BACK = (
        *(("psp:stripe:clearing", "EUR", 10_000), ("fx:stripe:trading", "EUR", -10_000)),
        *(("psp:stripe:clearing", "USD", -10_834), ("fx:stripe:trading", "USD", 10_834)),
    )

    def back(self, lines: Sequence[tuple[str, str, int]]) -> str:
        """Return the statements of an exchange back of the same amount without a fee, with these lines."""
        forged = self.forged_entry("currency_exchanged_back", len(lines))
        return f"{forged}; {self.facts(fee_minor=0, settlement_minor=10_834)}; {self.lines(lines)}"

    def test_takes_one_back_whose_signs_are_the_other_way_round(self) -> None:
        with past_the_first_guard():
            database.execute(self.back(self.BACK))

    def test_refuses_one_back_that_goes_forth(self) -> None:
        forth = [(code, currency, -minor) for code, currency, minor in self.BACK]

        with past_the_first_guard():
            attack(self.back(forth), match="not the exchange that its facts say")

    def test_refuses_one_back_without_its_facts(self) -> None:
        with past_the_first_guard():
            attack(
                f"{self.forged_entry('currency_exchanged_back', 4)}; {self.lines(self.BACK)}",
                match="not the exchange that its facts say",
            )


class TestReturns:
    """A payout of 50.00 that was paid: what comes back of it is at most that, and ann's."""

    @pytest.fixture(autouse=True)
    def a_paid_payout(self, db: None) -> None:
        book_a_payout()
        database.execute("SET CONSTRAINTS ALL IMMEDIATE")

    @pytest.mark.parametrize(
        ("minor", "seller", "item"),
        [(5_001, "ann", "pay_1"), (1, "ann", "pay_2"), (1, "bob", "pay_1"), (1, "ann", "")],
    )
    def test_refuses_more_than_was_paid_or_to_another(self, minor: int, seller: str, item: str) -> None:
        available = f"seller:{seller}:available"
        stored = database.fetch_one("SELECT balance_minor FROM ledger_balance WHERE code = %s", [available])
        after = int(stored["balance_minor"]) + minor
        rows = (
            row(0, "psp:stripe:clearing", minor),
            row(1, available, -minor, after=after).replace("'', ", f"'{item}', ", 1),
        )
        statements = (
            f"UPDATE ledger_balance SET balance_minor = {after} WHERE code = '{available}'",
            forged("rev_bad", *rows).replace("'payment_captured'", "'payout_returned'"),
        )

        with past_the_first_guard():
            attack("; ".join(statements), match="returns more of a payout than was paid")
