"""The state folder: one family at a time, remembered choices, and how other terminals join."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.embedded import ports, runtime
from config.embedded.errors import AlreadyRunning, FolderUnusable
from config.embedded.reset import reset
from config.embedded.state import REPOSITORY, FolderLock, StateFolder

_HOLDER = """
import sys, time
from pathlib import Path
from config.embedded.state import FolderLock
FolderLock(path=Path(sys.argv[1]), folder=Path(sys.argv[1]).parent).acquire()
print("held", flush=True)
time.sleep(600)
"""


@contextmanager
def another_process_holds(lock: Path) -> Generator[subprocess.Popen[str], None, None]:
    """Let a living process hold a lock."""
    command = [sys.executable, "-c", _HOLDER, str(lock)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


class TestCreate:
    def test_keeps_others_out_of_secrets_and_logs(self, state: StateFolder) -> None:
        modes = [path.stat().st_mode & 0o777 for path in (state.run, state.logs)]

        assert modes == [0o700, 0o700]

    def test_says_what_to_do_where_nothing_can_be_written(self, folder: Path) -> None:
        (folder / "file").touch()

        with pytest.raises(FolderUnusable, match="COUNTERFOIL_STATE"):
            StateFolder(folder / "file" / "state").create()


class TestAcquire:
    def test_names_the_process_that_runs_already(self, state: StateFolder) -> None:
        with another_process_holds(state.lock) as holder, pytest.raises(AlreadyRunning) as refused:
            FolderLock(path=state.lock, folder=state.root).acquire(patience_s=0)

        assert refused.value.pid == holder.pid

    def test_succeeds_after_the_holder_was_killed(self, state: StateFolder) -> None:
        with another_process_holds(state.lock) as holder:
            os.kill(holder.pid, signal.SIGKILL)
            holder.wait()
        lock = FolderLock(path=state.lock, folder=state.root)

        lock.acquire(patience_s=0)

        assert state.lock.read_text() == str(os.getpid())
        lock.release()


class TestSecret:
    def test_is_made_once_and_readable_by_its_owner_only(self, state: StateFolder) -> None:
        first = state.secret("webhook")

        assert state.secret("webhook") == first
        assert state.secret("another") != first
        assert (state.run / "secrets.json").stat().st_mode & 0o777 == 0o600


class TestPort:
    def test_is_remembered_while_it_is_free(self, state: StateFolder) -> None:
        first = state.port("web", choose=ports.choose)

        assert state.port("web", choose=ports.choose) == first
        assert 20_000 <= first <= 32_000

    def test_is_chosen_anew_when_it_was_taken(self, state: StateFolder) -> None:
        first = state.port("web", choose=ports.choose)

        with socket.create_server(("127.0.0.1", first)):
            second = state.port("web", choose=ports.choose)

        assert second != first


class TestRuntime:
    def test_joins_a_family_that_lives(self, state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COUNTERFOIL_STATE", str(state.root))
        state.write(state.runtime, {"database_url": "postgresql://there"})

        with another_process_holds(state.lock):
            url = runtime.database_url()

        assert url == "postgresql://there"

    def test_ignores_what_a_dead_family_left(self, state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COUNTERFOIL_STATE", str(state.root))
        state.write(state.runtime, {"database_url": "postgresql://there", "broker_url": "redis://there"})
        state.lock.write_text("1")

        assert runtime.database_url() is None
        assert runtime.broker_url() is None

    def test_ignores_a_torn_file(self, state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COUNTERFOIL_STATE", str(state.root))
        state.runtime.write_text(json.dumps({"database_url": "postgresql://there"})[:-5])

        with another_process_holds(state.lock):
            assert runtime.database_url() is None

    def test_is_quiet_where_no_family_ever_ran(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COUNTERFOIL_STATE", str(folder / "nothing"))

        assert runtime.database_url() is None
        assert not (folder / "nothing").exists()


class TestReset:
    def test_forgets_the_family_and_nothing_else(self, state: StateFolder) -> None:
        state.secret("webhook")
        (state.root / "my-notes.txt").write_text("mine")

        done = reset(state)

        assert done
        assert [path.name for path in state.root.iterdir()] == ["my-notes.txt"]

    def test_refuses_while_the_family_lives(self, state: StateFolder) -> None:
        with another_process_holds(state.lock), pytest.raises(AlreadyRunning):
            reset(state)

        assert state.run.is_dir()
