"""Start and end child processes so that none outlives the one that started it.

`spawn` must be called from the main thread: the kernel sends the death signal when the *thread* that forked
ends.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from config.embedded.accounts import Account

POLL_S = 0.02

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may import or allocate more than it must.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run: arguments, the whole environment, the account (None: oneself) and where it starts."""

    argv: Sequence[str]
    env: Mapping[str, str]
    account: Account | None = None
    cwd: Path | None = None
    #: Sent by the kernel when the starter dies (Linux; elsewhere the next start adopts what it finds).
    death_signal: signal.Signals = signal.SIGKILL


def spawn(
    program: Program, *, output: IO[bytes] | int | None, stdin: IO[bytes] | int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches only the supervisor.

    `output` takes stdout and stderr; None passes on the starter's. Raises OSError when it cannot be executed.
    """
    account = program.account
    return subprocess.Popen(
        list(program.argv),
        env=dict(program.env),
        cwd=program.cwd or (Path("/") if account else None),
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        preexec_fn=_die_with_parent(program.death_signal),
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    prctl = _prctl
    if prctl is None:
        return None
    parent = os.getpid()

    # Runs after the change of user, which would clear the death signal.
    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return arm


def run(program: Program, *, timeout_s: float) -> tuple[int, str]:
    """Run a short program to its end and return its exit code with everything it wrote.

    Raises OSError when it cannot be executed; a program that outlives `timeout_s` seconds is killed.
    """
    with spawn(program, output=subprocess.PIPE) as process:
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            Handle(pid=process.pid, child=process).kill()
            output, _ = process.communicate()
    return process.returncode, output.decode("utf-8", "replace")


class Handle:
    """A running process: a child of ours, or one that was adopted by its number."""

    def __init__(self, *, pid: int, child: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self._child = child

    def ended(self) -> bool:
        """Return whether the process is over."""
        if self._child is not None:
            return self._child.poll() is not None
        return not is_alive(self.pid)

    @property
    def exit_code(self) -> int | None:
        """The exit code of a child that ended (negative: the signal); None while it runs or when adopted."""
        return self._child.poll() if self._child is not None else None

    def send(self, number: signal.Signals) -> None:
        """Send a signal; a process that is over is left alone."""
        if not self.ended():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stop(self, *steps: tuple[signal.Signals, float], hurry: Callable[[], bool] = lambda: False) -> None:
        """Send each signal in turn, giving the process that many seconds, then kill it with all it started.

        As soon as `hurry` returns true the rest of the patience is skipped.
        """
        for number, patience_s in steps:
            self.send(number)
            wait_until(lambda: self.ended() or hurry(), timeout_s=patience_s)
            if self.ended():
                return
        self.kill()

    def kill(self) -> None:
        """Kill the process and everything it started, and wait for its end."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        wait_until(self.ended, timeout_s=5)


def wait_until(condition: Callable[[], bool], *, timeout_s: float) -> bool:
    """Poll a condition and return whether it came true within `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def is_alive(pid: int) -> bool:
    """Return whether a process of that number runs; one that ended but was not waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    # In a container nobody may be there to wait for orphans, and they stay listed for ever.
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] == "Z"


def works_in(pid: int, folder: Path) -> bool:
    """Return whether a living process has `folder` as its working directory, as servers have their data's.

    Where the system does not tell (no /proc) a living process is given the benefit of the doubt.
    """
    if not is_alive(pid):
        return False
    if not Path("/proc/self/cwd").exists():
        return True
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder.resolve()
    except OSError:
        return False


def tail(path: Path, *, since: int = 0, lines: int = 12) -> str:
    """Return the last lines that a log file received after byte `since`."""
    try:
        with path.open("rb") as file:
            file.seek(since)
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
