"""The processes that make up Counterfoil on one machine: servers, provider, worker, scheduler and web.

`run_family` is all that `manage.py dev` does. Other terminals join through `run/runtime.json`.
"""

import os
import shlex
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from config import env as environment
from config.embedded import ports
from config.embedded.broker import EmbeddedBroker
from config.embedded.console import Console
from config.embedded.errors import (
    EmbeddedError,
    PortTaken,
    RefusedInProduction,
    StopRequested,
    from_os_error,
)
from config.embedded.postgres import EmbeddedPostgres
from config.embedded.processes import Program, wait_until
from config.embedded.servers import check_broker, check_database
from config.embedded.state import REPOSITORY, FolderLock, StateFolder, default_root
from config.embedded.supervisor import Child, Service, Signals, Supervisor, answers, rotate, says

DEFAULT_PORT = 8000
#: With this key, or none, the provider is the stand-in; any other leads to Stripe itself.
SANDBOX_KEY = "sk_test_sandbox"

# A family that was killed a moment ago still holds its port while its web server winds down.
_PORT_PATIENCE_S = 4.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to run the family."""

    #: None: the PORT variable, else 8000 (any free one for a batch).
    port: int | None = None
    #: A manage.py command to run once all is ready; its end is the end of the run.
    then: str | None = None
    #: Play the demonstration's day of trade once all is ready, and stay up.
    play: bool = False
    #: Keep the children's lines in their files.
    quiet: bool = False


def run_family(options: Options) -> int:
    """Run the family until it is asked to stop, or until its command ends, and return the exit code.

    A failure is said on stderr, in one sentence and with the last lines of the process that caused it.
    """
    try:
        return _run_alone(options)
    except EmbeddedError as error:
        complaint = error
    except OSError as error:
        # Files that another user left in the state folder, or a disk that fills up while we write.
        complaint = from_os_error(error, folder=default_root())
    sys.stderr.write(f"{complaint}\n")
    sys.stderr.flush()
    return 1


def _run_alone(options: Options) -> int:
    if os.environ.get("COUNTERFOIL_ENV") == "production":
        raise RefusedInProduction
    state = StateFolder(default_root())
    state.create()
    lock = FolderLock(path=state.lock, folder=state.root)
    lock.acquire()
    try:
        return _Family(options=options, state=state).run()
    finally:
        lock.release()


class _Family:
    def __init__(self, *, options: Options, state: StateFolder) -> None:
        self._options = options
        self._state = state
        # A command's stdout belongs to the command, to its last line.
        stream = sys.stderr if options.then else sys.stdout
        self._console = Console(stream=stream, quiet=options.quiet)
        self._signals = Signals()
        self._supervisor = Supervisor(state=state, console=self._console, signals=self._signals)
        self._started = time.monotonic()
        self._logins = ""
        self._owner_url = os.environ.get("OWNER_DATABASE_URL", "")

    def run(self) -> int:
        with self._signals.caught():
            try:
                self._state.runtime.unlink(missing_ok=True)
                for log in self._state.logs.glob("*.log"):
                    rotate(log)
                family = self._start()
                return self._live(family)
            except StopRequested:
                return 130
            finally:
                self._console.say("Stopping …")
                self._supervisor.stop()
                self._state.runtime.unlink(missing_ok=True)

    def _start(self) -> dict[str, str]:
        """Start everything in order and return the environment that the family shares."""
        port = self._web_port()
        family = self._environment(port) | self._servers()
        self._publish(family)
        # It needs nothing of ours, so it boots on the second core while the first one migrates.
        provider = self._provider(family)
        self._migrate(family)
        # It runs the system checks, so that one of the two does.
        self._logins = self._supervisor.run(name="seed", program=_manage(family, "seed"))
        self._step("seed")
        self._supervisor.wait_for(provider)
        self._step("provider", family.get("SANDBOX_URL", "Stripe"))
        # Each takes a second of one core to boot, and none of the three needs the others.
        schedule = self._state.run / "beat-schedule"
        self._supervisor.start([worker(family), beat(family, schedule=schedule), web(family, port=port)])
        self._step("worker, scheduler and web", family["PUBLIC_URL"])
        return family

    def _migrate(self, family: Mapping[str, str]) -> None:
        """Migrate as the owner of the tables, and give the application's role its rights where it is another one."""
        owner = {**family, "DATABASE_URL": self._owner_url or family["DATABASE_URL"]}
        self._supervisor.run(name="migrate", program=_manage(owner, "migrate", "--no-input", "--skip-checks"))
        if self._owner_url:
            role = str(conninfo_to_dict(family["DATABASE_URL"])["user"])
            self._supervisor.run(name="migrate", program=_manage(owner, "grant_app_role", role))
        self._step("migrate")

    def _provider(self, family: Mapping[str, str]) -> list[Child]:
        if "SANDBOX_URL" not in family:
            return []
        return [self._supervisor.launch(sandbox(family, store=self._state.root / "sandbox.sqlite"))]

    def _live(self, family: Mapping[str, str]) -> int:
        self._console.say(f"Counterfoil is ready ({time.monotonic() - self._started:.1f} s).")
        if self._options.then:
            return self._supervisor.run_attached(_manage(family, *shlex.split(self._options.then)))
        self._console.say(_banner(family, logs=self._state.logs, logins=self._logins))
        if self._options.play:
            self._play(family)
        self._supervisor.supervise()
        return 0

    def _play(self, family: Mapping[str, str]) -> None:
        # A report is for reading: the children's lines wait in their files meanwhile.
        quiet, self._console.quiet = self._console.quiet, True
        code = self._supervisor.run_attached(_manage(family, "play_day"))
        self._console.quiet = quiet
        outcome = "The day of trade was played" if code == 0 else f"The day of trade failed with exit code {code}"
        self._console.say(f"{outcome}; Counterfoil stays up at {family['PUBLIC_URL']} until Ctrl-C.")

    def _servers(self) -> dict[str, str]:
        """Start what is embedded, check what is not, and return the addresses."""
        return {"DATABASE_URL": self._database(), "BROKER_URL": self._broker()}

    def _database(self) -> str:
        given = os.environ.get("DATABASE_URL")
        if given:
            check_database(given)
            self._step("database", "from DATABASE_URL")
            return given
        server = EmbeddedPostgres(state=self._state)
        self._add(server)
        self._owner_url = server.url
        return server.app_url

    def _broker(self) -> str:
        given = os.environ.get("BROKER_URL")
        if given:
            check_broker(given)
            self._step("broker", "from BROKER_URL")
            return given
        server = EmbeddedBroker(state=self._state)
        self._add(server)
        return server.url

    def _add(self, server: EmbeddedPostgres | EmbeddedBroker) -> None:
        rotate(server.log)
        server.start()
        self._supervisor.add(server)
        self._supervisor.check()
        self._step(server.name, "adopted" if server.adopted else "embedded")

    def _web_port(self) -> int:
        asked = self._options.port or environment.integer("PORT", 0, minimum=0, maximum=65_535)
        if not asked and self._options.then:
            return self._state.port("web", choose=ports.choose)
        port = asked or DEFAULT_PORT
        if not wait_until(lambda: ports.is_free(port), timeout_s=_PORT_PATIENCE_S):
            raise PortTaken(port=port)
        return port

    def _environment(self, port: int) -> dict[str, str]:
        # libpq would read PG* variables behind our back.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        family = inherited | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "COUNTERFOIL_STATE": str(self._state.root),
            "COUNTERFOIL_ENV": "development",
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "PYTHONUNBUFFERED": "1",
        }
        family.setdefault("SECRET_KEY", self._state.secret("secret_key"))
        if os.environ.get("STRIPE_API_KEY", SANDBOX_KEY) == SANDBOX_KEY:
            family["SANDBOX_URL"] = f"http://127.0.0.1:{self._state.port('sandbox', choose=ports.choose)}"
            family["STRIPE_WEBHOOK_SECRET"] = f"whsec_{self._state.secret('webhook')}"
        return family

    def _publish(self, family: Mapping[str, str]) -> None:
        names = ("DATABASE_URL", "BROKER_URL", "SANDBOX_URL", "PUBLIC_URL", "SECRET_KEY")
        known = {name.lower(): family[name] for name in names if name in family}
        secret = {"webhook_secret": family.get("STRIPE_WEBHOOK_SECRET", "").split(",")[0]}
        self._state.write(self._state.runtime, {"pid": os.getpid()} | known | secret)

    def _step(self, what: str, note: str = "done") -> None:
        self._console.say(f"{time.monotonic() - self._started:5.1f} s  {what}: {note}")


