"""The state folder: all that a family remembers between runs, and the lock that makes it one family's.

    .counterfoil/
        pg/  broker/          data of the services (or `home`, a pointer to where they had to go)
        sandbox.sqlite        the stand-in provider's store
        run/                  lock, ports, secrets, runtime.json (private)
        logs/                 one file a process

Standard library only: settings read it at every start, and `reset` works without an environment.
"""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.embedded.errors import AlreadyRunning, from_os_error

REPOSITORY = Path(__file__).resolve().parents[2]

# A reader of runtime.json holds the lock for an instant; a start must not mistake it for another family.
_LOCK_PATIENCE_S = 1.0


def default_root() -> Path:
    """Return the state folder this process is told to use."""
    return Path(os.environ.get("COUNTERFOIL_STATE") or REPOSITORY / ".counterfoil").absolute()


@dataclass(frozen=True)
class StateFolder:
    """Paths below one state folder; nothing is created before `create`."""

    root: Path

    @property
    def run(self) -> Path:
        """The private folder of secrets, ports and locks."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        """The folder of log files."""
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        """The file whose lock says that a family lives."""
        return self.run / "family.lock"

    @property
    def runtime(self) -> Path:
        """The file that tells other terminals how to join the family."""
        return self.run / "runtime.json"

    def create(self) -> None:
        """Make the folders, private to their owner but for the way through.

        Raises `FolderUnusable` or `DiskFull`.
        """
        try:
            # Servers that must not be root need the way through a folder that root made, and nothing else.
            if not self.root.is_dir():
                self.root.mkdir(parents=True)
                self.root.chmod(0o711 if os.geteuid() == 0 else 0o700)
            self.run.mkdir(mode=0o700, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            probe = self.run / f"probe.{os.getpid()}"
            probe.write_bytes(b"\0" * 4096)
            probe.unlink()
        except OSError as error:
            raise from_os_error(error, folder=self.root) from error

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.logs / f"{name}.log"

    def secret(self, name: str) -> str:
        """Return the secret of that name, made at random the first time it is asked for."""
        path = self.run / "secrets.json"
        known = read_json(path)
        if not isinstance(known.get(name), str):
            known[name] = secrets.token_urlsafe(32)
            self.write(path, known)
        return str(known[name])

    def port(self, name: str, *, choose: Callable[[int | None, frozenset[int]], int]) -> int:
        """Return the port remembered for `name`, or what `choose(remembered, others)` puts in its place."""
        path = self.run / "ports.json"
        known = read_json(path)
        others = frozenset(value for key, value in known.items() if key != name and isinstance(value, int))
        remembered = known.get(name)
        port = choose(remembered if isinstance(remembered, int) else None, others)
        if port != remembered:
            self.write(path, known | {name: port})
        return port

    def write(self, path: Path, content: dict[str, Any]) -> None:
        """Replace a private JSON file in one step; raises `FolderUnusable` or `DiskFull`."""
        try:
            write_private(path, json.dumps(content, indent=2) + "\n")
        except OSError as error:
            raise from_os_error(error, folder=self.root) from error


class FolderLock:
    """The claim of one process on a state folder, given back by the kernel however the process ends."""

    def __init__(self, *, path: Path, folder: Path) -> None:
        self._path = path
        self._folder = folder
        self._descriptor: int | None = None

    def acquire(self, *, patience_s: float = _LOCK_PATIENCE_S) -> None:
        """Take the lock; raises `AlreadyRunning` when another process holds it beyond `patience_s`."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience_s
        while not _try_lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                text = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
                os.close(descriptor)
                raise AlreadyRunning(folder=self._folder, pid=int(text) if text.isdigit() else None)
            time.sleep(0.02)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; does nothing when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_locked(path: Path) -> bool:
    """Return whether a living process holds the lock of that file."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's object; a missing, unreadable or torn file is an empty one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read, in one step."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
