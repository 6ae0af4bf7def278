"""Failpoints: they crash where they are told, when they are told, and never in production."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from operations import failpoints
from operations.edges import money_tx, psp
from operations.failpoints import FailpointRaised, hit
from operations.models import StopSwitch
from tests.committed import committed_db, environment

__all__ = ["committed_db"]

CHILD = "import django; django.setup(); from operations.failpoints import hit; hit('here'); print('alive')"


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    """Count every point's passes from zero."""
    failpoints.reset()


def arm(monkeypatch: pytest.MonkeyPatch, plan: str) -> None:
    monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", plan)


class TestHit:
    def test_does_nothing_unarmed(self) -> None:
        hit("here")

    def test_raises_once_where_it_is_armed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        arm(monkeypatch, "here=raise")

        hit("elsewhere")
        with pytest.raises(FailpointRaised, match="here"):
            hit("here")
        hit("here")

    def test_can_wait_for_the_second_pass(self, monkeypatch: pytest.MonkeyPatch) -> None:
        arm(monkeypatch, "here#2=raise")

        hit("here")
        with pytest.raises(FailpointRaised):
            hit("here")

    def test_follows_several_rules(self, monkeypatch: pytest.MonkeyPatch) -> None:
        arm(monkeypatch, "one=raise;two#2=raise;")

        hit("two")
        for name in ("one", "two"):
            with pytest.raises(FailpointRaised, match=name):
                hit(name)

    def test_can_take_its_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        arm(monkeypatch, "here=sleep:30")
        before = time.monotonic_ns()

        hit("here")

        assert time.monotonic_ns() - before >= 30_000_000

    def test_is_told_to_a_watcher_before_anything_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[str] = []
        monkeypatch.setattr(failpoints, "watcher", seen.append)
        arm(monkeypatch, "here=raise")

        with pytest.raises(FailpointRaised):
            hit("here")

        assert seen == ["here"]

    def test_is_dead_without_the_setting(self, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
        settings.FAILPOINTS_ALLOWED = False
        log = tmp_path / "passed"
        arm(monkeypatch, "here=raise")
        monkeypatch.setenv("COUNTERFOIL_FAILPOINT_LOG", str(log))
        seen: list[str] = []
        monkeypatch.setattr(failpoints, "watcher", seen.append)

        hit("here")

        assert not log.exists()
        assert seen == []

    def test_is_recorded_in_order_for_a_recording_run(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        log = tmp_path / "passed"
        monkeypatch.setenv("COUNTERFOIL_FAILPOINT_LOG", str(log))

        for name in ("one", "two", "one"):
            hit(name)

        assert log.read_text().split() == ["one", "two", "one"]

    @pytest.mark.django_db
    def test_is_carried_by_the_primitives(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        log = tmp_path / "passed"
        monkeypatch.setenv("COUNTERFOIL_FAILPOINT_LOG", str(log))

        with money_tx("sale"):
            pass
        psp.call("charge", lambda: None)

        assert log.read_text().split() == [
            "money_tx:sale:before_commit",
            "money_tx:sale:after_commit",
            "psp.call:charge:before_send",
            "psp.call:charge:after_response",
        ]


class TestACrash:
    @pytest.mark.django_db
    @pytest.mark.parametrize(("where", "kept"), [("before_commit", False), ("after_commit", True)])
    def test_keeps_what_was_committed_and_nothing_else(
        self, monkeypatch: pytest.MonkeyPatch, where: str, kept: bool
    ) -> None:
        arm(monkeypatch, f"money_tx:test:{where}=raise")

        with pytest.raises(FailpointRaised), money_tx("test"):
            StopSwitch.objects.create(name="payouts")

        assert StopSwitch.objects.exists() is kept

    def test_of_our_own_database_connection_commits_nothing(
        self, committed_db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arm(monkeypatch, "money_tx:test:before_commit=db_kill")

        with pytest.raises(OperationalError), money_tx("test"):
            StopSwitch.objects.create(name="payouts")

        connection.close()
        assert not StopSwitch.objects.exists()

    def test_kills_a_real_process_without_a_last_word(self) -> None:
        done = self._child(COUNTERFOIL_FAILPOINTS="here=kill9")

        assert (done.returncode, done.stdout) == (-9, b"")

    def test_is_impossible_in_production_and_development(self) -> None:
        for name in ("production", "development"):
            done = self._child(
                COUNTERFOIL_FAILPOINTS="here=kill9",
                COUNTERFOIL_ENV=name,
                SECRET_KEY="s" * 60,
                ALLOWED_HOSTS="pay.example",
                PUBLIC_URL="https://pay.example",
                BROKER_URL="redis://127.0.0.1:1/0",
                STRIPE_API_KEY="sk_live_x",
                STRIPE_WEBHOOK_SECRET="whsec_x",
            )

            assert (done.returncode, done.stdout) == (0, b"alive\n"), done.stderr.decode()[-2000:]

    def _child(self, **extra: str) -> subprocess.CompletedProcess[bytes]:
        found = {**environment(DJANGO_SETTINGS_MODULE="config.settings"), **extra}
        return subprocess.run([sys.executable, "-c", CHILD], env=found, capture_output=True, timeout=60, check=False)
