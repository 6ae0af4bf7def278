"""Money-in, killed at every point, with the provider well and ill, and its messages in order, not in order, or late:
done once, booked once, nothing stuck.

Every run plays a part that meets each failpoint with every kind of fault. `make matrix` plays each failpoint in one
story, with every fault, way of arriving and moment; CELLS=full in every story. CELLS=each:3/12 or full:3/12 plays the
third of twelve shares of either, CELLS=NAME the one cell of that name.
"""

import os
import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from tests.faults.cells import PAIRS, WRONG_AMOUNT, Cell, Hit, again, chosen, covering, full
from tests.faults.left_out import LEFT_OUT
from tests.faults.processes import Processes, armed
from tests.faults.recovery import Courier, Webhooks, hear_late, nothing_waits, play, recover
from tests.faults.stories import STORIES
from tests.faults.story import Story
from tests.world import World

_TRANSACTION = re.compile(r'money_tx\(\s*"([a-z_.]+)"')
_CALL = re.compile(r'_ask\(\s*"([a-z_.]+)"')

CELLS = chosen(os.environ.get("COUNTERFOIL_MATRIX", ""))


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
    def test_crashes_wherever_pay_in_can_crash(self) -> None:
        crashed = {point.split(":")[1] for story in STORIES.values() for point in story.points()}
        crashed |= {cell.then.split(":")[1] for cell in again()}

        assert points_of_the_code() - crashed - set(LEFT_OUT) == set()
        # What is left out is there, and is crashed nowhere.
        assert set(LEFT_OUT) & crashed == set()
        assert set(LEFT_OUT) - points_of_the_code() == set()

    def test_meets_every_failpoint_with_every_kind_of_fault_and_every_way_of_arriving(self) -> None:
        every, cells = list(full()), covering()

        for pair in PAIRS:
            assert {pair(cell) for cell in every} - {pair(cell) for cell in cells} == set()


class TestAStory:
    @pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
    def test_that_goes_wrong_comes_to_its_end_once(
        self, mortal_world: World, monkeypatch: pytest.MonkeyPatch, cell: Cell
    ) -> None:
        run(cell, mortal_world, monkeypatch)


def points_of_the_code() -> set[str]:
    """Return every transaction of payments and of the jobs, and every call of the provider's adapter, by its name."""
    services = [
        *(settings.BASE_DIR / "payments/services").glob("*.py"),
        *(settings.BASE_DIR / "operations/jobs").glob("*.py"),
    ]
    found = [name for file in services for name in _TRANSACTION.findall(file.read_text())]
    adapter = settings.BASE_DIR / "payments/gateway/stripe_adapter.py"
    return {*found, *_CALL.findall(adapter.read_text())}


def set_up(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the story's settings in force."""
    for name, value in story.under.items():
        monkeypatch.setattr(settings, name, value)


def run(cell: Cell, world: World, monkeypatch: pytest.MonkeyPatch, *, forked: bool = False) -> Processes:
    """Play a cell, let it recover, and judge what came of it."""
    story = cell.story
    set_up(story, monkeypatch)
    story.prepare(world)
    world.provider.plan(cell.plan)
    courier = Courier(world=world, webhooks=cell.webhooks)
    with armed(cell.crashes, forked=forked) as processes:
        play(story, courier)
        recover(story, courier)
        if cell.webhooks is Webhooks.LATE:
            hear_late(story, courier)

    assert processes.went_on == []
    story.judge(world)
    nothing_waits(alarm="AmountMismatch" if cell.fault == WRONG_AMOUNT else "")
    # A cell that never got to its crash, or its fault, would show nothing.
    assert (cell.point, 2 if cell.hit is Hit.SECOND else 1) in processes.deaths
    assert not cell.then or (cell.then, 1) in processes.deaths
    never = [rule for rule in world.provider.planned()["rules"] if rule["op"] in story.writes and not rule["fired"]]
    assert never == []
    return processes
