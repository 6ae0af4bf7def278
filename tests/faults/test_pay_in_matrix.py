"""Every crash point of a sale, with the provider well and ill: one charge, booked once, nothing stuck."""

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
    "payments.answer",
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
ILLNESSES: dict[str, list[dict[str, Any]]] = {
    "well": [],
    "registers in silence": [{"op": "checkout.session.create", "action": "timeout_after_commit"}],
    "tells garbage of what was paid": [{"op": "checkout.session.retrieve", "action": "garbage"}],
    "tells everything twice, under new names": [{"op": "webhook", "action": "webhook_new_event_id", "times": 0}],
}


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

        assert sorted(set(log.read_text().split())) == sorted(POINTS)


class TestASale:
    def test_without_a_crash_is_sold_once(self, world: World) -> None:
        play(world)
        recover(world)

        assert_sold_once(world)

    @pytest.mark.parametrize("illness", ILLNESSES)
    @pytest.mark.parametrize("point", POINTS)
    def test_that_crashes_is_sold_once_all_the_same(
        self, world: World, monkeypatch: pytest.MonkeyPatch, point: str, illness: str
    ) -> None:
        world.provider.plan(ILLNESSES[illness])
        monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", f"{point}=raise")

        play(world)
        recover(world)

        assert_sold_once(world)

    @pytest.mark.parametrize("point", POINTS)
    def test_that_crashes_at_the_second_pass_and_in_the_recovery_is_sold_once(
        self, world: World, monkeypatch: pytest.MonkeyPatch, point: str
    ) -> None:
        monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", f"{point}#2=raise;{point}#3=raise")

        play(world)
        recover(world)

        assert_sold_once(world)
