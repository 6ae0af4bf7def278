"""Give every test run a PostgreSQL without any set-up.

Loaded by `-p tests.embedded_services` before pytest-django reads the settings. When DATABASE_URL names a
server, that one is used. Otherwise a run takes the first slot (`<state>/test/0`, `1`, …) that no other run
holds: a cluster of its own on settings that trade durability for speed, kept for the next run, so that two
runs in one folder never meet. Under xdist only the controller starts it; the workers inherit the environment.
"""

import os
from collections.abc import Generator, Sequence

import pytest

from config.embedded.errors import AlreadyRunning, EmbeddedError
from config.embedded.postgres import EmbeddedPostgres
from config.embedded.state import FolderLock, StateFolder, default_root

_SLOTS = 16
_NEEDS_NOTHING = {"-h", "--help", "-V", "--version", "--markers", "--fixtures"}

_server: EmbeddedPostgres | None = None
_lock: FolderLock | None = None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(args: Sequence[str]) -> Generator[None, None, None]:
    os.environ["COUNTERFOIL_ENV"] = "test"
    os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "0" * 40)
    if "DATABASE_URL" not in os.environ and not _NEEDS_NOTHING.intersection(args):
        try:
            os.environ["DATABASE_URL"] = start()
        except EmbeddedError as error:
            raise pytest.UsageError(str(error)) from error
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    stop()


def start() -> str:
    """Start the cluster of the first free slot and return its URL; raises an `EmbeddedError`."""
    global _lock, _server
    state, _lock = _take_slot()
    _server = EmbeddedPostgres(state=state, fast=True)
    _server.start()
    return _server.url


def stop() -> None:
    """Stop the cluster this process started, if it did."""
    global _lock, _server
    if _server is not None:
        _server.stop()
        _server = None
        del os.environ["DATABASE_URL"]
    if _lock is not None:
        _lock.release()
        _lock = None


def _take_slot() -> tuple[StateFolder, FolderLock]:
    base = StateFolder(default_root())
    base.create()
    for number in range(_SLOTS):
        state = StateFolder(base.root / "test" / str(number))
        state.create()
        lock = FolderLock(path=state.lock, folder=state.root)
        try:
            lock.acquire(patience_s=0)
        except AlreadyRunning:
            continue
        return state, lock
    raise AlreadyRunning(folder=base.root / "test", pid=None)
