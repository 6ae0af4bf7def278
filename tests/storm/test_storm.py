"""Everybody does everything to the same few payments at once, while the provider fails and its messages come twice,
late and out of order. Whatever came of each payment, in the end the books hold what the provider's record says.

Which actions meet is chance: the seed says what each thread does, though not when. `make storm` lets it
blow for longer, from another seed.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from ledger.selectors import balance
from ledger.services import verify_books
from operations import database
from operations.models import HumanTask, Job
from operations.services import run_due
from payments.gateway import stripe_adapter
from payments.models import Attempt, Dispute, Instruction, PaymentOrder, Refund, Surplus, WebhookEvent
from payments.services import ListingFailed, sync_events
from payouts.models import Payout
from sandbox.provider.webhooks import signature
from tests.committed import committed_db, committed_world
from tests.storm.actors import SELLERS, Actor, Storm
from tests.world import World

__all__ = ["committed_db", "committed_world"]
pytestmark = pytest.mark.timeout(1800)

_SECONDS, _, _SEED = os.environ.get("COUNTERFOIL_STORM", "").partition(":")
SECONDS = int(_SECONDS or 12)
SEED = int(_SEED or 1)
ACTORS, WORKERS, COURIERS = 5, 2, 1
# So many payments at a time, and for so long.
TOGETHER, WAVE_S = 4, 5
# Where nothing happened nothing would be shown: it blows on until each of these was seen, though not for ever.
TO_BE_SEEN = {"a payment", "a refund", "a dispute", "a payout"}
LONGEST_S = SECONDS + 240
# What may wait for a person in the end.
ASKED = {"payments.refund_elsewhere", "payments.surplus_stuck", "payments.refund_failed"}
# What may be left to be done, at a time of its own.
LATER = ("payments.warn_of_deadline", "payments.sync_dispute")


@pytest.fixture(params=[SEED], ids=lambda seed: f"seed {seed}")
def storm(committed_world: World, request: pytest.FixtureRequest, settings: Any) -> Iterator[Storm]:
    """A world with sellers and no hold on what was delivered, over which a storm blows."""
    world = committed_world
    settings.HOLD_DAYS = 0
    for seller in SELLERS:
        world.open_seller(seller)
    yield Storm(world=world, seed=request.param)
    world.provider.plan()


class TestAStorm:
    def test_leaves_the_books_as_the_providers_record_is(self, storm: Storm) -> None:
        deadlocks = _deadlocks()

        blow(storm)
        calm(storm)

        assert storm.wrong == []
        assert _deadlocks() == deadlocks
        judge(storm)


def blow(storm: Storm) -> None:
    """Let all act at once, on a few payments after a few others, until enough of everything has happened."""
    over = threading.Event()
    storm.world.provider.plan(seed=storm.seed, rate_percent=6)
    threads = [_thread(storm, over, Actor(storm, number).act) for number in range(ACTORS)]
    threads += [_thread(storm, over, _work) for _ in range(WORKERS)]
    threads += [_thread(storm, over, _Courier(storm, number).bring) for number in range(COURIERS)]
    storm.names[:] = [f"storm-{number}" for number in range(TOGETHER)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    seen: set[str] = set()
    wave = 1
    while (lasted := time.monotonic() - began) < LONGEST_S and not storm.wrong:
        if lasted >= SECONDS and seen >= TO_BE_SEEN:
            break
        over.wait(WAVE_S)
        seen |= _seen()
        storm.names[:] = [f"storm-{number}" for number in range(wave * TOGETHER, (wave + 1) * TOGETHER)]
        wave += 1
    over.set()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads)
    assert storm.wrong or seen >= TO_BE_SEEN


def _seen() -> set[str]:
    """Return what has come about by now; some of it may come to nothing yet, as a refund that fails late."""
    there = {
        "a payment": PaymentOrder.objects.filter(state="SUCCESS"),
        "a refund": Refund.objects.filter(state="succeeded"),
        "a dispute": Dispute.objects.all(),
        "a payout": Payout.objects.all(),
    }
    return {what for what, rows in there.items() if rows.exists()}


def _thread(storm: Storm, over: threading.Event, act: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            while not over.is_set():
                act()
        except Exception as error:  # noqa: BLE001 - a thread that dies unseen would show nothing
            storm.wrong.append(f"{act}: {type(error).__name__}: {error}")
        finally:
            connections.close_all()

    return threading.Thread(target=run)


def _work() -> None:
    if not run_due(limit=20, now=timezone.now()):
        time.sleep(0.02)


class _Courier:
    """Brings messages twice, late and out of order, each with a signature of its own time."""

    def __init__(self, storm: Storm, number: int) -> None:
        self._storm = storm
        self._hands = Actor(storm, 1000 + number)
        self._kept: list[Any] = []

    def bring(self) -> None:
        """Bring some of what there is."""
        chance = self._hands.chance
        self._kept += self._hands.provider.take_webhooks()
        chance.shuffle(self._kept)
        now, self._kept = self._kept[:20], self._kept[20:]
        for message in now:
            for _ in range(1 + (chance.random() < 0.2)):
                self._bring(message)
        if not now:
            time.sleep(0.02)

    def _bring(self, message: Any) -> None:
        world = self._storm.world
        signed = signature(world.webhook_secret, message["body"], at=int(timezone.now().timestamp()))
        answer = self._hands.shop.client.post(
            "/webhooks/stripe",
            data=message["body"],
            content_type="application/json",
            headers={"Stripe-Signature": signed},
        )
        if answer.status_code != 200:
            self._storm.wrong.append(f"webhook {message['type']}: {answer.status_code} {answer.content[:300]!r}")


def calm(storm: Storm) -> None:
    """Let the days pass in which everything comes to its end: by webhooks, by polling, by the provider's own list."""
    provider = storm.world.provider
    provider.plan()
    # The breaker rests by real time, and days pass in seconds here.
    stripe_adapter._made.clear()
    courier = _Courier(storm, 0)
    # Authorisations, pages and what the provider leaves pending run out meanwhile.
    for day in (0, 1, 3, 8, 9):
        provider.set_clock(max(provider.clock(), int(time.time()) + day * 86_400))
        with time_machine.travel(timezone.now() + timedelta(days=day)):
            for _ in range(12):
                provider.hold_again()
                courier.bring()
                while courier._kept:
                    courier.bring()
                ran = sum(run_due(limit=100, now=timezone.now() + timedelta(hours=hours)) for hours in (0, 1, 7))
                if not ran and not _left().exists():
                    break
            try:
                sync_events(psp="stripe", actor="system:storm", now=timezone.now() + timedelta(minutes=2))
            except ListingFailed:
                continue


