"""Ten years of monthly partitions: every read opens as few of them as in the first year, by the same plan.

A year and ten years of trade are booked through the posting function, month after month: days closed, journal sealed,
every month the same. Then the statements that the selectors really run are captured and explained.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from psycopg.errors import Diagnostic
from pytest_django.plugin import DjangoDbBlocker

from ledger import chart, recipes
from ledger.entries import Entry
from ledger.general_ledger import general_ledger_page
from ledger.models import JournalEntry
from ledger.money import Money
from ledger.reports import Period
from ledger.selectors import balance, trial_balance
from ledger.services import lock_day, post, post_batch, seal_journal, verify_books
from ledger.statements import account_statement
from operations import database
from operations.edges import money_tx
from tests.committed import wipe

# The years are booked once, by whoever runs these tests.
pytestmark = pytest.mark.xdist_group("ten years")

CLEARING = chart.clearing("stripe")
LAST = date(2015, 12, 1)
SALES = 10
_PARTITION = re.compile(r"ledger_journalline_\w+")
# In a plan partitions are numbered (l_120), and rows are counted.
_VARIES = re.compile(r"(?<=PARTITION l)_\d+|\(.*")
_MONTHLY = re.compile(r"ledger_journalline_(?:default|\d{6})")


def month(number: int) -> date:
    """Return the first day of a month, counted back from the last one."""
    years, rest = divmod(LAST.year * 12 + LAST.month - 1 - number, 12)
    return date(years, rest + 1, 1)


def noon(day: date) -> datetime:
    """Return the middle of a day."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def sale(charge: str, order: str = "ord") -> Entry:
    """Return a sale of ann's for 10.00, of which we keep 1.00."""
    sold = recipes.Sale(order=order, seller="ann", gross=Money(1_000, "EUR"), commission=Money(100, "EUR"))
    return recipes.payment_captured(psp="stripe", charge=charge, sales=[sold])


def trade(first: date) -> None:
    """Book a month: ten sales on its tenth day, closed and sealed unless it is the last one."""
    at = noon(first + timedelta(days=9))
    with money_tx("test"):
        sales = [sale(f"ch_{first:%Y%m}_{number}", order=f"ord_{number}") for number in range(SALES)]
        post_batch(sales, actor="system:test", now=at)
    if first < LAST:
        assert seal_journal(now=at)
        last = first + timedelta(days=27)
        with money_tx("test"):
            lock_day(business_date=last, actor="user:oscar", now=noon(last))


def years(number: int) -> None:
    """Book years of months from nothing, the last of them December 2015."""
    wipe()
    months = [month(back) for back in reversed(range(12 * number))]
    with money_tx("test"):
        database.execute("SELECT ledger_make_partitions(%s, %s)", [months[0], months[-1]])
    for each in months:
        trade(each)
    database.execute("ANALYZE ledger_journalline, ledger_journalentry, ledger_account, ledger_checkpoint, ledger_seal")


def partitions() -> set[str]:
    """Return the names of the partitions."""
    return {row["name"] for row in database.fetch_all("SELECT name FROM ledger_partition")}


@dataclass(frozen=True)
class Plan:
    """How a read is answered: the shape of its plans, the partitions that they read, and those that they locked."""

    shape: str
    read: tuple[str, ...]
    locked: tuple[str, ...]


def oct_15() -> date:
    """Return a day that is closed, of the last year."""
    return date(LAST.year, 10, 15)


def lines_of(entry_id: int) -> list[dict[str, Any]]:
    """Return an entry's lines as posting reads them when it compares contents."""
    return database.fetch_all(database.queries("ledger")["entry_lines"], {"entry_id": entry_id})


