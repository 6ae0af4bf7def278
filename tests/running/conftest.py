"""State folders of their own for the tests of the embedded servers, emptied and removed afterwards."""

import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from config.embedded.broker import EmbeddedBroker
from config.embedded.postgres import EmbeddedPostgres
from config.embedded.reset import reset
from config.embedded.state import StateFolder


@pytest.fixture
def folder() -> Generator[Path, None, None]:
    """A folder that other users may pass through, as most people's projects are; pytest's own are private."""
    path = Path(tempfile.mkdtemp(prefix="counterfoil-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def state(folder: Path) -> Generator[StateFolder, None, None]:
    """An empty state folder."""
    state = StateFolder(folder / "state")
    state.create()
    yield state
    reset(state)


@pytest.fixture
def postgres(state: StateFolder) -> Generator[Callable[..., EmbeddedPostgres], None, None]:
    """Make servers over one cluster; whatever runs at the end is stopped."""
    made: list[EmbeddedPostgres] = []

    def make(*, fast: bool = True) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(state=state, fast=fast))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def broker(state: StateFolder) -> Generator[Callable[[], EmbeddedBroker], None, None]:
    """Make brokers over one data folder; whatever runs at the end is stopped."""
    made: list[EmbeddedBroker] = []

    def make() -> EmbeddedBroker:
        made.append(EmbeddedBroker(state=state))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def as_root() -> None:
    """Skip unless the tests run as root, who alone hands servers to another user."""
    if os.geteuid() != 0:
        pytest.skip("only root hands the servers to another user")
