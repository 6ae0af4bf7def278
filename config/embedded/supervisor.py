"""Hold a family of processes together: start in order, live together, stop in reverse order.

1. Every member is started only when those before it are ready.
2. A member that ends although nobody asked it to ends the run (`ChildDied`).
3. SIGINT, SIGTERM or SIGHUP ends the run: members are stopped in reverse order, each within its own patience;
   a second signal ends all patience.
4. Should the supervisor itself be killed, the kernel signals every member (`Program.death_signal`).

Everything happens in one thread: the kernel ties rule 4 to the thread that started the member.
"""

import contextlib
import http.client
import signal
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol
from urllib.parse import urlsplit

from config.embedded.console import Console
from config.embedded.errors import ChildDied, NotReady, StopRequested, from_os_error
from config.embedded.processes import Handle, Program, spawn, tail
from config.embedded.state import StateFolder

_POLL_S = 0.05


class Member(Protocol):
    """Anything the supervisor watches and stops: an embedded server or a child."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def log(self) -> Path:
        """Its log file."""

    @property
    def handle(self) -> Handle:
        """Its process."""

    def stop(self, *, hurry: Callable[[], bool]) -> None:
        """Stop it, at once as soon as `hurry` returns true."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A child to keep running."""

    name: str
    program: Program
    #: Asked again and again with the text the child wrote so far.
    is_ready: Callable[[str], bool]
    ready_within_s: float = 60
    stop_within_s: float = 8


@dataclass
class Child:
    """A service that was started."""

    service: Service
    handle: Handle
    log: Path
    since: int

    @property
    def name(self) -> str:
        """What people call it."""
        return self.service.name

    def output(self) -> str:
        """Return what it wrote so far."""
        return tail(self.log, since=self.since, lines=10_000)

    def stop(self, *, hurry: Callable[[], bool]) -> None:
        """Ask it to end, then kill it."""
        self.handle.stop((signal.SIGTERM, self.service.stop_within_s), hurry=hurry)


@dataclass
class Signals:
    """The signals that asked the run to end."""

    received: list[int] = field(default_factory=list)

    @contextlib.contextmanager
    def caught(self) -> Generator[None, None, None]:
        """Collect SIGINT, SIGTERM and SIGHUP instead of dying by them."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        # Under nohup a closed terminal is no reason to end.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received.append(number)

    @property
    def asked(self) -> bool:
        """Whether the run was asked to end."""
        return bool(self.received)


class Supervisor:
    """Start, watch and stop the members of one state folder's family."""

    def __init__(self, *, state: StateFolder, console: Console, signals: Signals) -> None:
        self._state = state
        self._console = console
        self._signals = signals
        self._members: list[Member] = []

    def add(self, member: Member) -> None:
        """Watch a server that already runs, and stop it in its turn."""
        self._members.append(member)

    def start(self, services: Sequence[Service]) -> None:
        """Start services side by side and wait until all of them are ready.

        Raises `ChildDied`, `NotReady` or `StopRequested`.
        """
        self.wait_for([self.launch(service) for service in services])

    def wait_for(self, waiting: Sequence[Child]) -> None:
        """Wait until all those children are ready; raises as `start` does."""
        started = time.monotonic()
        while waiting:
            self.check()
            waiting = [child for child in waiting if not child.service.is_ready(child.output())]
            for child in waiting:
                limit_s = child.service.ready_within_s
                if time.monotonic() - started > limit_s:
                    lines = tail(child.log, since=child.since)
                    raise NotReady(name=child.name, within_s=limit_s, log=child.log, last_lines=lines)
            self._pause()

    def run(self, *, name: str, program: Program) -> str:
        """Run a step to its end and return what it wrote.

        Raises `ChildDied` when the step, or any member meanwhile, fails; `StopRequested`.
        """
        log, since, child = self._spawn(name, program)
        # Not followed: its result is what counts, and a failure shows its last lines.
        self._watch(child)
        if child.exit_code != 0:
            raise ChildDied(name=name, how=_how_it_ended(child.exit_code), log=log, last_lines=tail(log, since=since))
        return tail(log, since=since, lines=10_000)

    def run_attached(self, program: Program) -> int:
        """Run a command on our own stdin, stdout and stderr and return its exit code.

        Raises `ChildDied` when a member ends meanwhile; `StopRequested`.
        """
        process = spawn(program, output=None)
        child = Handle(pid=process.pid, child=process)
        self._watch(child)
        code = child.exit_code or 0
        return code if code >= 0 else 128 - code

    def supervise(self) -> None:
        """Watch until somebody asks the run to end; raises `ChildDied`."""
        with contextlib.suppress(StopRequested):
            while True:
                self.check()
                self._pause()

    def check(self) -> None:
        """Raise `StopRequested` when the run was asked to end, `ChildDied` when a member is dead."""
        if self._signals.asked:
            raise StopRequested
        for member in self._members:
            if member.handle.ended():
                how = _how_it_ended(member.handle.exit_code)
                raise ChildDied(name=member.name, how=how, log=member.log, last_lines=tail(member.log))

    def stop(self) -> None:
        """Stop all members, the last one first; another signal ends the patience."""
        heard = len(self._signals.received)
        while self._members:
            member = self._members.pop()
            member.stop(hurry=lambda: len(self._signals.received) > heard)
            self._console.pump()

    def launch(self, service: Service) -> Child:
        """Start a service without waiting for it; raises `FolderUnusable` or `DiskFull`."""
        log, since, handle = self._spawn(service.name, service.program)
        self._console.follow(name=service.name, path=log, since=since)
        child = Child(service=service, handle=handle, log=log, since=since)
        self._members.append(child)
        return child

    def _spawn(self, name: str, program: Program) -> tuple[Path, int, Handle]:
        log = self._state.log(name)
        try:
            since = log.stat().st_size if log.exists() else 0
            with log.open("ab") as output:
                process = spawn(program, output=output)
        except OSError as error:
            raise from_os_error(error, folder=self._state.root) from error
        return log, since, Handle(pid=process.pid, child=process)

    def _watch(self, child: Handle) -> None:
        try:
            while not child.ended():
                self.check()
                self._pause()
        finally:
            if not child.ended():
                child.stop((signal.SIGTERM, 5))
            self._console.pump()

    def _pause(self) -> None:
        self._console.pump()
        time.sleep(_POLL_S)


def answers(url: str) -> Callable[[str], bool]:
    """Return a readiness check that asks `url` for a 200."""
    parts = urlsplit(url)

    def is_ready(_output: str) -> bool:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
        try:
            connection.request("GET", parts.path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return is_ready


def says(words: str) -> Callable[[str], bool]:
    """Return a readiness check that waits for words in the child's log."""
    return lambda output: words in output


def _how_it_ended(code: int | None) -> str:
    if code is None:
        return "ended"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def rotate(log: Path, *, keep_bytes: int = 5_000_000) -> None:
    """Set a log aside as `….1` once it is larger than `keep_bytes`; one such file is kept."""
    with contextlib.suppress(OSError):
        if log.stat().st_size > keep_bytes:
            log.rename(log.with_name(f"{log.name}.1"))