SEPTEMBER = Period(since=date(LAST.year, 9, 1), until=date(LAST.year, 9, 30))
# Each is asked of the last year's months, so that it can be asked in the first year as well.
READS: dict[str, Callable[[], object]] = {
    "the balance of a hot account": lambda: balance(code=CLEARING, currency="EUR"),
    "a balance on a closed day": lambda: balance(code=CLEARING, currency="EUR", on=oct_15()),
    "a balance at an instant": lambda: balance(code=CLEARING, currency="EUR", at=noon(oct_15())),
    "the trial balance": trial_balance,
    "the trial balance of a closed day": lambda: trial_balance(on=oct_15()),
    "the trial balance at an instant": lambda: trial_balance(at=noon(oct_15())),
    "the statement of a month": lambda: account_statement(code=CLEARING, currency="EUR", period=SEPTEMBER),
    "a page of the general ledger": lambda: general_ledger_page(period=SEPTEMBER, lines=100, accounts=10),
    "the lines of an entry": lambda: lines_of(JournalEntry.objects.latest("pk").pk),
    "a balance by value date": lambda: balance(code=CLEARING, currency="EUR", effective_on=oct_15()),
}
# What is not sealed yet, or comes later: the months from the last closed day on, and what stands ready.
OPEN = ("ledger_journalline_201510", "ledger_journalline_201511", "ledger_journalline_201512")
MONTHS = {
    "the balance of a hot account": OPEN,
    "a balance on a closed day": (),
    "a balance at an instant": OPEN[:1],
    "the trial balance": OPEN,
    "the trial balance of a closed day": (),
    "the trial balance at an instant": OPEN[:1],
    "the statement of a month": ("ledger_journalline_201509",),
    "a page of the general ledger": ("ledger_journalline_201509",),
    "the lines of an entry": OPEN[-1:],
    "a balance by value date": OPEN,
}


def named(line: str) -> str:
    """Return a line of a plan without what differs from partition to partition."""
    return _VARIES.sub("", _PARTITION.sub("PARTITION", line))


def explained(read: Callable[[], object]) -> Plan:
    """Return the plans of a read: of each statement that it sends, and of the one that ledger_debits makes of it."""
    told: list[str] = []

    def listen(notice: Diagnostic) -> None:
        told.append(notice.message_primary or "")

    connection.ensure_connection()
    connection.connection.add_notice_handler(listen)
    try:
        with transaction.atomic():
            # Tables as small as these would be read whole, whatever the indexes.
            database.execute("SET LOCAL enable_seqscan = off")
            database.execute(telling())
            with CaptureQueriesContext(connection) as captured:
                read()
            locked = {row["name"] for row in database.fetch_all(_LOCKED)}
            statements = [query["sql"] for query in captured if query["sql"].startswith(("SELECT", "WITH"))]
            assert statements
            assert len(told) == sum("ledger_debits(" in statement for statement in statements)
            lines = [line for statement in [*statements, *told] for line in explain(statement)]
            transaction.set_rollback(True)
    finally:
        connection.connection.remove_notice_handler(listen)
    executed = [line for line in lines if "never executed" not in line]
    return Plan(
        shape="\n".join(named(line).rstrip() for line in executed if "->" in line),
        read=tuple(sorted({name for line in executed for name in _MONTHLY.findall(line)})),
        locked=tuple(sorted(locked)),
    )


_LOCKED = """
SELECT DISTINCT link.inhrelid::regclass::text AS name FROM pg_locks AS held
JOIN pg_inherits AS link ON link.inhrelid = held.relation
WHERE link.inhparent = 'ledger_journalline'::regclass AND held.pid = pg_backend_pid()
"""


def telling() -> str:
    """Return the source of ledger_debits, made to tell the statement that it runs."""
    source = str(database.fetch_one("SELECT pg_get_functiondef('ledger_debits'::regproc) AS text")["text"])
    for old, new in (
        ("RETURN QUERY EXECUTE format(", "v_sql := format("),
        (
            ") USING p_accounts;",
            "); RAISE NOTICE '%', replace(v_sql, '$1', quote_nullable(p_accounts::text) || '::bigint[]');"
            " RETURN QUERY EXECUTE v_sql USING p_accounts;",
        ),
    ):
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def explain(statement: str) -> list[str]:
    """Return the lines of a statement's plan, as it was executed."""
    options = "ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF"
    return [row["QUERY PLAN"] for row in database.fetch_all(f"EXPLAIN ({options}) {statement}")]


