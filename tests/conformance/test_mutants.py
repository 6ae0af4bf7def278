"""Each guard of ours, weakened, is missed: a named test passes on our books and fails on the mutant.

The table of mutants, and of what must catch each, is in mutants.py.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

from operations import database
from tests.committed import wipe
from tests.conformance import test_ledger_conformance_kit, test_rebuilding
from tests.conformance.adapter import Ledger
from tests.conformance.mutants import CAUGHT_BY, GIVEN, REFUSED_BY_NOBODY, SAYS, WEAKENED
from tests.database import test_guards_of_facts, test_guards_of_the_books
from tests.ledger import test_posting, test_posting_batches, test_seals
from tests.ledger.history import forgotten
from tests.ledger.test_posting import book, captured

MODULES: tuple[ModuleType, ...] = (
    *(test_guards_of_the_books, test_guards_of_facts, test_posting, test_posting_batches),
    *(test_seals, test_ledger_conformance_kit, test_rebuilding),
)
# Their tests commit: what they show, they show between transactions.
COMMITTED = (test_seals, test_ledger_conformance_kit, test_rebuilding)
_CLOSED_MARCH = """
INSERT INTO ledger_closedday (business_date, closed_by, closed_at, entries, digest)
VALUES ('2026-03-31', 'user:oscar', now(), 0, '')
"""
_SCHEMA = """
SELECT 'function ' || oid::regprocedure AS name, '' AS on_table, pg_get_functiondef(oid) AS definition
FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
UNION ALL SELECT 'constraint ' || conname, conrelid::regclass::text, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND conparentid = 0 AND coninhcount = 0
UNION ALL SELECT 'trigger ' || tgname, tgrelid::regclass::text, tgenabled::text || ' ' || pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
"""


def found(mutant: str) -> tuple[ModuleType, type, str]:
    """Return where the test stands that must catch a mutant: its module, its class, its name."""
    owner, name = CAUGHT_BY[mutant].split(".")
    [(module, cls)] = [
        (module, cls)
        for module in MODULES
        for title, cls in vars(module).items()
        if title == owner or (owner.startswith("TestInv") and title.startswith(owner))
        if cls.__module__ == module.__name__ and hasattr(cls, name)
    ]
    return module, cls, name


def check(mutant: str) -> None:
    """Run the test that must catch a mutant."""
    _, cls, name = found(mutant)
    method = getattr(cls(), name)
    with pytest.MonkeyPatch.context() as monkeypatch:
        fixtures: dict[str, Any] = {"ledger": Ledger(), "monkeypatch": monkeypatch}
        wanted = inspect.signature(method).parameters
        method(**{key: value for key, value in (fixtures | GIVEN.get(mutant, {})).items() if key in wanted})


def prepare(mutant: str) -> None:
    """Do what the fixtures of the test's class do."""
    module, cls, _ = found(mutant)
    if module is test_guards_of_the_books:
        book(captured())
        if cls is test_guards_of_the_books.TestClosedDays:
            database.execute(_CLOSED_MARCH)
    elif cls is test_guards_of_facts.TestExchanges:
        test_guards_of_facts.book_an_exchange()
    elif cls is test_guards_of_facts.TestReturns:
        test_guards_of_facts.book_a_payout()
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")


def schema() -> dict[tuple[str, str], str]:
    """Return every function, constraint and trigger of the database, by kind, name and table."""
    return {(row["name"], row["on_table"]): row["definition"] for row in database.fetch_all(_SCHEMA)}


@contextmanager
def restored() -> Iterator[None]:
    """Put back the functions and constraints that the block changes, exactly."""
    before = schema()
    try:
        yield
    finally:
        wipe()
        now = schema()
        for (name, table), definition in before.items():
            kind, _, title = name.partition(" ")
            if now.get((name, table)) != definition:
                added = f"ALTER TABLE {table} ADD CONSTRAINT {title} {definition}"
                database.execute(definition if kind == "function" else added)
    assert schema() == before


def mutants(*, committed: bool) -> list[str]:
    """Return the mutants whose test commits, or does not."""
    return [mutant for mutant in CAUGHT_BY if (found(mutant)[0] in COMMITTED) == committed]


class TestTheTable:
    def test_says_how_each_mutant_is_made(self) -> None:
        assert list(WEAKENED) == list(CAUGHT_BY)
        assert {*GIVEN, *SAYS} <= set(CAUGHT_BY)


class TestAMutant:
    @pytest.mark.django_db
    @pytest.mark.parametrize("mutant", mutants(committed=False))
    def test_is_caught(self, mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with forgotten():
            prepare(mutant)
            check(mutant)

        with forgotten():
            prepare(mutant)
            WEAKENED[mutant](monkeypatch)
            assert_caught(mutant)

    @pytest.mark.usefixtures("committed_db")
    @pytest.mark.parametrize("mutant", mutants(committed=True))
    def test_is_caught_by_threads(self, mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
        check(mutant)
        wipe()

        with restored():
            WEAKENED[mutant](monkeypatch)
            assert_caught(mutant)


def assert_caught(mutant: str) -> None:
    """Assert that the test fails, and that it says why."""
    with pytest.raises((Exception, pytest.fail.Exception)) as caught:
        check(mutant)
    caught.match("(?s)" + SAYS.get(mutant, REFUSED_BY_NOBODY))
