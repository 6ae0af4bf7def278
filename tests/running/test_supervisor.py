"""The supervisor: what becomes of a family when a member, or the supervisor itself, ends."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from config.embedded.console import Console
from config.embedded.errors import ChildDied, NotReady, StopRequested
from config.embedded.processes import Program, is_alive, wait_until
from config.embedded.state import REPOSITORY, StateFolder
from config.embedded.supervisor import Service, Signals, Supervisor, says

# Starts all kinds of members, says their process ids, and does nothing to stop them.
_FAMILY = """
import os, sys, time
from pathlib import Path
from config.embedded.broker import EmbeddedBroker
from config.embedded.postgres import EmbeddedPostgres
from config.embedded.processes import Program, spawn
from config.embedded.state import StateFolder
state = StateFolder(Path(sys.argv[1]))
database, broker = EmbeddedPostgres(state=state, fast=True), EmbeddedBroker(state=state)
database.start()
broker.start()
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
child = spawn(Program(argv=sleep, env=os.environ), output=None)
print(database.handle.pid, broker.handle.pid, child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def stream() -> io.StringIO:
    """What the person at the terminal sees."""
    return io.StringIO()


@pytest.fixture
def signals() -> Signals:
    """The signals the supervisor was sent."""
    return Signals()


@pytest.fixture
def supervisor(state: StateFolder, stream: io.StringIO, signals: Signals) -> Generator[Supervisor, None, None]:
    """A supervisor with no members yet; those it gets are stopped at the end."""
    supervisor = Supervisor(state=state, console=Console(stream=stream), signals=signals)
    yield supervisor
    supervisor.stop()


def service(name: str, script: str, *, ready_within_s: float = 20, stop_within_s: float = 5) -> Service:
    """A child that runs a Python script, ready when it says so."""
    program = python(script)
    return Service(
        name=name,
        program=program,
        is_ready=says("ready"),
        ready_within_s=ready_within_s,
        stop_within_s=stop_within_s,
    )


def python(script: str) -> Program:
    """A Python script as a program."""
    return Program(argv=[sys.executable, "-u", "-c", script], env=os.environ)


class TestStart:
    def test_waits_until_the_service_says_that_it_is_ready(self, supervisor: Supervisor, stream: io.StringIO) -> None:
        supervisor.start([service("sandbox", "import time; print('ready'); time.sleep(600)")])

        supervisor.check()
        assert "sandbox  │ ready" in stream.getvalue()

    def test_shows_the_last_words_of_a_service_that_dies(self, supervisor: Supervisor) -> None:
        with pytest.raises(ChildDied, match="web ended with exit code 3") as died:
            supervisor.start([service("web", "print('no such table'); raise SystemExit(3)")])

        assert died.value.last_lines == "no such table"

    def test_gives_up_on_a_service_that_never_gets_ready(self, supervisor: Supervisor) -> None:
        with pytest.raises(NotReady, match="web was not ready within"):
            supervisor.start([service("web", "import time; time.sleep(600)", ready_within_s=0.2)])

    def test_stops_waiting_when_it_is_asked_to_end(self, supervisor: Supervisor, signals: Signals) -> None:
        signals.received.append(signal.SIGINT)

        with pytest.raises(StopRequested):
            supervisor.start([service("web", "import time; time.sleep(600)")])


class TestRun:
    def test_returns_what_the_step_wrote(self, supervisor: Supervisor) -> None:
        output = supervisor.run(name="seed", program=python("print('log in as olivia')"))

        assert output == "log in as olivia"

    def test_fails_with_the_last_words_of_the_step(self, supervisor: Supervisor) -> None:
        with pytest.raises(ChildDied, match="migrate ended with exit code 1"):
            supervisor.run(name="migrate", program=python("raise SystemExit('cannot')"))


class TestRunAttached:
    def test_returns_the_exit_code_of_the_command(self, supervisor: Supervisor) -> None:
        assert supervisor.run_attached(python("raise SystemExit(7)")) == 7

    def test_ends_the_command_when_a_member_dies(self, supervisor: Supervisor) -> None:
        supervisor.start([service("web", "import time; print('ready'); time.sleep(0.5)")])

        with pytest.raises(ChildDied, match="web ended with exit code 0"):
            supervisor.run_attached(python("import time; time.sleep(600)"))


class TestSupervise:
    def test_ends_when_a_member_is_killed(self, supervisor: Supervisor, folder: Path) -> None:
        supervisor.start([service("worker", _deaf(folder))])
        os.kill(int((folder / "pid").read_text()), signal.SIGKILL)

        with pytest.raises(ChildDied, match="worker was killed by SIGKILL"):
            supervisor.supervise()


class TestStop:
    def test_stops_the_last_one_first(self, supervisor: Supervisor, folder: Path) -> None:
        for name in ("first", "second"):
            supervisor.start([service(name, _notes_its_end(name, folder))])

        supervisor.stop()

        assert (folder / "ends").read_text().split() == ["second", "first"]

    def test_kills_what_does_not_listen(self, supervisor: Supervisor, folder: Path) -> None:
        supervisor.start([service("deaf", _deaf(folder), stop_within_s=0.2)])
        pid = int((folder / "pid").read_text())

        supervisor.stop()

        assert not is_alive(pid)

    def test_loses_its_patience_with_the_second_signal(
        self, supervisor: Supervisor, signals: Signals, folder: Path
    ) -> None:
        supervisor.start([service("deaf", _deaf(folder, then_ask_again=True), stop_within_s=600)])
        pid = int((folder / "pid").read_text())

        with signals.caught():
            os.kill(os.getpid(), signal.SIGINT)
            supervisor.stop()

        assert len(signals.received) == 2
        assert not is_alive(pid)


class TestKillingTheSupervisor:
    def test_leaves_nothing_running(self, state: StateFolder) -> None:
        if sys.platform != "linux":
            pytest.skip("only Linux tells children of their parent's death")
        command = [sys.executable, "-c", _FAMILY, str(state.root)]
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as family:
            assert family.stdout is not None
            pids = [int(word) for word in family.stdout.readline().split()]

            family.kill()

        assert len(pids) == 3
        assert wait_until(lambda: not any(map(is_alive, pids)), timeout_s=10)


def _notes_its_end(name: str, folder: Path) -> str:
    return f"""
import signal, sys, time
def end(*_):
    open({str(folder / "ends")!r}, "a").write({name!r} + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("ready")
time.sleep(600)
"""


def _deaf(folder: Path, *, then_ask_again: bool = False) -> str:
    answer = "os.kill(os.getppid(), signal.SIGINT)" if then_ask_again else "None"
    return f"""
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: {answer})
open({str(folder / "pid")!r}, "w").write(str(os.getpid()))
print("ready")
while True:
    time.sleep(600)
"""
