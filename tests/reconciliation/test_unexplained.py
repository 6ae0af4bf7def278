"""What is unexplained once days were closed: found among what can differ since, and the same as if all were read."""

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ledger import recipes
from ledger.entries import Entry
from ledger.services import post
from operations import database
from operations.edges import money_tx
from reconciliation import selectors
from reconciliation.models import Discrepancy, Statement
from reconciliation.selectors import unexplained_minor
from reconciliation.services import close_day
from tests.ledger.cast import euros
from tests.reconciliation.steps import line, match, take_in
from tests.world import MAKER

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(days=10)
DUE = timedelta(days=1, minutes=1)


def book(entry: Entry, *, ago: timedelta = timedelta(0)) -> None:
    with money_tx("test"):
        post(entry, actor="system:test", now=timezone.now() - ago)


def sale(charge: str) -> Entry:
    sold = recipes.Sale(order=f"ord_{charge}", seller="ann", gross=euros(1_000), commission=euros(100))
    return recipes.payment_captured(psp="stripe", charge=charge, sales=[sold])


def fee(charge: str, minor: int = 5) -> Entry:
    return recipes.provider_fee_charged(
        psp="stripe", balance_transaction=f"txn_{charge}", source=charge, fee=euros(minor)
    )


def shown(charge: str, **changes: str) -> Any:
    facts = {"balance_transaction_id": f"bt_{charge}", "gross": "10.00", "fee": "0.00", "net": "10.00"}
    return line(charge, **facts | changes)


def closed(*charges: str) -> date:
    """Sell, show and close what happened long ago, and return the day that was closed."""
    for charge in charges:
        book(sale(charge), ago=LONG_AGO)
    ends = timezone.now() + timedelta(minutes=30)
    match(take_in(*(shown(charge) for charge in charges), interval_end=ends))
    day = (timezone.now() - timedelta(days=5)).date()
    close_day(business_date=day, actor=MAKER, now=timezone.now())
    assert Statement.objects.get().state == "closed"
    return day


def unexplained(monkeypatch: pytest.MonkeyPatch, *, later: timedelta = timedelta(0)) -> int:
    """Return what is unexplained, which is the same if everything that there ever was is read."""
    now: datetime = timezone.now() + later
    found = unexplained_minor(now=now)
    with monkeypatch.context() as patched:
        patched.setattr(selectors, "_looked_at_until", lambda psp: None)
        assert unexplained_minor(now=now) == found
    return found


class TestUnexplained:
    def test_is_nothing_after_a_close(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed("ch_1", "ch_2")

        assert unexplained(monkeypatch, later=DUE) == 0

    def test_is_what_was_booked_since_on_something_old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed("ch_1", "ch_2")
        book(fee("ch_1"))

        assert unexplained(monkeypatch) == 5

    def test_is_what_a_clock_that_is_late_booked_since(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed("ch_1", "ch_2")
        book(fee("ch_1"), ago=timedelta(days=4))
        book(fee("ch_2"), ago=LONG_AGO)

        assert unexplained(monkeypatch) == 10

    def test_is_what_is_missing_once_it_is_due(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed("ch_1")
        book(sale("ch_new"))

        assert unexplained(monkeypatch) == 0
        assert unexplained(monkeypatch, later=DUE) == 1_000

    def test_is_what_was_too_young_to_be_missed_at_the_close(self, monkeypatch: pytest.MonkeyPatch) -> None:
        book(sale("ch_young"), ago=timedelta(hours=23))
        closed("ch_1")

        assert unexplained(monkeypatch, later=timedelta(hours=2)) == 1_000

    def test_is_what_a_statement_shows_since_of_something_old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed("ch_1")
        take_in(shown("ch_1", balance_transaction_id="bt_2", gross="0.70", net="0.70"))

        assert unexplained(monkeypatch) == 70

    def test_is_not_what_a_statement_shows_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed("ch_1")
        match(take_in(shown("ch_1"), shown("ch_2")))

        assert unexplained(monkeypatch) == 0
        assert unexplained(monkeypatch, later=DUE) == 0

    def test_is_not_what_a_discrepancy_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed("ch_1")
        match(take_in(shown("ch_1", balance_transaction_id="bt_2", gross="0.70", net="0.70")))

        assert unexplained(monkeypatch) == 0
        assert [found.reference for found in Discrepancy.objects.all()] == ["ch_1"]

    def test_asks_of_each_provider_since_its_own_close(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed("ch_1")
        theirs = recipes.Sale(order="ord_a", seller="ann", gross=euros(900), commission=euros(100))
        book(recipes.payment_captured(psp="adyen", charge="py_1", sales=[theirs]), ago=LONG_AGO)

        assert unexplained_minor(now=timezone.now(), psp="adyen") == 900
        assert unexplained(monkeypatch) == 0


class TestReading:
    def test_grows_with_what_is_open_and_not_with_what_was_closed(self) -> None:
        # Late in a month, so that all of it lies in one partition: of one with five lines the planner reads them all.
        late_in_a_month = timezone.now().replace(day=1) - timedelta(days=10)
        with time_machine.travel(late_in_a_month):
            closed(*(f"ch_{number}" for number in range(1000)))
            book(fee("ch_1"))
            book(sale("ch_new"))

            assert 3 <= rows_read("ledger_journalline") <= 8
            assert 1 <= rows_read("reconciliation_statementline") <= 8


def rows_read(table: str) -> int:
    """Return how many rows of a table the question reads."""
    database.execute("ANALYZE ledger_journalline, ledger_journalentry, ledger_account, reconciliation_statementline")
    with CaptureQueriesContext(connection) as asked:
        unexplained_minor(now=timezone.now())
    [statement] = [query["sql"] for query in asked if "ledger_clearing_of" in query["sql"]]
    explained = database.fetch_one(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) {statement}")["QUERY PLAN"]
    plan = json.loads(explained) if isinstance(explained, str) else explained
    return sum(
        int(node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0) * node["Actual Loops"])
        for node in nodes(plan[0]["Plan"])
        if node.get("Relation Name", "").startswith(table)
    )


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(found for each in plan.get("Plans", ()) for found in nodes(each))]
