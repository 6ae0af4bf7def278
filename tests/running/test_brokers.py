"""Hints over a real broker, with real workers: the table is the queue, and the broker only saves it some seconds.

The embedded one is always among them; COUNTERFOIL_TEST_BROKERS names others, separated by commas:
`redis://127.0.0.1:6379/9,amqp://127.0.0.1:5672//`. Each test has a queue of its own there, and leaves nothing in it.
"""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from celery import Celery
from django.conf import settings

from config.celery import app as config_app
from config.embedded.broker import EmbeddedBroker
from config.embedded.state import StateFolder
from operations.models import Job
from operations.tasks import run_job, sweep
from tests.committed import committed_db, committed_world, environment
from tests.world import World

__all__ = ["committed_db", "committed_world"]

EMBEDDED = "embedded"
BROKERS = [EMBEDDED, *(url for url in os.environ.get("COUNTERFOIL_TEST_BROKERS", "").split(",") if url)]
SELLER = {"seller_id": "ann", "name": "Ann", "country": "DE"}
# Nobody listens there.
DEAD = "redis://127.0.0.1:1/0"
PATIENCE_S = 60


@dataclass(frozen=True, kw_only=True)
class Broker:
    """A queue at a broker, and the workers that listen to it."""

    url: str
    queue: str
    world: World

    def app(self) -> Celery:
        """Return a client that publishes to the queue."""
        app = Celery("tests", broker=self.url, set_as_current=False)
        app.conf.update(task_default_queue=self.queue, broker_transport_options={"socket_connect_timeout": 2})
        return app

    def work(self) -> subprocess.Popen[bytes]:
        """Start a worker as the process family does: threads."""
        env = environment(
            DJANGO_SETTINGS_MODULE="config.settings",
            BROKER_URL=self.url,
            SANDBOX_URL=self.world.provider.base_url,
            STRIPE_WEBHOOK_SECRET=self.world.webhook_secret,
        )
        arguments = ["worker", "-P", "threads", "-c", "4", "--loglevel=WARNING", f"--queues={self.queue}"]
        calm = ["--without-gossip", "--without-mingle", "--without-heartbeat", f"--hostname={self.queue}@%h"]
        program = [sys.executable, "-m", "celery", "-A", "config.celery", "--quiet", *arguments, *calm]
        return subprocess.Popen(program, env=env, cwd=settings.BASE_DIR)

    def ask_to_run(self, job: Job, *, times: int = 1) -> None:
        """Publish hints of a job."""
        for _ in range(times):
            self.app().send_task(run_job.name, kwargs={"row_ids": [job.pk]})

    def ask_to_sweep(self) -> None:
        """Publish what the scheduler publishes every five seconds."""
        self.app().send_task(sweep.name)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The broker that comes with the application, in a state folder of its own."""
    state = StateFolder(tmp_path_factory.mktemp("broker"))
    state.create()
    server = EmbeddedBroker(state=state)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest, embedded: str, committed_world: World, settings: Any) -> Iterator[Broker]:
    """A queue of the test's own; hints go there."""
    url = embedded if request.param == EMBEDDED else request.param
    made = Broker(url=url, queue=f"test-{uuid.uuid4().hex[:12]}", world=committed_world)
    settings.HINTS_ENABLED = True
    yield made
    with made.app().connection_for_write() as line:
        channel: Any = line.default_channel
        channel.queue_purge(made.queue)
        channel.queue_delete(made.queue)


@pytest.fixture
def hinting(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Choose where our own process publishes its hints."""

    def at(url: str) -> None:
        app = Broker(url=url, queue=broker.queue, world=broker.world).app()
        monkeypatch.setattr("operations.edges.hints.current_app", app)

    at(broker.url)
    return at


@pytest.fixture
def worker(broker: Broker) -> Iterator[Callable[[], None]]:
    """Start workers; whatever runs at the end is stopped."""
    running: list[subprocess.Popen[bytes]] = []
    yield lambda: running.append(broker.work())
    for one in running:
        # What it still does is no test's any more.
        one.kill()
        one.wait(timeout=30)


def register(world: World) -> Job:
    """Register a seller; return the job that opens her account at the provider."""
    assert world.shop.post("/v1/sellers", SELLER).status_code == 201
    return Job.objects.get(kind="payments.open_seller_account")


def done(job: Job) -> None:
    """Wait until a job is done."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        job.refresh_from_db()
        if job.state == "done":
            return
        time.sleep(0.1)
    raise AssertionError(f"{job.kind} is still {job.state}: {job.last_error}")


def opened(world: World) -> int:
    """Return how many accounts the provider has opened for us, by its own record."""
    return len([account for account in world.provider.ledger()["accounts"] if (account["metadata"] or {})])


class TestAHint:
    def test_has_its_job_done(
        self, broker: Broker, hinting: Callable[[str], None], worker: Callable[[], None], committed_world: World
    ) -> None:
        worker()

        job = register(committed_world)

        done(job)
        assert (job.attempts, opened(committed_world)) == (1, 1)

    def test_that_comes_five_times_at_once_has_one_effect(
        self, broker: Broker, hinting: Callable[[str], None], worker: Callable[[], None], committed_world: World
    ) -> None:
        job = register(committed_world)
        broker.ask_to_run(job, times=4)

        worker()
        worker()

        done(job)
        broker.ask_to_sweep()
        assert (job.attempts, opened(committed_world)) == (1, 1)


class TestABroker:
    def test_that_forgets_everything_loses_no_work(
        self, broker: Broker, hinting: Callable[[str], None], worker: Callable[[], None], committed_world: World
    ) -> None:
        job = register(committed_world)
        with broker.app().connection_for_write() as line:
            channel: Any = line.default_channel
            assert channel.queue_purge(broker.queue) == 1
        worker()

        broker.ask_to_sweep()

        done(job)
        assert (job.attempts, opened(committed_world)) == (1, 1)

    def test_that_is_away_refuses_no_client_and_loses_no_work(
        self, broker: Broker, hinting: Callable[[str], None], worker: Callable[[], None], committed_world: World
    ) -> None:
        hinting(DEAD)
        job = register(committed_world)
        assert job.state == "todo"
        worker()

        broker.ask_to_sweep()

        done(job)
        assert (job.attempts, opened(committed_world)) == (1, 1)

    def test_is_tried_for_as_long_as_it_is_away(self) -> None:
        tries = 0

        def try_again(_: Exception, _wait: float) -> None:
            nonlocal tries
            tries += 1
            if tries > 150:
                raise StopIteration

        with pytest.raises(StopIteration):
            Celery(broker=DEAD, set_as_current=False).connection_for_read().ensure_connection(
                try_again, config_app.conf.broker_connection_max_retries, interval_start=0, interval_step=0
            )
