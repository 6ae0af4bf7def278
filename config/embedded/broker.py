"""A Valkey of our own: one process on 127.0.0.1 that only the holder of a random password may command.

The password matters although messages are only hints: whoever may command a broker may make it write files.
Losing the broker loses nothing, but its log is appended to disk so that a restart keeps what waited.
"""

import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.embedded import ports
from config.embedded.accounts import Account
from config.embedded.binaries import broker_installation, runnable
from config.embedded.errors import DiskFull, EmbeddedError, StartFailed, from_os_error
from config.embedded.home import service_home
from config.embedded.processes import Handle, Program, spawn, tail, wait_until
from config.embedded.state import StateFolder

_START_S = 20.0
_ATTEMPTS = 3


class EmbeddedBroker:
    """One Valkey below a state folder; the caller holds the folder's lock."""

    name = "Valkey"

    def __init__(self, *, state: StateFolder) -> None:
        self._state = state
        self._home = state.root
        self._handle: Handle | None = None
        self._port = 0
        self.adopted = False

    @property
    def data(self) -> Path:
        """The folder of the append-only log."""
        return self._home / "broker"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._state.log("broker")

    @property
    def handle(self) -> Handle:
        """The server's process."""
        if self._handle is None:
            raise RuntimeError("Valkey has not been started")
        return self._handle

    @property
    def url(self) -> str:
        """The address for Celery."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def _password(self) -> str:
        return self._state.secret("broker")

    def start(self) -> None:
        """Adopt the server that lives on our data, else start one; wait until it answers.

        Raises an `EmbeddedError` that says what to do.
        """
        self._home, account = service_home(self._state, data="broker")
        try:
            binary = runnable(broker_installation(), account=account, home=self._home)
            if not self.data.is_dir():
                self.data.mkdir(mode=0o700)
                if account:
                    account.own(self.data)
        except OSError as error:
            raise from_os_error(error, folder=self._home) from error
        try:
            self.adopted = self._adopt()
            if not self.adopted:
                self._launch(binary, account)
        except BaseException:
            self.stop()
            raise

    def stop(self, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Stop the server cleanly, or at once as soon as `hurry` returns true.

        Does nothing when it does not run.
        """
        if self._handle is not None:
            self._handle.stop((signal.SIGTERM, 5), hurry=hurry)
            self._handle = None

    def _adopt(self) -> bool:
        # The remembered port, taken or not: a server that answers there to our password is ours.
        port = self._state.port("broker", choose=lambda known, others: known or ports.choose(None, others))
        pid = self._process_id(port)
        if pid is None:
            return False
        self._handle, self._port = Handle(pid=pid), port
        return True

    def _launch(self, binary: Path, account: Account | None) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            self._port = self._state.port("broker", choose=ports.choose)
            since = self.log.stat().st_size if self.log.exists() else 0
            self._handle = self._spawn(binary, account)
            wait_until(lambda: self.handle.ended() or self._is_ours(), timeout_s=_START_S)
            if self._is_ours():
                return
            self.handle.kill()
            output = tail(self.log, since=since)
            if attempt == _ATTEMPTS or "Address already in use" not in output:
                raise self._explain(output)

    def _spawn(self, binary: Path, account: Account | None) -> Handle:
        program = Program(
            argv=[str(binary), "-"],
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            account=account,
            cwd=self.data if account is None else None,
            death_signal=signal.SIGTERM,
        )
        try:
            # By standard input, because a command line is for every user of the machine to read.
            with tempfile.TemporaryFile(dir=self._state.run) as configuration, self.log.open("ab") as output:
                configuration.write(self._configuration().encode())
                configuration.seek(0)
                child = spawn(program, output=output, stdin=configuration)
        except OSError as error:
            raise from_os_error(error, folder=self._state.root) from error
        return Handle(pid=child.pid, child=child)

    def _configuration(self) -> str:
        settings = {
            "bind": "127.0.0.1",
            "port": str(self._port),
            "dir": f'"{self.data}"',
            "requirepass": self._password,
            "appendonly": "yes",
            "save": '""',
            "loglevel": "warning",
            "daemonize": "no",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def _is_ours(self) -> bool:
        return self._process_id(self._port) == self.handle.pid

    def _process_id(self, port: int) -> int | None:
        """Return the number of the server that accepts our password on that port."""
        client = redis.Redis(
            host="127.0.0.1",
            port=port,
            password=self._password,
            socket_timeout=2,
            socket_connect_timeout=2,
            # The caller polls; a client that waits and tries again by itself would only slow it down.
            retry=Retry(NoBackoff(), 0),
        )
        try:
            return int(client.info("server")["process_id"])
        except (redis.RedisError, OSError, KeyError, ValueError):
            return None
        finally:
            client.close()

    def _explain(self, output: str) -> EmbeddedError:
        if "No space left on device" in output:
            return DiskFull(folder=self._home)
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        return StartFailed(service=self.name, reason=lines[-1] if lines else "it never answered", log=self.log)
