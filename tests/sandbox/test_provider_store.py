"""The provider's store: what it finds by an index it does not look for among all there is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.provider.idempotency import Keys
from sandbox.provider.store import INDEXED, Store

MANY = 3_000
#: What a look-up may cost, in thousands of SQLite's own steps. Reading all of the many takes nine at least.
FEW = 3


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "sandbox.sqlite")
    yield opened
    opened.close()


class Steps:
    """Count the thousands of steps that SQLite makes."""

    def __init__(self, store: Store) -> None:
        self.taken = 0
        store._db.set_progress_handler(self._step, 1_000)

    def _step(self) -> int:
        self.taken += 1
        return 0


class TestSelect:
    @pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, names in INDEXED.items() for field in names])
    def test_finds_by_an_indexed_field_without_reading_the_rest(self, store: Store, kind: str, field: str) -> None:
        with store.transaction():
            for number in range(MANY):
                store.insert({"id": f"o_{number}", "object": kind, field: f"v_{number}"}, account="")
        steps = Steps(store)

        found = store.select(kind, filters={field: "v_1234"}, limit=10)

        assert [body["id"] for body in found] == ["o_1234"]
        assert steps.taken <= FEW

    def test_reads_a_page_of_several_values_without_sorting_the_rest(self, store: Store) -> None:
        with store.transaction():
            for number in range(MANY):
                store.insert({"id": f"evt_{number}", "object": "event", "type": f"kind_{number % 3}"}, account="")
        steps = Steps(store)

        found = store.select("event", filters={"type": ["kind_0", "kind_1"]}, limit=3)

        assert [body["id"] for body in found] == ["evt_2998", "evt_2997", "evt_2995"]
        assert steps.taken <= FEW

    def test_keeps_other_accounts_apart_where_it_finds_by_a_field(self, store: Store) -> None:
        with store.transaction():
            store.insert({"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}, account="acct_ann")
            store.insert({"id": "ch_2", "object": "charge", "payment_intent": "pi_1"}, account="")

        found = store.select("charge", filters={"payment_intent": "pi_1"})

        assert [body["id"] for body in found] == ["ch_2"]


class TestReserve:
    def test_looks_at_no_key_that_is_neither_asked_for_nor_old(self, store: Store) -> None:
        keys = Keys(store)
        with store.transaction():
            for number in range(MANY):
                store.execute("INSERT INTO answers VALUES ('', ?, 'print', 200, '{}', 1000)", (f"k{number}",))
        steps = Steps(store)

        assert keys.reserve("", "new", "print", now=1_001) is None
        assert steps.taken <= FEW
