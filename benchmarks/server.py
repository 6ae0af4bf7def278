"""A durable PostgreSQL for benchmarks: the embedded one with its defaults, in a state folder of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from config.embedded.binaries import postgres_installation
from config.embedded.postgres import EmbeddedPostgres
from config.embedded.state import FolderLock, StateFolder, default_root

_DATABASE = "bench"
_TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


@dataclass(frozen=True)
class Server:
    """A migrated, empty database on a running server, and the folder of the server's programs."""

    url: str
    programs: Path
    version: str

    def execute(self, *statements: str) -> None:
        """Run statements, each in its own transaction, as the owner."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def value(self, query: str) -> int:
        """Return the one number that a query asks for."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(query).fetchone()
            assert row is not None
            return int(row[0])

    def pgbench(self, script: Path, *, clients: int, seconds: int) -> float:
        """Return the transactions a second of a pgbench script, with prepared statements."""
        argv = [str(self.programs / "pgbench"), "-n", "-M", "prepared", "-f", str(script)]
        argv += ["-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds), self.url]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        found = _TPS.search(done.stdout)
        if done.returncode != 0 or found is None:
            raise RuntimeError(f"pgbench failed: {done.stderr[-2000:]}")
        return float(found.group(1))

    def another(self, name: str) -> "Server":
        """Make another migrated, empty database on the same server."""
        return replace(self, url=_migrated(self.url, name))

    def deadlocks(self) -> int:
        """Return how many deadlocks this database has seen."""
        return self.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")


@contextmanager
def durable_server() -> Iterator[Server]:
    """Start the server, make an empty migrated database, and stop it afterwards."""
    state = StateFolder(default_root() / "bench")
    state.create()
    lock = FolderLock(path=state.lock, folder=state.root)
    lock.acquire()
    postgres = EmbeddedPostgres(state=state)
    try:
        postgres.start()
        url = _migrated(postgres.url, _DATABASE)
        os.environ["DATABASE_URL"] = url
        programs = postgres_installation(cluster=postgres.data, major=None).binary.parent
        with psycopg.connect(url) as connection:
            version = str(connection.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]
        yield Server(url=url, programs=programs, version=version)
    finally:
        postgres.stop()
        lock.release()


def _migrated(url: str, name: str) -> str:
    """Make a database beside the one of a URL, instead of the one of that name; return its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    made = urlsplit(url)._replace(path=f"/{name}").geturl()
    environment = {**os.environ, "DATABASE_URL": made}
    subprocess.run([sys.executable, "manage.py", "migrate", "--no-input", "-v", "0"], check=True, env=environment)
    return made