@pytest.fixture(scope="module")
def plans(test_database: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[dict[str, Plan], dict[str, Plan]]]:
    """The plans of all reads after one year and after ten; the ten years stay until the last test has ended."""
    with django_db_blocker.unblock():
        before = partitions()
        try:
            years(1)
            one = {name: explained(read) for name, read in READS.items()}
            years(10)
            ten = {name: explained(read) for name, read in READS.items()}
            yield one, ten
        finally:
            wipe()
            for name in partitions() - before:
                database.execute(f"ALTER TABLE ledger_journalline DETACH PARTITION {name}")
                database.execute(f"DROP TABLE {name}")
            connections.close_all()


Plans = tuple[dict[str, Plan], dict[str, Plan]]


class TestEveryRead:
    @pytest.mark.parametrize("read", MONTHS)
    def test_has_the_plan_of_the_first_year_after_ten(self, plans: Plans, read: str) -> None:
        one, ten = plans

        assert ten[read].shape == one[read].shape
        assert ten[read].read == one[read].read

    @pytest.mark.parametrize(("read", "months"), MONTHS.items())
    def test_reads_the_months_that_matter(self, plans: Plans, read: str, months: tuple[str, ...]) -> None:
        """And whatever stands ready for the future, which is empty."""
        assert tuple(name for name in plans[1][read].read if name < "ledger_journalline_2016") == months

    # An entry's month is found while the statement runs, so its plan knows all of them.
    @pytest.mark.parametrize("read", sorted({*MONTHS} - {"the lines of an entry"}))
    def test_opens_no_more_months_to_be_planned(self, plans: Plans, read: str) -> None:
        one, ten = plans

        assert ten[read].locked == one[read].locked
        assert set(ten[read].read) <= set(ten[read].locked)


@pytest.mark.usefixtures("plans")
class TestPosting:
    def test_touches_the_partition_of_its_day_and_no_other(self) -> None:
        day = LAST + timedelta(days=20)

        with transaction.atomic():
            post(sale("ch_new"), actor="system:test", now=noon(day))
            one = {row["name"] for row in database.fetch_all(_LOCKED)}
            post_batch([sale("ch_b1"), sale("ch_b2")], actor="system:test", now=noon(day))
            many = {row["name"] for row in database.fetch_all(_LOCKED)}
            transaction.set_rollback(True)

        assert one == many == {"ledger_journalline_201512"}


def proofs(*, full: bool = True) -> set[str]:
    """Return which proofs find something."""
    return {found.proof for found in verify_books(actor="system:test", now=noon(LAST), full=full).findings}


@contextmanager
def detached(name: str) -> Iterator[None]:
    """Take a partition out of the journal while the block runs."""
    bounds = database.fetch_one("SELECT first_date, until_date FROM ledger_partition WHERE name = %s", [name])
    database.execute(f"ALTER TABLE ledger_journalline DETACH PARTITION {name}")
    try:
        yield
    finally:
        database.execute(
            f"ALTER TABLE ledger_journalline ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)", [*bounds.values()]
        )


@pytest.mark.usefixtures("plans")
class TestAnOldPartition:
    OLD = "ledger_journalline_200601"

    def test_can_be_taken_out_and_every_later_balance_stays(self) -> None:
        moments: list[dict[str, Any]] = [{}, {"on": date(2006, 2, 1)}, {"on": oct_15()}, {"at": noon(oct_15())}]
        before = [trial_balance(**moment) for moment in moments]

        with detached(self.OLD):
            assert [trial_balance(**moment) for moment in moments] == before
            assert balance(code=CLEARING, currency="EUR").minor == 120 * SALES * 1_000

    def test_is_missed_by_a_full_proof_until_it_is_back(self) -> None:
        assert proofs() == set()

        with detached(self.OLD):
            # What is new is proved without it; the first entry cannot be.
            assert proofs(full=False) == set()
            assert proofs() == {"prove_entries", "prove_balances", "prove_checkpoints", "prove_chain"}
        assert proofs() == set()

    def test_that_was_edited_outside_is_found_when_it_is_back(self) -> None:
        with detached(self.OLD):
            database.execute(f"UPDATE {self.OLD} SET item = 'another' WHERE item = 'ord_1'")
        found = proofs()
        with detached(self.OLD):
            database.execute(f"UPDATE {self.OLD} SET item = 'ord_1' WHERE item = 'another'")

        assert found == {"prove_digests"}
        assert proofs() == set()