def _left() -> Any:
    return Job.objects.filter(state__in=("todo", "doing")).exclude(kind__in=LATER)


def judge(storm: Storm) -> None:
    """Hold what we have against the provider's own record."""
    record = storm.world.provider.ledger()
    dead = Job.objects.filter(state="dead").exclude(key__in=_never_told(record))
    assert [(job.kind, job.state, job.last_error) for job in dead] == []
    # Made in the dashboard, for an order that cannot bear it: that waits for a person.
    theirs = _refunds_nobody_knows(record)
    left = [job for job in _left() if not any(one["id"] in job.last_error for one in theirs)]
    assert [(job.kind, job.state, job.last_error) for job in left] == []
    asked = HumanTask.objects.filter(state="open").exclude(kind__in=ASKED)
    assert [(task.kind, task.subject, task.reason) for task in asked] == []
    unread = WebhookEvent.objects.filter(state__in=("received", "parked")).exclude(type__startswith="refund")
    assert [(event.type, event.state, event.waiting_for) for event in unread] == []
    _every_payment_ended(_never_told(record))
    proof = verify_books(actor="system:storm", now=timezone.now())
    assert proof.findings == ()
    _same_money(record)


def _never_told(record: dict[str, Any]) -> set[str]:
    """Return the refunds and payouts that a person must look at: the provider kept a 500 as its answer to a refusal.

    It is given again and again under the key, and nothing else is said of it; only what the provider has not counts.
    """
    unclear = Job.objects.filter(state="dead", last_error__regex="^(ProviderUnclear|PayoutUnclear):").filter(
        kind__in=("payments.send_refund", "payouts.send_payout")
    )
    there = {(one["metadata"] or {}).get("reference") for one in (*record["refunds"], *record["transfers"])}
    return set(unclear.values_list("key", flat=True)) - there


def _every_payment_ended(never_told: set[str]) -> None:
    over = ("SUCCESS", "FAILED", "CANCELED", "EXPIRED")
    assert list(PaymentOrder.objects.exclude(state__in=over).values_list("payment_order_id", "state")) == []
    assert list(Attempt.objects.filter(state__in=("created", "unknown", "pending")).values_list("pk", "state")) == []
    alive = ("requested", "sending", "unknown")
    assert list(Instruction.objects.filter(state__in=alive).values_list("kind", "state", "last_error")) == []
    open_ = ("approved", "sending", "unknown", "pending")
    unfinished = Refund.objects.filter(state__in=open_).exclude(pk__in=never_told)
    assert list(unfinished.values_list("pk", "state", "last_error")) == []
    assert list(Surplus.objects.exclude(state__in=("returned", "failed")).values_list("pk", "state")) == []


def _same_money(record: dict[str, Any]) -> None:
    """What the provider has of the platform's is what its account in the books says, but for what a person is asked."""
    asked = sum(one["amount"] for one in _refunds_nobody_knows(record))
    theirs = record["balances"]["platform"]["eur"]
    ours = balance(code="psp:stripe:clearing", currency="EUR").minor
    assert ours - asked == theirs["available"] + theirs["pending"]


def _refunds_nobody_knows(record: dict[str, Any]) -> list[dict[str, Any]]:
    known = {*Refund.objects.values_list("psp_ref", flat=True), *Surplus.objects.values_list("psp_ref", flat=True)}
    lasting = [one for one in record["refunds"] if one["status"] not in ("failed", "canceled")]
    return [one for one in lasting if one["id"] not in known]


def _deadlocks() -> int:
    database.execute("SELECT pg_stat_clear_snapshot()")
    counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return int(database.fetch_one(counted)["deadlocks"])
