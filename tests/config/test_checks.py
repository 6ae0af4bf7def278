"""The system checks: a switchboard that resolves, and production settings that are safe."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config import checks, wiring
from config.embedded.state import REPOSITORY
from operations.jobs.policy import RetryPolicy

PRODUCTION = {
    "COUNTERFOIL_ENV": "production",
    "SECRET_KEY": "a-secret-of-more-than-fifty-characters-0123456789-abcdefghij",
    "DATABASE_URL": "postgresql://counterfoil@db.example/counterfoil",
    "BROKER_URL": "amqp://broker.example//",
    "ALLOWED_HOSTS": "pay.example",
    "PUBLIC_URL": "https://pay.example",
    "STRIPE_API_KEY": "sk_live_not_a_key",
    "STRIPE_WEBHOOK_SECRET": "whsec_not_a_secret_but_as_long_as_one",
}

MOLLIE = {"MOLLIE_API_KEY": "live_1", "MOLLIE_WEBHOOK_SECRET": "x" * 32}


def positional(payout: str) -> None:
    """Take an argument by position, which no answerer may."""


def ids(found: list[Any]) -> list[str]:
    return [message.id for message in found]


def start(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Load the settings in a process of their own, and print what may come from a mounted file."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from config import settings as s; print(s.SECRET_KEY, s.DATABASES['default']['NAME'], s.BROKER_URL, "
            "s.STRIPE_API_KEY, s.STRIPE_WEBHOOK_SECRETS, s.PUBLIC_URL)",
        ],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class TestAStartInProduction:
    """What must be chosen is not made up instead: the template's lines that nobody filled in stop the start."""

    NEEDED = ("SECRET_KEY", "DATABASE_URL", "BROKER_URL", "PUBLIC_URL", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET")

    @pytest.mark.parametrize("name", NEEDED)
    def test_is_refused_where_a_line_is_left_empty(self, name: str) -> None:
        done = start(PRODUCTION | {name: ""})

        assert done.returncode != 0
        assert done.stderr == f"Environment variable {name} is not set, and has no default.\n"

    def test_is_refused_where_only_commas_stand_for_the_webhook_secrets(self) -> None:
        done = start(PRODUCTION | {"STRIPE_WEBHOOK_SECRET": " , "})

        assert done.stderr == "Environment variable STRIPE_WEBHOOK_SECRET is not set, and has no default.\n"

    def test_takes_every_secret_from_a_mounted_file(self, tmp_path: Path) -> None:
        mounted = dict(PRODUCTION)
        for name in self.NEEDED:
            (tmp_path / name).write_text(mounted.pop(name) + "\n")
            mounted[f"{name}_FILE"] = str(tmp_path / name)

        assert start(mounted).stdout == start(PRODUCTION).stdout != ""


class TestTheSwitchboard:
    def test_resolves(self) -> None:
        assert checks.switchboard(None) == []

    @pytest.mark.parametrize(
        ("table", "path", "expected"),
        [
            ("JOBS", "payouts.services.no_such_verb", "counterfoil.E001"),
            ("PSP_EVENTS", "no_such_room.services.verb", "counterfoil.E001"),
            ("APPROVALS", "tests.config.test_checks.positional", "counterfoil.E002"),
        ],
    )
    def test_is_refused_with_a_name_that_cannot_answer(
        self, monkeypatch: pytest.MonkeyPatch, table: str, path: str, expected: str
    ) -> None:
        monkeypatch.setitem(getattr(wiring, table), "test.kind", path)

        assert ids(checks.switchboard(None)) == [expected]

    def test_is_refused_with_a_policy_for_a_job_that_does_not_exist(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(wiring.RETRY_POLICIES, "test.kind", RetryPolicy())

        assert ids(checks.switchboard(None)) == ["counterfoil.E003"]


class TestTheProviders:
    def test_are_set_up(self) -> None:
        assert checks.providers(None) == []

    @pytest.mark.parametrize(
        ("chosen", "expected"),
        [
            ({"PSP_ROUTES": {"acme": ["stripe"]}}, ["counterfoil.E017"]),
            ({"PSP_ROUTES": {"*": ["stripe"], "acme": ["mollie"]}}, ["counterfoil.E016"]),
            (
                {"PSP_ROUTES": {"*": ["mollie"]}, "MOLLIE_API_KEY": "live_1", "MOLLIE_WEBHOOK_SECRET": "short"},
                ["counterfoil.E016"],
            ),
            ({"MOLLIE_WEBHOOK_SECRET": "short"}, ["counterfoil.E016"]),
            ({"PSP_ROUTES": {"*": ["mollie"]}, **MOLLIE}, []),
            ({"PSP_ROUTES": {"*": ["stripe", "mollie"], "acme/BRL": ["mollie", "stripe"]}, **MOLLIE}, []),
        ],
    )
    def test_are_refused_where_payments_could_not_go(
        self, settings: Any, chosen: dict[str, Any], expected: list[str]
    ) -> None:
        for name, value in chosen.items():
            setattr(settings, name, value)

        assert ids(checks.providers(None)) == expected

    @pytest.mark.parametrize(
        ("entry", "order", "page", "problem"),
        [
            ("bolt", ["stripe", "nobody"], "redirect", "names 'nobody', which is not in GATEWAYS"),
            ("bolt", ["stripe", "stripe"], "redirect", "names a provider twice: stripe>stripe"),
            ("*/BHD", ["stripe", "mollie"], "redirect", "names mollie, which does not take BHD"),
            ("*/XYZ", ["stripe"], "redirect", "names stripe, which does not take XYZ"),
            ("bolt", ["mollie"], "embedded", "names none whose page can be embedded, and CHECKOUT_PAGE is embedded"),
        ],
    )
    def test_are_refused_by_the_entry_that_is_wrong(
        self, settings: Any, entry: str, order: list[str], page: str, problem: str
    ) -> None:
        for name, value in MOLLIE.items():
            setattr(settings, name, value)
        settings.PSP_ROUTES, settings.CHECKOUT_PAGE = {"*": ["stripe"], entry: order}, page

        assert [message.msg for message in checks.providers(None)] == [f"PSP_ROUTES[{entry!r}] {problem}"]


class TestProduction:
    @pytest.fixture
    def production(self, settings: Any) -> Any:
        """Settings that are fit for production."""
        settings.PRODUCTION, settings.FAILPOINTS_ALLOWED, settings.SANDBOX_URL = True, False, ""
        settings.STRIPE_API_KEY = PRODUCTION["STRIPE_API_KEY"]
        settings.STRIPE_WEBHOOK_SECRETS = [PRODUCTION["STRIPE_WEBHOOK_SECRET"]]
        settings.PUBLIC_URL = PRODUCTION["PUBLIC_URL"]
        return settings

    def test_accepts_safe_settings(self, production: Any) -> None:
        assert checks.production(None) == []

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("PRODUCTION", False, "counterfoil.W001"),
            ("FAILPOINTS_ALLOWED", True, "counterfoil.E010"),
            ("STRIPE_API_KEY", "sk_test_sandbox", "counterfoil.E011"),
            ("SANDBOX_URL", "http://127.0.0.1:21111", "counterfoil.E011"),
            ("STRIPE_WEBHOOK_SECRETS", ["whsec_unset"], "counterfoil.E012"),
            ("STRIPE_WEBHOOK_SECRETS", ["whsec_0123456789abcdefghij", "other"], "counterfoil.E012"),
            ("PUBLIC_URL", "http://pay.example", "counterfoil.E013"),
            ("STATUS_TOKEN", "x" * 31, "counterfoil.E018"),
        ],
    )
    def test_refuses_each_unsafe_one(self, production: Any, name: str, value: Any, expected: str) -> None:
        setattr(production, name, value)

        assert ids(checks.production(None)) == [expected]

    def test_starts_with_no_warning_of_djangos_own_either(self) -> None:
        done = manage("check", "--deploy", "--fail-level", "WARNING")

        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "BROKER_URL", "PUBLIC_URL", "STRIPE_API_KEY"])
    def test_does_not_start_without_a_value_of_its_own(self, name: str) -> None:
        done = manage("check", without=name)

        assert done.returncode == 1
        assert done.stderr.strip() == f"Environment variable {name} is not set, and has no default."


def manage(*words: str, without: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command in an environment that holds production's variables, less one."""
    ours = {name: value for name, value in PRODUCTION.items() if name != without}
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=REPOSITORY,
        env=kept | ours,
        capture_output=True,
        text=True,
        check=False,
    )
