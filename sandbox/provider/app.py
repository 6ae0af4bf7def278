"""Put the parts together: one function from request to answer, and the threads that work behind it."""

import logging
import threading
from pathlib import Path

from sandbox.provider import funds
from sandbox.provider.api import TIMERS, Api
from sandbox.provider.clock import Clock, Timers
from sandbox.provider.controls import Controls
from sandbox.provider.errors import ApiError
from sandbox.provider.faults import FaultPlan
from sandbox.provider.idempotency import Keys
from sandbox.provider.pages import Pages
from sandbox.provider.resources import accounts, webhook_endpoints
from sandbox.provider.scope import Scope, Settings, World
from sandbox.provider.server import Reply, Request
from sandbox.provider.store import Store
from sandbox.provider.webhooks import Courier

log = logging.getLogger("sandbox.provider")
_TICK_S = 0.2


class Provider:
    """The whole stand-in: API, hosted pages, control surface, timers and deliveries."""

    def __init__(self, path: Path, settings: Settings) -> None:
        """Open the store.

        Raises sqlite3.Error when the file cannot be used.
        """
        store = Store(path)
        self.world = World(store, Clock(store), Timers(store), FaultPlan(), settings)
        self._courier = Courier(store, self.world.clock)
        self._api = Api(self.world, Keys(store), wake=self._courier.wake, fire=self._fire_soon)
        self._pages = Pages(self.world, self._courier.wake)
        self._controls = Controls(self.world, self._api, advance=self.advance, wake=self._courier.wake)
        self._due = threading.Event()
        self._stopping = False
        self._ticker = threading.Thread(target=self._tick, name="ticker", daemon=True)
        with store.transaction():
            accounts.ensure_platform(Scope(world=self.world, now=self.world.clock.now()))

    def announce_to(self, url: str, secret: str) -> None:
        """Deliver every event to one more endpoint, registered at start and kept through resets."""
        store = self.world.store
        with store.transaction():
            for endpoint in store.select("webhook_endpoint"):
                if endpoint.get("_from_start"):
                    store.delete(endpoint["id"])
            endpoint = webhook_endpoints.build(
                url=url, events=["*"], hears="all", now=self.world.clock.now(), secret=secret
            )
            store.insert({**endpoint, "_from_start": True}, account="")

    def start(self) -> None:
        """Begin to deliver events and to fire timers."""
        self._courier.start()
        self._ticker.start()

    def stop(self) -> None:
        """End deliveries and timers, and close the store after the running transaction."""
        self._stopping = True
        self._due.set()
        self._courier.stop()
        self.world.store.close()

    def answer(self, request: Request) -> Reply:
        """Answer any request."""
        self.fire_due()
        if request.path.startswith("/v1/"):
            return self._api.answer(request)
        if request.path.startswith("/_"):
            return self._controls.answer(request)
        return self._pages.answer(request)

    def advance(self, target: int) -> None:
        """Move the clock to a moment, firing on the way what falls due, each at its own moment."""
        store, clock = self.world.store, self.world.clock
        if target < clock.now():
            with store.transaction():
                clock.jump(target)
            return
        self.fire_due(target)
        with store.transaction():
            clock.jump(target)
        self._courier.wake()

    def fire_due(self, until: int | None = None) -> None:
        """Fire the timers due by a moment, by now unless another one is given."""
        world = self.world
        moment = world.clock.now() if until is None else until
        if not world.timers.anything_due(moment):
            return
        fired = True
        while fired:
            with world.store.transaction():
                fired = self._fire_one(moment)
        self._courier.wake()

    def _fire_one(self, moment: int) -> bool:
        taken = self.world.timers.take(moment)
        if taken is None:
            return False
        due, kind, ref, args = taken
        if kind == "settle":
            funds.settle(Scope(world=self.world, now=due, account=ref))
            return True
        account = self.world.store.account_of(ref) or ""
        scope = Scope(world=self.world, now=due, account=account)
        try:
            with self.world.store.savepoint():
                TIMERS[kind](scope, ref, args)
        except ApiError as refused:
            # such as a sweep whose payout the fault plan refuses: it is over, and must not be tried for ever
            log.warning("%s of %s came to nothing: %s", kind, ref, refused.message)
        return True

    def _fire_soon(self) -> None:
        if self.world.timers.anything_due(self.world.clock.now()):
            self._due.set()

    def _tick(self) -> None:
        while not self._stopping:
            self._due.wait(_TICK_S)
            self._due.clear()
            if not self._stopping:
                self.fire_due()
