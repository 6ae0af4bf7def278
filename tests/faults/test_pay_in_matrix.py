"""Every crash point of a sale, with the provider well and ill: one charge, booked once, nothing stuck."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from operations import failpoints
from tests.faults.pay_in import assert_sold_once, play, recover
from tests.world import World

# Every transaction and every call of a sale, from the seller's registration to the booked payment.
TRANSACTIONS = (
    "jobs.claim",
    "jobs.settle",
    "payments.intend",
    "payments.record_facts",
    "payments.record_registration",
    "sellers.record_account",
    "sellers.register",
    "sellers.sync_account",
    "webhooks.handled",
    "webhooks.receive",
)
CALLS = ("account.fetch", "account.open", "checkout.fetch", "checkout.register")
POINTS = [f"money_tx:{name}:{moment}" for name in TRANSACTIONS for moment in ("before_commit", "after_commit")] + [
    f"psp.call:{name}:{moment}" for name in CALLS for moment in ("before_send", "after_response")
]
# What a sale passes more than once even when nothing crashes.
REPEATED = [point for point in POINTS if ":jobs." in point or ":webhooks." in point]
ILL: list[dict[str, Any]] = [
    {"op": "checkout.session.create", "action": "timeout_after_commit"},
    {"op": "checkout.session.retrieve", "action": "garbage"},
    {"op": "webhook", "action": "webhook_new_event_id", "times": 0},
]


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    """Count every point's passes from zero."""
    failpoints.reset()


class TestTheRecording:
    def test_passes_exactly_the_points_of_the_matrix(
        self, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        log = tmp_path / "passed"
        monkeypatch.setenv("COUNTERFOIL_FAILPOINT_LOG", str(log))

        play(world)

        passed = Counter(log.read_text().split())
        assert sorted(passed) == sorted(POINTS)
        assert [point for point in REPEATED if passed[point] < 2] == []


class TestASale:
    def test_without_a_crash_is_sold_once(self, world: World) -> None:
        play(world)
        recover(world)

        assert_sold_once(world)

    @pytest.mark.parametrize("point", POINTS)
    def test_that_crashes_is_sold_once_all_the_same(
        self, world: World, monkeypatch: pytest.MonkeyPatch, point: str
    ) -> None:
        self._crash(world, monkeypatch, f"{point}=raise")

    @pytest.mark.parametrize("point", POINTS)
    def test_that_crashes_again_while_it_recovers_and_the_provider_is_ill_is_sold_once(
        self, world: World, monkeypatch: pytest.MonkeyPatch, point: str
    ) -> None:
        world.provider.plan(ILL)

        self._crash(world, monkeypatch, f"{point}=raise;{point}#2=raise")

    @pytest.mark.parametrize("point", REPEATED)
    def test_that_crashes_at_the_second_pass_is_sold_once(
        self, world: World, monkeypatch: pytest.MonkeyPatch, point: str
    ) -> None:
        self._crash(world, monkeypatch, f"{point}#2=raise")

    def _crash(self, world: World, monkeypatch: pytest.MonkeyPatch, plan: str) -> None:
        monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", plan)
        play(world)
        recover(world)
        monkeypatch.delenv("COUNTERFOIL_FAILPOINTS")

        assert_sold_once(world)
