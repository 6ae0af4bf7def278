"""The matrix's kills kill: nothing of a process comes after its death, and nobody knows what it had not committed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from operations.edges import along, money_tx, note, psp
from operations.models import StopSwitch
from tests.committed import wipe
from tests.faults import processes
from tests.faults.cells import chosen
from tests.faults.processes import armed
from tests.faults.test_matrix import run
from tests.snapshot import snapshot
from tests.world import World, make_shop

BEFORE, AFTER = "money_tx:test:before_commit", "money_tx:test:after_commit"
EITHER_WAY = pytest.mark.parametrize("forked", [False, True], ids=["in-the-test's-process", "in-a-fork"])

# One that dies in a request, at a provider's call, in a worker, twice, again in its recovery, and days later.
BOTH_WAYS = (
    "sale/money_tx:payments.intend:after_commit/first/well/ok",
    "sale/psp.call:checkout.register:after_response/recovering/well/twice",
    "refund/money_tx:refunds.record:before_commit/second/well/ok",
    "capture/money_tx:jobs.settle:before_commit/first/cut-after/reordered",
    "sale/psp.call:checkout.register:after_response/first/well/none/psp.call:checkout.find:after_response",
    "sale/money_tx:sellers.sync_account:before_commit/recovering/well/late",
)


def pull(switch: str = "refunds") -> None:
    """Commit one row."""
    with money_tx("test"):
        StopSwitch.objects.create(name=switch)


def surviving(then: Callable[[], Any]) -> Callable[[], None]:
    """Return what a process does that takes its own death for an error."""

    def work() -> None:
        try:
            pull()
        except BaseException:  # noqa: BLE001 - the very mistake
            then()

    return work


@EITHER_WAY
class TestAKill:
    def test_takes_what_was_open_with_it(self, committed_db: None, forked: bool) -> None:
        with armed({(BEFORE, 1)}, forked=forked) as seen:
            assert processes.run(pull) is None

        assert not StopSwitch.objects.exists()
        assert (seen.deaths, seen.went_on) == ([(BEFORE, 1)], [])

    def test_leaves_what_was_committed(self, committed_db: None, forked: bool) -> None:
        with armed({(AFTER, 1)}, forked=forked) as seen:
            assert processes.run(pull) is None

        assert StopSwitch.objects.get().name == "refunds"
        assert (seen.deaths, seen.went_on) == ([(AFTER, 1)], [])

    def test_takes_notes_with_it(self, committed_db: None, forked: bool) -> None:
        def work() -> None:
            note("test", "never written")
            psp.call("test", lambda: None)

        with armed({("psp.call:test:after_response", 1)}, forked=forked):
            processes.run(work)
            processes.run(pull)

        assert along.noted() == []
        assert StopSwitch.objects.count() == 1

    def test_is_counted_through_all_processes(self, committed_db: None, forked: bool) -> None:
        with armed({(AFTER, 2)}, forked=forked) as seen:
            processes.run(pull)
            processes.run(lambda: pull("payouts"))
            processes.run(lambda: pull("checkout"))

        assert (seen.deaths, seen.passed[AFTER]) == ([(AFTER, 2)], 3)
        assert StopSwitch.objects.count() == 3


class TestAHandlerThatTakesAKillForAnError:
    def test_is_seen(self, committed_db: None) -> None:
        with armed({(BEFORE, 1)}) as seen:
            processes.run(surviving(lambda: None))

        assert seen.went_on == ["ended as if nothing had happened"]

    def test_is_seen_when_it_raises_another_error(self, committed_db: None) -> None:
        def fail() -> None:
            raise ValueError

        with armed({(BEFORE, 1)}) as seen:
            processes.run(surviving(fail))

        assert seen.went_on == ["ValueError instead of the kill"]

    def test_writes_nothing(self, committed_db: None) -> None:
        with armed({(BEFORE, 1)}) as seen:
            processes.run(surviving(lambda: pull("payouts")))

        assert seen.went_on == ["a new connection"]
        assert not StopSwitch.objects.exists()

    def test_calls_nobody(self, committed_db: None) -> None:
        called = []

        with armed({(AFTER, 1)}) as seen:
            processes.run(surviving(lambda: psp.call("test", lambda: called.append(1))))

        assert (seen.went_on, called) == (["psp.call:test:before_send"], [])


class TestACell:
    @pytest.mark.parametrize("name", BOTH_WAYS)
    def test_ends_alike_with_a_kill_that_is_real(
        self, mortal_world: World, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        [cell] = chosen(name)
        fast = run(cell, mortal_world, monkeypatch)
        left = rows()
        start_afresh(mortal_world)

        real = run(cell, mortal_world, monkeypatch, forked=True)

        assert (real.deaths, real.passed) == (fast.deaths, fast.passed)
        assert rows() == left


def rows() -> dict[str, int]:
    """Return how many rows each table has."""
    return {table: len(found) for table, found in snapshot().items()}


def start_afresh(world: World) -> None:
    """Forget a cell, here and at the provider."""
    wipe()
    connection.close()
    world.provider.reset()
    world.provider.webhooks_manual()
    world.shop.api_key = make_shop("acme").api_key
    make_shop("bolt")
