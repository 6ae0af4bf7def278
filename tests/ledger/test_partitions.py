"""The journal's lines lie in one partition a month, made ahead; old ones can be taken out."""

from datetime import UTC, date, datetime

import pytest
from django.utils import timezone

from ledger import recipes
from ledger.money import Money
from ledger.selectors import balance
from ledger.services import make_partitions, post, verify_books
from operations import database
from operations.edges import money_tx

pytestmark = pytest.mark.django_db

JANUARY = date(2031, 1, 15)


def partitions() -> list[str]:
    return [row["name"] for row in database.fetch_all("SELECT name FROM ledger_partition ORDER BY first_date")]


def capture(charge: str, *, on: date) -> None:
    sale = recipes.Sale(order=charge, seller="ann", gross=Money(100, "EUR"), commission=Money(10, "EUR"))
    with money_tx("test"):
        entry = recipes.payment_captured(psp="stripe", charge=charge, sales=[sale])
        post(entry, actor="system:test", now=datetime(on.year, on.month, on.day, 12, tzinfo=UTC))
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")


def where(charge: str) -> set[str]:
    rows = database.fetch_all(
        "SELECT DISTINCT l.tableoid::regclass::text AS name FROM ledger_journalline AS l"
        " JOIN ledger_journalentry AS e ON e.id = l.entry_id WHERE e.reference = %s",
        [charge],
    )
    return {row["name"] for row in rows}


class TestMakePartitions:
    def test_stand_ready_after_a_migration(self) -> None:
        assert f"ledger_journalline_{timezone.now():%Y%m}" in partitions()

    def test_makes_the_months_that_are_missing_and_says_how_many(self) -> None:
        assert make_partitions(today=JANUARY) == 4
        assert partitions()[-4:] == [f"ledger_journalline_2031{month:02}" for month in (1, 2, 3, 4)]
        assert make_partitions(today=JANUARY) == 0

    def test_puts_each_line_into_its_month(self) -> None:
        make_partitions(today=JANUARY)

        capture("ch_january", on=date(2031, 1, 31))
        capture("ch_february", on=date(2031, 2, 1))

        assert where("ch_january") == {"ledger_journalline_203101"}
        assert where("ch_february") == {"ledger_journalline_203102"}

    def test_gives_lines_that_found_no_partition_one_of_their_own(self) -> None:
        capture("ch_early", on=JANUARY)
        capture("ch_later", on=date(2031, 3, 1))
        assert where("ch_early") == {"ledger_journalline_default"}

        made = make_partitions(today=JANUARY)

        # January to March lie together, where they were; April is new.
        assert made == 2
        assert where("ch_early") == where("ch_later") == {"ledger_journalline_203101_203103"}
        assert balance(code="psp:stripe:clearing", currency="EUR").text == "2.00"
        assert verify_books(actor="system:test", now=timezone.now()).findings == ()

    def test_guards_what_it_makes(self) -> None:
        make_partitions(today=JANUARY)
        capture("ch_1", on=JANUARY)

        assert verify_books(actor="system:test", now=timezone.now()).findings == ()

    def test_leaves_lines_where_they_are_when_a_month_between_them_has_its_partition(self) -> None:
        make_partitions(today=date(2031, 2, 1))
        capture("ch_early", on=JANUARY)
        capture("ch_later", on=date(2031, 7, 1))

        made = make_partitions(today=JANUARY)

        assert made == 0
        assert where("ch_early") == where("ch_later") == {"ledger_journalline_default"}
