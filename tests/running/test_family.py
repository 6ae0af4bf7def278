"""`manage.py dev`, whole: every process is real, and each test starts and ends one family."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from pathlib import Path

import pytest

from config.embedded import ports
from config.embedded.processes import is_alive, wait_until
from config.embedded.state import REPOSITORY, StateFolder, is_locked

pytestmark = [pytest.mark.family, pytest.mark.timeout(180)]

_PATIENCE_S = 90.0


class Family:
    """A running `manage.py dev` and what it writes."""

    def __init__(self, *, state: StateFolder, arguments: tuple[str, ...]) -> None:
        self.state = state
        self.output = state.root / "output"
        command = [sys.executable, str(REPOSITORY / "manage.py"), "dev", *arguments]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, env=environment(state), stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def text(self) -> str:
        """Everything it wrote so far."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, words: str) -> None:
        """Wait until it wrote those words; fails when it ends before."""
        wait_until(lambda: words in self.text or self.process.poll() is not None, timeout_s=_PATIENCE_S)
        assert words in self.text, self.text

    def members(self) -> list[int]:
        """Return the processes it started."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in path.read_text().split()]

    def end(self) -> int:
        """Wait for its end and return the exit code."""
        return self.process.wait(timeout=60)


def environment(state: StateFolder) -> dict[str, str]:
    """Return an environment in which a family starts everything itself."""
    ours = {"DATABASE_URL", "BROKER_URL", "COUNTERFOIL_ENV", "SECRET_KEY", "PORT", "STRIPE_API_KEY"}
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    return inherited | {"COUNTERFOIL_STATE": str(state.root)}


def free_port() -> str:
    """Return a port that nothing listens on."""
    return str(ports.choose(None))


@pytest.fixture
def family(state: StateFolder) -> Generator[Family, None, None]:
    """A family that is ready."""
    if sys.platform != "linux":
        pytest.skip("the test looks into /proc")
    family = Family(state=state, arguments=("--port", free_port()))
    try:
        family.wait_for("Ctrl-C stops it")
        yield family
    finally:
        with contextlib.suppress(ProcessLookupError):
            family.process.terminate()
        family.end()


class TestDev:
    def test_is_ready_to_be_joined_and_leaves_nothing_after_ctrl_c(self, family: Family) -> None:
        address = re.search(r"http://127\.0\.0\.1:\d+(?=/admin/)", family.text)
        assert address is not None
        members = family.members()

        with urllib.request.urlopen(f"{address[0]}/readyz") as answer:
            status = answer.status
        joined = json.loads(family.state.runtime.read_text())
        os.kill(family.process.pid, signal.SIGINT)
        code = family.end()

        assert status == 200
        assert joined["public_url"] == address[0]
        assert code == 0, family.text
        assert len(members) >= 6
        assert not any(map(is_alive, members))
        assert not family.state.runtime.exists()

    def test_ends_with_code_1_and_the_name_of_the_child_that_died(self, family: Family) -> None:
        worker = next(pid for pid in family.members() if "celery" in _command(pid) and "worker" in _command(pid))
        members = family.members()

        os.kill(worker, signal.SIGKILL)

        assert family.end() == 1
        assert "worker was killed by SIGKILL" in family.text
        assert not any(map(is_alive, members))

    def test_refuses_a_second_run_and_leaves_nothing_when_it_is_killed_itself(self, family: Family) -> None:
        members = family.members()

        second = subprocess.run(
            [sys.executable, str(REPOSITORY / "manage.py"), "dev", "--port", free_port()],
            cwd=REPOSITORY,
            env=environment(family.state),
            capture_output=True,
            text=True,
            check=False,
        )
        family.process.kill()
        family.end()

        assert second.returncode == 1
        assert second.stderr.startswith("Counterfoil already runs in")
        assert second.stderr.count("\n") == 1
        assert wait_until(lambda: not any(map(is_alive, members)), timeout_s=15)
        assert not is_locked(family.state.lock)


class TestDevThen:
    def test_passes_the_commands_words_and_code_on_and_nothing_else(self, state: StateFolder) -> None:
        command = [sys.executable, str(REPOSITORY / "manage.py"), "dev", "--quiet", "--then", "version"]

        done = subprocess.run(
            command, cwd=REPOSITORY, env=environment(state), capture_output=True, text=True, check=False
        )

        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?\n", done.stdout)


class TestDevRefuses:
    def test_a_port_that_is_taken_in_one_sentence(self, state: StateFolder) -> None:
        port = ports.choose(None)

        with socket.create_server(("127.0.0.1", port)):
            done = _refused(state, "--port", str(port))

        assert done.startswith(f"Port {port} is taken by another program: stop it, or choose another port")

    def test_an_unreachable_database_in_one_sentence(self, state: StateFolder) -> None:
        url = f"postgresql://counterfoil@127.0.0.1:{free_port()}/counterfoil"

        done = _refused(state, "--port", free_port(), DATABASE_URL=url)

        assert done.startswith("The server that DATABASE_URL names cannot be used")

    def test_an_unreachable_broker_in_one_sentence(self, state: StateFolder) -> None:
        done = _refused(state, "--port", free_port(), BROKER_URL=f"redis://127.0.0.1:{free_port()}/0")

        assert done.startswith("The server that BROKER_URL names cannot be used")

    def test_to_run_in_production(self, state: StateFolder) -> None:
        script = "import sys; from config.embedded.family import *; sys.exit(run_family(Options()))"
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=REPOSITORY,
            env=environment(state) | {"COUNTERFOIL_ENV": "production"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 1
        assert done.stderr.startswith("COUNTERFOIL_ENV is production")


def _refused(state: StateFolder, *arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "manage.py"), "dev", *arguments],
        cwd=REPOSITORY,
        env=environment(state) | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
