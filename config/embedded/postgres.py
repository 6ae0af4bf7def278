"""A PostgreSQL of our own: made, started, adopted and stopped by us, reachable by nobody else.

It listens on 127.0.0.1 only and asks for a random password (SCRAM), because every user of the machine can
reach loopback; it opens no socket file, which spares the path limit of 107 bytes and a folder that two users
would share. The application's role is no superuser, so that what works here works on a managed server.
"""

import hashlib
import json
import os
import secrets
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from config.embedded import ports
from config.embedded.accounts import Account
from config.embedded.binaries import postgres_installation, postgres_major, runnable
from config.embedded.errors import (
    DiskFull,
    EmbeddedError,
    FolderUnusable,
    StartFailed,
    from_os_error,
)
from config.embedded.home import service_home
from config.embedded.processes import Handle, Program, is_alive, run, spawn, tail, wait_until, works_in
from config.embedded.state import StateFolder, read_json, write_private

SUPERUSER, ROLE, DATABASE = "postgres", "counterfoil", "counterfoil"
#: The role of web, worker and scheduler: it owns nothing, and has the rights of `grant_app_role`.
APP_ROLE = "counterfoil_app"

# Crash recovery replays at most a checkpoint's worth of log; two minutes is far beyond what that takes.
_START_S = 120.0
_ATTEMPTS = 5
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "shared_buffers": "96MB",
    "max_connections": "200",
    "log_checkpoints": "off",
}
#: For tests only: a crash may lose the last commits, and that of the machine the cluster.
_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "64MB"}


