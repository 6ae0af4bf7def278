"""The test runs' own PostgreSQL: started by nobody's hand, and never shared between two runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded.state import REPOSITORY, StateFolder

# Notes where its database is, and waits until a second run has done the same.
_MEETING = """
import os, time, psycopg
from pathlib import Path

def test_meets_the_other_run():
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        port = connection.info.port
    here = Path(os.environ["MEETING"])
    (here / str(os.getpid())).write_text(str(port))
    deadline = time.monotonic() + 60
    while len(list(here.iterdir())) < int(os.environ["GUESTS"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert os.environ["COUNTERFOIL_ENV"] == "test"
"""


@pytest.fixture
def meeting(folder: Path) -> Path:
    """Where test runs note their databases."""
    (folder / "test_meeting.py").write_text(_MEETING)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "meeting").mkdir()
    return folder / "meeting"


class TestPlugin:
    def test_gives_two_runs_in_one_folder_a_database_each(self, state: StateFolder, meeting: Path) -> None:
        runs = [_run(state, meeting, guests=2) for _ in range(2)]

        codes = [run.wait(timeout=90) for run in runs]

        servers = {path.read_text() for path in meeting.iterdir()}
        clusters = [state.root / "test" / slot / "pg" for slot in "01"]
        assert codes == [0, 0], [run.stdout.read() for run in runs if run.stdout]
        assert len(servers) == 2
        assert all(cluster.is_dir() for cluster in clusters)
        assert not any((cluster / "postmaster.pid").exists() for cluster in clusters)

    def test_gives_the_workers_of_one_run_the_same_database(self, state: StateFolder, meeting: Path) -> None:
        run = _run(state, meeting, "-n", "2", "--dist", "each", "--tx", "2*popen", guests=2)

        code = run.wait(timeout=90)

        servers = [path.read_text() for path in meeting.iterdir()]
        assert code == 0, run.stdout.read() if run.stdout else ""
        assert len(servers) == 2
        assert len(set(servers)) == 1

    def test_leaves_a_database_alone_that_was_named(self, state: StateFolder, meeting: Path) -> None:
        run = _run(state, meeting, "--collect-only", guests=1, DATABASE_URL="postgresql://there/at-all")

        assert run.wait(timeout=90) == 0
        assert not (state.root / "test").exists()


def _run(state: StateFolder, meeting: Path, *arguments: str, guests: int, **variables: str) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    ours = {"COUNTERFOIL_STATE": str(state.root), "MEETING": str(meeting), "GUESTS": str(guests)}
    options = ["-p", "tests.embedded_services", "-p", "no:django", "-p", "no:cacheprovider", "-q"]
    configuration, test = meeting.parent / "pytest.ini", meeting.parent / "test_meeting.py"
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-c", str(configuration), *options, *arguments, str(test)],
        cwd=REPOSITORY,
        env=inherited | ours | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
