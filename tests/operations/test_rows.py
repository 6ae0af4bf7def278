"""Rows of models by statements that the ORM writes once: the same rows as the ORM's own, at a fraction of the work."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from operations.edges import money_tx
from operations.models import Job
from operations.rows import NotPreparable, insert_row, prepared_query, update_row
from tests.committed import committed_db

__all__ = ["committed_db"]

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def a_job(key: str, **facts: object) -> Job:
    """Return a job that is not in the database yet."""
    return Job(kind="test", key=key, next_at=NOON, created_at=NOON, **facts)


@prepared_query
def jobs_called(kind: str, key: str) -> QuerySet[Job]:
    return Job.objects.filter(kind=kind, key__startswith="a%", key=key).order_by("pk")


@prepared_query
def jobs_tried(attempts: int) -> QuerySet[Job]:
    return Job.objects.filter(attempts=attempts, kind="test").order_by("pk")


@prepared_query
def locked(pk: int) -> QuerySet[Job]:
    return Job.objects.select_for_update().filter(pk=pk)


@prepared_query
def told_twice(key: str) -> QuerySet[Job]:
    return Job.objects.filter(kind=key, key=key)


@pytest.mark.django_db
class TestPreparedQuery:
    def test_returns_the_rows_that_the_orm_returns(self) -> None:
        for key in ("a%b", "a%c"):
            a_job(key, args={"order": 'ü"', "list": [1, None]}, attempts=3, lease_until=NOON).save()

        [found] = jobs_called("test", "a%c")

        theirs = Job.objects.get(key="a%c")
        assert {**vars(found), "_state": None} == {**vars(theirs), "_state": None}
        assert (found._state.adding, found._state.db) == (False, "default")

    def test_asks_anew_for_each_argument(self) -> None:
        for number in range(3):
            a_job(f"a{number}", attempts=number).save()

        assert [[job.key for job in jobs_tried(number)] for number in (2, 0, 7, 1)] == [["a2"], ["a0"], [], ["a1"]]

    def test_is_put_together_once(self) -> None:
        jobs_tried(0)

        with CaptureQueriesContext(connection) as asked:
            jobs_tried(1)

        assert asked.captured_queries == []

    def test_is_refused_where_an_argument_does_not_stand_once(self) -> None:
        with pytest.raises(NotPreparable, match="told_twice"):
            told_twice("a")


class TestALockingQuery:
    def test_is_refused_outside_a_transaction(self, committed_db: None) -> None:
        with transaction.atomic():
            assert locked(1) == []

        with pytest.raises(TransactionManagementError):
            locked(1)

    def test_holds_the_row(self, committed_db: None) -> None:
        job = insert_row(a_job("a"))
        other = connection.copy()
        with money_tx("test"):
            locked(job.pk)
            with pytest.raises(Exception, match="could not obtain lock"), other.cursor() as cursor:
                cursor.execute("SELECT 1 FROM operations_job WHERE id = %s FOR UPDATE NOWAIT", [job.pk])
        other.close()


@pytest.mark.django_db
class TestInsertRow:
    def test_stores_what_save_stores(self) -> None:
        facts = {"args": {"order": 'ü"'}, "attempts": 3, "lease_until": NOON, "last_error": "a\\b"}
        insert_row(a_job("ours", **facts))
        a_job("theirs", **facts).save()

        ours, theirs = (
            Job.objects.values_list("kind", "args", "state", "attempts", "next_at", "lease_until", "last_error").get(
                key=key
            )
            for key in ("ours", "theirs")
        )
        assert ours == theirs

    def test_returns_the_object_with_its_new_key(self) -> None:
        job = insert_row(a_job("a"))

        assert job.pk == Job.objects.get(key="a").pk
        job.attempts = 9
        job.save()
        assert Job.objects.get(key="a").attempts == 9

    def test_raises_what_save_raises(self) -> None:
        insert_row(a_job("a"))

        with pytest.raises(IntegrityError), transaction.atomic():
            insert_row(a_job("a"))

    def test_leaves_what_is_there_where_it_may(self) -> None:
        insert_row(a_job("a", attempts=1))

        insert_row(a_job("a", attempts=2), or_ignore=True)

        assert [job.attempts for job in Job.objects.all()] == [1]


@pytest.mark.django_db
class TestUpdateRow:
    def test_writes_the_named_fields_and_no_others(self) -> None:
        job, other = insert_row(a_job("a")), insert_row(a_job("b"))
        job.args, job.attempts, job.last_error = {"a": [1]}, 4, "not this"

        update_row(job, "args", "attempts")

        assert Job.objects.values_list("args", "attempts", "last_error").get(pk=job.pk) == ({"a": [1]}, 4, "")
        assert Job.objects.get(pk=other.pk).attempts == 0
