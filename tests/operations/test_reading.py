"""Reading much, and reading what must add up: rows in a stream, and one moment's view of the database."""

import tracemalloc

import pytest
from django.db import InternalError, connection
from django.utils import timezone

from operations import database
from operations.edges import money_tx, snapshot
from operations.models import StopSwitch
from operations.services import pull_switch
from tests.committed import at_once, committed_db

__all__ = ["committed_db"]

NUMBERS = "SELECT number, number * 2 AS twice FROM generate_series(1, %(last)s) AS number"


def pull(name: str) -> None:
    """Pull a stop switch, and commit."""
    with money_tx("test"):
        pull_switch(name=name, reason="to see who sees it", actor="system:test", now=timezone.now())


class TestStream:
    @pytest.mark.django_db
    @pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5])
    def test_yields_every_row_once_in_order_however_they_are_fetched(
        self, rows: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "_CHUNK", 2)

        found = list(database.stream(NUMBERS, {"last": rows}))

        assert found == [{"number": number, "twice": number * 2} for number in range(1, rows + 1)]

    @pytest.mark.django_db
    def test_lets_other_questions_be_asked_in_between(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "_CHUNK", 1)

        found = [
            database.fetch_one("SELECT %s AS n", [row["number"]])["n"] for row in database.stream(NUMBERS, {"last": 3})
        ]

        assert found == [1, 2, 3]

    @pytest.mark.django_db
    def test_needs_no_more_memory_for_many_rows(self) -> None:
        rows = database.stream(NUMBERS, {"last": 60_000})
        next(rows)
        tracemalloc.start()

        count = sum(1 for _ in rows)

        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == 59_999
        assert peak < 3_000_000


class TestSnapshot:
    def test_sees_one_moment_whatever_others_commit_meanwhile(self, committed_db: None) -> None:
        pull("before")
        with snapshot():
            first = set(StopSwitch.objects.values_list("name", flat=True))
            at_once([lambda: pull("meanwhile")])
            second = set(StopSwitch.objects.values_list("name", flat=True))

        assert first == second == {"before"}
        assert StopSwitch.objects.count() == 2

    def test_cannot_be_written_in(self, committed_db: None) -> None:
        with pytest.raises(InternalError, match="read-only"), snapshot():
            database.execute("DELETE FROM operations_stopswitch")

    def test_is_over_when_the_block_ends(self, committed_db: None) -> None:
        with snapshot():
            StopSwitch.objects.count()

        pull("after")
        assert not connection.in_atomic_block
        assert StopSwitch.objects.count() == 1

    def test_inside_a_transaction_is_that_transaction(self, committed_db: None) -> None:
        with money_tx("test"):
            pull_switch(name="mine", reason="not committed yet", actor="system:test", now=timezone.now())
            with snapshot():
                seen = StopSwitch.objects.count()

        assert seen == 1
