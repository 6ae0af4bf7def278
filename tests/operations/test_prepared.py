"""Statements that are parsed once a connection and sent by libpq's own call."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DataError, IntegrityError, ProgrammingError, connection, transaction

from operations import database
from operations.edges import money_tx
from operations.prepared import ask_prepared, call_prepared
from tests.committed import committed_db

__all__ = ["committed_db"]

ECHO = "SELECT $1::text, $2::bigint, $3::date, $4::timestamptz, $5::bytea"


@pytest.mark.django_db
class TestCallPrepared:
    def test_sends_each_value_as_what_it_is(self) -> None:
        now = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)

        found = call_prepared(ECHO, ['Zoë\'s \\ "tea"', -7, date(2026, 2, 28), now, b"\x00\xff"])

        assert found == ['Zoë\'s \\ "tea"', "-7", "2026-02-28", "2026-03-01 12:30:15.123456+00", "\\x00ff"]

    def test_refuses_a_text_that_would_end_early(self) -> None:
        with pytest.raises(DataError, match="NUL"):
            call_prepared("SELECT $1::text", ["paid\0 twice"])

    def test_sends_what_is_none_true_a_duration_or_json(self) -> None:
        found = ask_prepared(
            "SELECT $1::text, $2::boolean, $3::interval, $4::jsonb, $5::jsonb",
            [None, True, timedelta(minutes=1, microseconds=5), {"a": [None, "ü"]}, []],
        )

        assert found == [(None, "t", "00:01:00.000005", '{"a": [null, "ü"]}', "[]")]

    def test_returns_as_many_rows_as_there_are(self) -> None:
        rows = ask_prepared("SELECT n FROM generate_series(1, $1::int) AS n ORDER BY n", [3])

        assert rows == [("1",), ("2",), ("3",)]
        assert ask_prepared("SELECT 1 WHERE $1::boolean", [False]) == []

    @pytest.mark.parametrize("value", [1.5, {1}])
    def test_refuses_what_it_cannot_send(self, value: object) -> None:
        with pytest.raises(TypeError, match="cannot be sent"):
            call_prepared("SELECT $1::text", [value])

    def test_raises_what_a_cursor_raises_with_the_name_of_the_constraint(self) -> None:
        insert = "INSERT INTO ledger_closedday VALUES ($1, 'oscar', now(), -1, '') RETURNING closed_by"

        with pytest.raises(IntegrityError) as refused:
            call_prepared(insert, [date(2026, 1, 1)])

        assert refused.value.__cause__.diag.constraint_name == "ledger_closedday_entries_check"  # type: ignore[union-attr]

    def test_names_a_mistake_in_the_statement(self) -> None:
        with pytest.raises(ProgrammingError, match="no_such_column"):
            call_prepared("SELECT no_such_column", [])


class TestItsTransaction:
    def test_is_the_callers_where_it_is_the_first_statement(self, committed_db: None) -> None:
        with money_tx("test"):
            call_prepared("SELECT set_config('application_name', $1, true)", ["inside"])
            assert database.fetch_one("SHOW application_name")["application_name"] == "inside"

        assert database.fetch_one("SHOW application_name")["application_name"] != "inside"

    def test_is_its_own_outside_of_one(self, committed_db: None) -> None:
        call_prepared("SELECT pg_current_xact_id()", [])

        assert connection.connection.info.transaction_status.name == "IDLE"

    def test_does_not_matter_to_what_was_prepared_in_it(self, committed_db: None) -> None:
        with money_tx("test"):
            call_prepared("SELECT 1 + $1::int", [1])
            transaction.set_rollback(True)

        assert call_prepared("SELECT 1 + $1::int", [2]) == ["3"]

    def test_goes_on_over_a_new_connection(self, committed_db: None) -> None:
        assert call_prepared("SELECT 2 + $1::int", [1]) == ["3"]
        connection.close()

        assert call_prepared("SELECT 2 + $1::int", [2]) == ["4"]
