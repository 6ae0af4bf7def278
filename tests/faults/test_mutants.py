"""The matrix can fail: each mutant of ours is caught by a cell that passes without it."""

import pytest

from tests.faults.cells import chosen
from tests.faults.mutants import CAUGHT_BY, SAYS, WEAKENED
from tests.faults.test_matrix import run
from tests.world import World


class TestAMutant:
    @pytest.mark.parametrize("mutant", CAUGHT_BY)
    def test_is_caught_by_its_cell(self, mortal_world: World, monkeypatch: pytest.MonkeyPatch, mutant: str) -> None:
        [cell] = chosen(CAUGHT_BY[mutant])
        WEAKENED[mutant](monkeypatch)

        with pytest.raises(AssertionError, match=SAYS[mutant]):
            run(cell, mortal_world, monkeypatch)

    @pytest.mark.parametrize("name", sorted(set(CAUGHT_BY.values())))
    def test_is_needed_for_its_cell_to_fail(
        self, mortal_world: World, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        [cell] = chosen(name)

        run(cell, mortal_world, monkeypatch)


class TestTheCorpus:
    def test_makes_every_mutant_that_it_lists(self) -> None:
        assert set(CAUGHT_BY) == set(WEAKENED) == set(SAYS)