def sandbox(family: Mapping[str, str], *, store: Path) -> Service:
    """Return the stand-in provider."""
    address = family["SANDBOX_URL"]
    port = address.rpartition(":")[2]
    arguments = ["--port", port, "--store", str(store)]
    arguments += ["--webhook-url", f"{family['PUBLIC_URL']}/webhooks/stripe"]
    arguments += ["--webhook-secret", family["STRIPE_WEBHOOK_SECRET"]]
    program = _python(family, "-m", "sandbox.provider", *arguments)
    return Service(name="sandbox", program=program, is_ready=answers(f"{address}/_health"))


def worker(family: Mapping[str, str]) -> Service:
    """Return the Celery worker: threads, because they stop cleanly and our jobs wait for others' answers."""
    arguments = ["worker", "-P", "threads", "-c", "6", "--loglevel", "INFO"]
    arguments += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    # Celery's advice on running workers as root is for servers; on loopback it hides the lines that matter.
    calm = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
    program = _python({**family, **calm}, "-m", "celery", "-A", "config.celery", "--quiet", *arguments)
    return Service(name="worker", program=program, is_ready=says(" ready."), stop_within_s=12)


def beat(family: Mapping[str, str], *, schedule: Path) -> Service:
    """Return the Celery scheduler."""
    arguments = ["beat", "--schedule", str(schedule), "--pidfile", "", "--loglevel", "INFO"]
    program = _python(family, "-m", "celery", "-A", "config.celery", "--quiet", *arguments)
    return Service(name="beat", program=program, is_ready=says("beat: Starting"))


