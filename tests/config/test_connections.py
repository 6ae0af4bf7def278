"""Connections to the database: kept from task to task and request to request, given up when ended or too old."""

import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
from celery.fixups import django as celery_and_django
from celery.signals import task_postrun, task_prerun
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.celery import app
from operations.tasks import sweep
from tests.committed import committed_db

__all__ = ["committed_db"]


@pytest.fixture(autouse=True)
def _worker(committed_db: None) -> Iterator[None]:
    """Have Celery treat tasks as in a worker, without starting one."""
    worker = cast(Any, celery_and_django).DjangoWorkerFixup(app)
    task_prerun.connect(worker.on_task_prerun)
    task_postrun.connect(worker.on_task_postrun)
    yield
    task_prerun.disconnect(worker.on_task_prerun)
    task_postrun.disconnect(worker.on_task_postrun)


def _backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _a_task_runs() -> int:
    task_prerun.send(sender=sweep)
    pid = _backend()
    task_postrun.send(sender=sweep)
    return pid


def _a_request_comes() -> None:
    assert Client().get("/healthz").status_code == 200


class TestTheConnectionOfATask:
    def test_is_kept_from_task_to_task(self) -> None:
        assert len({_a_task_runs() for _ in range(3)}) == 1

    def test_is_given_up_when_the_server_has_ended_it(self) -> None:
        first = _a_task_runs()
        _end(first)
        assert _a_task_runs() != first

    def test_is_given_up_when_too_old(self) -> None:
        first = _a_task_runs()
        cast(Any, connection).close_at = time.monotonic() - 1
        assert _a_task_runs() != first


class TestTheConnectionOfARequest:
    def test_is_kept_without_a_question_of_its_own(self, committed_db: None) -> None:
        first = _backend()

        with CaptureQueriesContext(connection) as asked:
            _a_request_comes()

        assert (_backend(), asked.captured_queries) == (first, [])

    def test_is_given_up_when_the_server_has_ended_it(self, committed_db: None) -> None:
        first = _backend()
        _end(first)

        _a_request_comes()

        assert _backend() != first

    def test_is_kept_when_the_server_said_something_else(self, committed_db: None) -> None:
        first = _backend()
        with connection.cursor() as cursor:
            cursor.execute("LISTEN anything")
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("NOTIFY anything")
        other.close()

        _a_request_comes()

        assert _backend() == first


def _end(pid: int) -> None:
    """End a server process as a restart of the server would, from outside."""
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()
