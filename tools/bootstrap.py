"""Build the virtual environment, or forget the embedded state, with nothing but a Python 3.

Any Python 3.6 or later can run this file, so that one that is too old gets a sentence instead of a traceback;
the environment itself is made by Python 3.11 or later, looked for under the usual names. A stamp keeps the
hash of what was installed: a second call does nothing until the requirements change.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from typing import IO, Any

FLOOR = (3, 11)
NAMES = ("python3", "python3.13", "python3.12", "python3.11", "python3.14", "python3.15")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
REQUIREMENTS = {
    "runtime": ["requirements.txt"],
    "development": ["requirements.txt", "requirements-dev.txt"],
    "bench": ["requirements.txt", "requirements-dev.txt", "requirements-bench.txt"],
}


class Stop(Exception):
    """The environment cannot be built; the text is one sentence that says what to do."""


def main(arguments: "list[str]") -> int:
    """Run one of `runtime`, `development`, `bench` or `reset` and return the exit code."""
    os.chdir(ROOT)
    try:
        if arguments == ["reset"]:
            return reset()
        if len(arguments) == 1 and arguments[0] in REQUIREMENTS:
            install(arguments[0])
            return 0
        raise Stop("Say one of runtime, development, bench and reset.")
    except Stop as stop:
        sys.stderr.write(str(stop) + "\n")
        return 1


def install(kind: str) -> None:
    """Make the environment hold the requirements of that kind; raises `Stop`."""
    folder = os.open(ROOT, os.O_RDONLY)
    # Two makes that begin together must not install into one environment at once.
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        if os.path.exists(_venv_python()) and _stamped() in _accepted(kind):
            return
        if not _is_sound(_venv_python()):
            _make_venv()
        _pip(kind)
    finally:
        os.close(folder)


def reset() -> int:
    """Remove the state folder; raises `Stop` when there is no Python to do it."""
    python = _venv_python() if _is_sound(_venv_python()) else find_python()
    return subprocess.call([python, "-m", "config.embedded.reset"])  # noqa: S603 (the arguments are ours)


def find_python() -> str:
    """Return a Python that is new enough: this one, else one of the usual names; raises `Stop`."""
    if sys.version_info >= FLOOR:
        return sys.executable
    for name in NAMES:
        path = shutil.which(name)
        if path and _is_new_enough(path):
            return path
    floor, ours = (".".join(str(part) for part in version[:2]) for version in (FLOOR, sys.version_info))
    raise Stop(
        f"Counterfoil needs Python {floor} or later and this is {ours}: install one, "
        "or name it with `make PYTHON=/path/to/python …`."
    )


def _is_new_enough(python: str) -> bool:
    return _runs([python, "-c", f"import sys; sys.exit(sys.version_info < {FLOOR!r})"])


def _is_sound(python: str) -> bool:
    return os.path.exists(python) and _is_new_enough(python) and _runs([python, "-m", "pip", "--version"])


def _runs(command: "list[str]") -> bool:
    try:
        with open(os.devnull, "wb") as nowhere:
            return _call(command, output=nowhere) == 0
    except OSError:
        return False


def _call(command: "list[str]", *, output: "IO[Any]") -> int:
    return subprocess.call(command, stdout=output, stderr=output)  # noqa: S603 (the arguments are ours)


def _make_venv() -> None:
    python = find_python()
    if _call([python, "-m", "venv", "--clear", VENV], output=sys.stderr) != 0:
        raise Stop(
            f"{python} cannot make a virtual environment: install its venv module "
            "(on Debian and Ubuntu `apt install python3-venv`), or name another Python with PYTHON=…."
        )


def _pip(kind: str) -> None:
    sys.stderr.write(f"Installing the {kind} requirements into .venv …\n")
    sys.stderr.flush()
    command = [_venv_python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--require-hashes"]
    for name in REQUIREMENTS[kind]:
        command += ["-r", name]
    if _call(command, output=sys.stderr) != 0:
        raise Stop("pip could not install the requirements: what it said is above; mend that and run make again.")
    with open(_stamp_file(), "w") as stamp:
        stamp.write(_hash(kind))


def _accepted(kind: str) -> "list[str]":
    # Each holds what the ones before it need.
    kinds = list(REQUIREMENTS)
    return [_hash(more) for more in kinds[kinds.index(kind) :]]


def _hash(kind: str) -> str:
    digest = hashlib.sha256()
    for name in REQUIREMENTS[kind]:
        with open(name, "rb") as file:
            digest.update(file.read())
    return kind + " " + digest.hexdigest()


def _stamped() -> str:
    try:
        with open(_stamp_file()) as stamp:
            return stamp.read()
    except OSError:
        return ""


def _stamp_file() -> str:
    return os.path.join(VENV, "installed")


def _venv_python() -> str:
    return os.path.join(VENV, "bin", "python")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