def web(family: Mapping[str, str], *, port: int) -> Service:
    """Return the web server."""
    arguments = ["-k", "config.web_server.SheddingWorker", "--workers", "2", "--threads", "4"]
    arguments += ["--bind", f"127.0.0.1:{port}"]
    # Loaded once and then forked: half the start-up work, and pages that the two workers share.
    arguments += ["--preload", "--graceful-timeout", "5", "--no-control-socket"]
    argv = ["-m", "gunicorn", "config.wsgi:application", *arguments]
    # Its master must get the chance to end its workers.
    program = _python(family, *argv, death_signal=signal.SIGTERM)
    return Service(name="web", program=program, is_ready=answers(f"{family['PUBLIC_URL']}/readyz"))


def _manage(family: Mapping[str, str], *arguments: str) -> Program:
    return _python(family, str(REPOSITORY / "manage.py"), *arguments)


def _python(family: Mapping[str, str], *arguments: str, death_signal: signal.Signals = signal.SIGKILL) -> Program:
    argv = [sys.executable, *arguments]
    return Program(argv=argv, env=family, cwd=REPOSITORY, death_signal=death_signal)


def _banner(family: Mapping[str, str], *, logs: Path, logins: str) -> str:
    address = family["PUBLIC_URL"]
    lines = [
        "",
        f"  Storefront API   {address}/v1/payments (described at {address}/v1/docs)",
        f"  Finance console  {address}/admin/",
        f"  Provider         {family.get('SANDBOX_URL', 'Stripe, by STRIPE_API_KEY')}",
        f"  Logs             {logs}",
        "",
        *(f"  {line}" for line in logins.splitlines()),
        "",
        "  Every `manage.py` command in another terminal joins this run. Ctrl-C stops it.",
    ]
    if "DATABASE_URL" not in os.environ:
        lines.append("  The embedded database is for evaluation and development; production needs DATABASE_URL.")
    return "\n".join([*lines, ""])