class EmbeddedPostgres:
    """One cluster below a state folder.

    The caller holds the folder's lock: two servers must never meet over one cluster.
    """

    name = "PostgreSQL"

    def __init__(self, *, state: StateFolder, fast: bool = False) -> None:
        self._state = state
        self._settings = _SETTINGS | (_FAST if fast else {})
        self._fast = fast
        self._home = state.root
        self._handle: Handle | None = None
        self._port = 0
        self.adopted = False

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self._home / "pg"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._state.log("postgres")

    @property
    def handle(self) -> Handle:
        """The postmaster's process."""
        if self._handle is None:
            raise RuntimeError("PostgreSQL has not been started")
        return self._handle

    @property
    def url(self) -> str:
        """The address for the owner of the database, who migrates."""
        return self._url(ROLE)

    @property
    def app_url(self) -> str:
        """The address for the application, which owns nothing."""
        return self._url(APP_ROLE)

    def _url(self, role: str) -> str:
        password = self._passwords()[role]
        return f"postgresql://{role}:{password}@127.0.0.1:{self._port}/{DATABASE}?sslmode=disable&gssencmode=disable"

    def start(self) -> None:
        """Make the cluster if there is none, adopt its server if one lives, else start one that answers.

        Raises an `EmbeddedError` that says what to do.
        """
        self._home, account = service_home(self._state, data="pg")
        try:
            postgres = self._program(account)
            if not self.data.is_dir():
                self._make_cluster(postgres, account)
        except OSError as error:
            raise from_os_error(error, folder=self._home) from error
        self._passwords()
        try:
            self.adopted = self._adopt()
            if not self.adopted:
                self._launch(postgres, account)
            self._prepare()
        except BaseException:
            self.stop()
            raise

    def stop(self, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Stop the server cleanly, or at once as soon as `hurry` returns true; the next start recovers.

        Does nothing when it does not run.
        """
        if self._handle is not None:
            self._handle.stop((signal.SIGINT, 15), (signal.SIGQUIT, 5), hurry=hurry)
            self._handle = None

    def _program(self, account: Account | None) -> Path:
        installation = postgres_installation(cluster=self.data, major=_cluster_major(self.data))
        return runnable(installation, account=account, home=self._home)

    def _make_cluster(self, postgres: Path, account: Account | None) -> None:
        # A cluster exists only under its final name: what an interrupted initdb left is not one.
        unfinished, password_file = self._home / "pg.tmp", self._home / "pg.password"
        shutil.rmtree(unfinished, ignore_errors=True)
        passwords = {SUPERUSER: secrets.token_urlsafe(24), ROLE: secrets.token_urlsafe(24)}
        try:
            unfinished.mkdir(mode=0o700)
            write_private(password_file, passwords[SUPERUSER] + "\n")
            if account:
                account.own(unfinished)
                account.own(password_file)
            argv = self._initdb(postgres, unfinished, password_file)
            code, output = run(Program(argv=argv, env=_environment(), account=account), timeout_s=120)
            if code != 0:
                raise self._explain("initdb", output)
            credentials = unfinished / "counterfoil.json"
            write_private(credentials, json.dumps(passwords))
            if account:
                account.own(credentials)
            unfinished.rename(self.data)
        finally:
            password_file.unlink(missing_ok=True)
            shutil.rmtree(unfinished, ignore_errors=True)

    def _initdb(self, postgres: Path, folder: Path, password_file: Path) -> list[str]:
        argv = [str(postgres.with_name("initdb")), "-D", str(folder), "-U", SUPERUSER]
        argv += [
            "-E",
            "UTF8",
            "--locale=C",
            "--auth-local=reject",
            "--auth-host=scram-sha-256",
            f"--pwfile={password_file}",
        ]
        # The machine's locale must not decide how text sorts; 17 brought a provider that needs no library.
        if postgres_major(postgres) >= 17:
            argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return [*argv, "--no-sync"] if self._fast else argv

    def _adopt(self) -> bool:
        """Take over a server that still runs on our cluster; one that is shutting down is waited for."""
        pid_file = self.data / "postmaster.pid"
        pid, port = _read_pid_file(pid_file)
        if pid is None:
            return False
        if not works_in(pid, self.data):
            # After a crash the number may be another program's, and PostgreSQL would never start again.
            if is_alive(pid):
                pid_file.unlink(missing_ok=True)
            return False
        if wait_until(lambda: not is_alive(pid) or self._answers(port), timeout_s=_START_S) and is_alive(pid):
            self._handle, self._port = Handle(pid=pid), port
            return True
        return False

    def _launch(self, postgres: Path, account: Account | None) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            self._port = self._state.port("database", choose=ports.choose)
            since = self.log.stat().st_size if self.log.exists() else 0
            self._handle = self._spawn(postgres, account)
            wait_until(lambda: self.handle.ended() or self._answers(self._port), timeout_s=_START_S)
            if self._answers(self._port):
                return
            if not self.handle.ended():
                reason = f"no answer within {_START_S:.0f} s"
                raise StartFailed(service=self.name, reason=reason, log=self.log)
            output = tail(self.log, since=since)
            if attempt == _ATTEMPTS or not _passes_by_itself(output):
                raise self._explain(self.name, output)

    def _spawn(self, postgres: Path, account: Account | None) -> Handle:
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        program = Program(
            argv=[str(postgres), "-D", str(self.data), "-p", str(self._port), *options],
            env=_environment(),
            account=account,
            # The clean fast stop, should the supervisor be killed.
            death_signal=signal.SIGINT,
        )
        try:
            with self.log.open("ab") as output:
                child = spawn(program, output=output)
        except OSError as error:
            raise from_os_error(error, folder=self._state.root) from error
        return Handle(pid=child.pid, child=child)

    def _answers(self, port: int) -> bool:
        """Return whether our cluster's server answers on that port: only it accepts our password."""
        try:
            with self._connect(port) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.Error:
            return False
        return row is not None and Path(str(row[0])).resolve() == self.data.resolve()

    def _connect(self, port: int) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=port,
            user=SUPERUSER,
            password=self._passwords()[SUPERUSER],
            dbname="postgres",
            sslmode="disable",
            gssencmode="disable",
            connect_timeout=3,
            # Named, lest PGOPTIONS of the caller's decide; libpq takes an empty value for none.
            options="-c timezone=UTC",
            autocommit=True,
        )

    def _prepare(self) -> None:
        """Create the application's role and database unless they exist: an interrupted start heals."""
        with self._connect(self._port) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                # CREATEDB, because tests make databases of their own.
                create = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
                connection.execute(create.format(sql.Identifier(ROLE), sql.Literal(self._passwords()[ROLE])))
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone():
                # The owner may act as the application, so that tests can attack in its name.
                create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} ROLE {}")
                password = sql.Literal(self._passwords()[APP_ROLE])
                connection.execute(create.format(sql.Identifier(APP_ROLE), password, sql.Identifier(ROLE)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                create = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(create.format(sql.Identifier(DATABASE), sql.Identifier(ROLE)))

    def _passwords(self) -> dict[str, str]:
        passwords = read_json(self.data / "counterfoil.json")
        if ROLE not in passwords or SUPERUSER not in passwords:
            raise FolderUnusable(folder=self.data, reason="it holds no credentials of ours")
        # From the owner's, so that clusters made before there were two roles get one as well.
        return passwords | {APP_ROLE: hashlib.sha256(f"{APP_ROLE} {passwords[ROLE]}".encode()).hexdigest()}

    def _explain(self, service: str, output: str) -> EmbeddedError:
        if "No space left on device" in output or "Disk quota exceeded" in output:
            return DiskFull(folder=self._home)
        return StartFailed(service=service, reason=_last_complaint(output), log=self.log)


def _cluster_major(data: Path) -> int | None:
    try:
        text = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() else None


def _read_pid_file(path: Path) -> tuple[int | None, int]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None, 0
    if len(lines) < 4 or not lines[0].strip().isdigit() or not lines[3].strip().isdigit():
        return None, 0
    return int(lines[0]), int(lines[3])


def _environment() -> dict[str, str]:
    # Nothing of the caller's: LANG, TZ and PG* variables would change what initdb and the server do.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _passes_by_itself(output: str) -> bool:
    """Return whether another start can help: the port was taken, or a killed server's backends linger."""
    return "could not bind" in output or "shared memory block" in output


def _last_complaint(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    complaints = [line for line in lines if "FATAL" in line or "error:" in line or "PANIC" in line]
    return (complaints or lines or ["it wrote nothing"])[-1]
