"""Every crash point of money-in, with the provider well and ill and its messages in order and not: done once, booked
once, nothing stuck.

Every run plays a part that meets each failpoint with every kind of fault. `make matrix` plays every cell; CELLS=3/12
plays the third of twelve shares, CELLS=NAME the one cell of that name.
"""

import os
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from operations import failpoints
from tests.faults.cells import PAIRS, WRONG_AMOUNT, Cell, Hit, chosen, covering, full
from tests.faults.recovery import Courier, nothing_waits, play, recover
from tests.faults.stories import STORIES
from tests.faults.story import Story
from tests.world import World

CELLS = chosen(os.environ.get("COUNTERFOIL_MATRIX", ""))


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    """Count every point's passes from zero."""
    failpoints.reset()


class TestARecording:
    @pytest.mark.parametrize("story", STORIES.values(), ids=lambda story: story.name)
    def test_passes_exactly_the_points_of_its_cells(
        self, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, story: Story
    ) -> None:
        set_up(story, monkeypatch)
        story.prepare(world)
        log = tmp_path / "passed"
        monkeypatch.setenv("COUNTERFOIL_FAILPOINT_LOG", str(log))

        play(story, Courier(world=world))

        passed = Counter(log.read_text().split())
        assert sorted(passed) == sorted(story.points())
        assert sorted(point for point in passed if passed[point] > 1) == sorted(story.twice())


class TestTheMatrix:
    def test_meets_every_failpoint_with_every_kind_of_fault_and_every_way_of_arriving(self) -> None:
        every, cells = list(full()), covering()

        for pair in PAIRS:
            assert {pair(cell) for cell in every} - {pair(cell) for cell in cells} == set()


class TestAStory:
    @pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
    def test_that_goes_wrong_comes_to_its_end_once(
        self, world: World, monkeypatch: pytest.MonkeyPatch, cell: Cell
    ) -> None:
        run(cell, world, monkeypatch)


def set_up(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the story's settings in force."""
    for name, value in story.under.items():
        monkeypatch.setattr(settings, name, value)


def run(cell: Cell, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play a cell, let it recover, and judge what came of it."""
    story = cell.story
    set_up(story, monkeypatch)
    story.prepare(world)
    failpoints.reset()
    world.provider.plan(cell.plan)
    monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", cell.armed)
    courier = Courier(world=world, webhooks=cell.webhooks)
    play(story, courier)
    recover(story, courier)
    passes = failpoints.passed(cell.point)
    monkeypatch.delenv("COUNTERFOIL_FAILPOINTS")

    story.judge(world)
    nothing_waits(alarm="AmountMismatch" if cell.fault == WRONG_AMOUNT else "")
    # A cell that never got to its crash, or its fault, would show nothing.
    assert passes >= (2 if cell.hit is Hit.SECOND else 1)
    never = [rule for rule in world.provider.planned()["rules"] if rule["op"] in story.writes and not rule["fired"]]
    assert never == []
