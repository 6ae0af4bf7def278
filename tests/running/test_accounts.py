"""Who runs the servers: an ordinary user runs them as oneself, and never over another user's data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded.accounts import Account, can_enter, can_execute, service_account, user_name
from config.embedded.state import REPOSITORY

_START_AND_STOP = """
import sys
from pathlib import Path
from config.embedded.postgres import EmbeddedPostgres
from config.embedded.state import StateFolder
state = StateFolder(Path(sys.argv[1]))
state.create()
server = EmbeddedPostgres(state=state, fast=True)
server.start()
server.stop()
print("stopped")
"""
_SAY_WHO = """
import sys
from pathlib import Path
from config.embedded.accounts import service_account
from config.embedded.errors import ForeignCluster
try:
    print(service_account(data=Path(sys.argv[1])))
except ForeignCluster as error:
    print(error)
"""


@pytest.fixture
def nobody(as_root: None) -> Account:
    """An ordinary user, who may do nothing that others may not."""
    return Account(name=user_name(65534), uid=65534, gid=65534)


class TestServiceAccount:
    def test_is_another_user_when_root_asks(self, as_root: None, folder: Path) -> None:
        account = service_account(data=folder / "pg")

        assert account is not None
        assert account.uid != 0

    def test_stays_with_the_owner_of_data_that_exists(self, nobody: Account, folder: Path) -> None:
        data = folder / "pg"
        data.mkdir()
        os.chown(data, 4711, 4711)

        account = service_account(data=data)

        assert account is not None
        assert account.uid == 4711

    def test_is_oneself_for_an_ordinary_user(self, nobody: Account, folder: Path) -> None:
        assert _run_as(nobody, _SAY_WHO, folder / "pg") == "None"

    def test_refuses_an_ordinary_user_the_data_of_another(self, nobody: Account, folder: Path) -> None:
        data = folder / "pg"
        data.mkdir()

        said = _run_as(nobody, _SAY_WHO, data)

        assert said.startswith(f"The data in {data} belongs to the user root: run as that user")


class TestCanEnter:
    def test_is_asked_of_the_kernel(self, nobody: Account, folder: Path) -> None:
        inner = folder / "inner"
        inner.mkdir(mode=0o755)

        before = can_enter(nobody, inner)
        folder.chmod(0o700)
        after = can_enter(nobody, inner)

        assert (before, after) == (True, False)


class TestOrdinaryUser:
    def test_runs_a_server_of_its_own(self, nobody: Account, folder: Path) -> None:
        own = folder / "own"
        own.mkdir()
        nobody.own(own)

        said = _run_as(nobody, _START_AND_STOP, own / "state")

        assert said == "stopped"
        assert (own / "state" / "pg" / "PG_VERSION").stat().st_uid == nobody.uid
        assert (own / "state").stat().st_mode & 0o777 == 0o700


def _run_as(account: Account, script: str, argument: Path) -> str:
    done = subprocess.run(
        [str(_python_for(account)), "-c", script, str(argument)],
        cwd=REPOSITORY,
        # The packages are readable even where the interpreter of the environment is in a private folder.
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
        user=account.uid,
        group=account.gid,
        extra_groups=[],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _python_for(account: Account) -> Path:
    minor = sys.version_info.minor
    for python in (Path(sys.executable), Path(f"/usr/bin/python3.{minor}")):
        if can_execute(account, python) and can_enter(account, REPOSITORY):
            return python
    pytest.skip(f"{account.name} can run no Python 3.{minor} here")
