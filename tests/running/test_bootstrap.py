"""Building the environment: what a newcomer without a usable Python is told, and that nothing is done twice."""

import os
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from config.embedded.state import REPOSITORY
from tools import bootstrap


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path, None, None]:
    """A project of two empty requirements files, in a folder whose name has a space."""
    project = tmp_path_factory.mktemp("a project")
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt"):
        (project / name).touch()
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "ROOT", str(project))
        patch.setattr(bootstrap, "VENV", str(project / ".venv"))
        yield project
    os.chdir(before)


@pytest.fixture(scope="module")
def environment(project: Path) -> Path:
    """The project's environment, built once for all tests, because that takes seconds."""
    assert bootstrap.main(["runtime"]) == 0
    return project / ".venv"


class TestMain:
    def test_says_which_python_is_needed(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(bootstrap, "FLOOR", (99, 0))
        monkeypatch.setattr(bootstrap, "VENV", str(project / "none"))

        code = bootstrap.main(["runtime"])

        said = capsys.readouterr().err
        assert code == 1
        assert said.startswith("Counterfoil needs Python 99.0 or later and this is 3.")
        assert said.count("\n") == 1

    def test_builds_the_environment_once(self, environment: Path, capfd: pytest.CaptureFixture[str]) -> None:
        code = bootstrap.main(["runtime"])

        assert code == 0
        assert (environment / "bin" / "python").exists()
        assert capfd.readouterr() == ("", "")

    def test_installs_again_when_the_requirements_change(
        self, project: Path, environment: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (project / "requirements.txt").write_text("not-a-requirement\n")

        code = bootstrap.main(["runtime"])

        assert code == 1
        assert capfd.readouterr().err.endswith("mend that and run make again.\n")

    def test_refuses_a_word_it_does_not_know(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert bootstrap.main(["everything"]) == 1
        assert "runtime, development, bench and reset" in capsys.readouterr().err


class TestMake:
    def test_lists_its_targets_when_it_is_not_told_which(self) -> None:
        done = _make()

        for target in ("run", "demo", "replay", "reset", "test", "check", "fmt", "bench", "lock"):
            assert f"make {target} " in done.stdout

    def test_says_that_there_is_no_python(self) -> None:
        done = _make("runtime", "PYTHON=/nonexistent/python")

        assert done.returncode == 2
        assert "install Python 3.11 or later" in done.stderr

    def test_names_the_files_a_replay_needs(self) -> None:
        done = _make("replay", "ORDERS=/nonexistent.csv", "ITEMS=/nonexistent.csv", "-o", "runtime")

        assert done.returncode == 2
        assert "make replay ORDERS=orders.csv ITEMS=order_items.csv" in done.stderr


def _make(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["make", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no make here")
