"""A database of its own, in which time can be turned back: no other test sees it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from pytest_django.plugin import DjangoDbBlocker

ALIAS = "older"


@dataclass(frozen=True)
class Older:
    """A database at some moment of its history."""

    line: Any

    def migrate(self, *targets: tuple[str, str]) -> None:
        """Migrate to these migrations and what they need; to the end where none is named."""
        executor = MigrationExecutor(self.line)
        executor.migrate(list(targets) or executor.loader.graph.leaf_nodes())

    def run(self, statements: str) -> None:
        """Run SQL as it stands, each time in a transaction of its own."""
        with self.line.cursor() as cursor:
            cursor.execute(statements)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        with self.line.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())


@pytest.fixture(scope="module")
def older(test_database: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Older]:
    """An empty database, before the first migration."""
    name = f"older_{os.getpid()}"
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
            cursor.execute(f'CREATE DATABASE "{name}"')
        connections.settings[ALIAS] = {**connection.settings_dict, "NAME": name}
        try:
            yield Older(connections[ALIAS])
        finally:
            connections[ALIAS].close()
            del connections[ALIAS], connections.settings[ALIAS]
            with connection.cursor() as cursor:
                cursor.execute(f'DROP DATABASE "{name}"')
