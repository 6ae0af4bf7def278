"""One sale, told so that it can break anywhere: played once, then recovered by the means that reality has.

Those are: the client repeats its request under the same key, the provider delivers its webhooks again, leases run
out, and workers run what is due. Nothing is repaired by hand.
"""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from ledger.selectors import count_entries, wallet
from ledger.services import verify_books
from operations.failpoints import FailpointRaised
from operations.models import IdempotencyKey, Job
from operations.services import run_due
from payments.models import Seller, WebhookEvent
from tests.world import World

SELLER = {"seller_id": "ann", "name": "Ann", "country": "DE"}
ROUNDS = 6


def order(world: World) -> Any:
    """Ask for the one payment of the story, always under the same key."""
    return world.order("cart-1", {"ann": "100.00"})


def play(world: World) -> None:
    """Play the sale as on a good day; whatever fails, fails."""
    world.shop.post("/v1/sellers", SELLER)
    _work(world)
    created = order(world)
    if created.status_code == 201:
        world.pay(created)
    _deliver(world)
    _work(world)


def recover(world: World) -> None:
    """Let time pass and everybody try again, until the sale is done."""
    for number in range(ROUNDS):
        if number and _settled(world):
            return
        _leases_run_out()
        _work(world, later=timedelta(minutes=5 * number))
        if world.shop.post("/v1/sellers", SELLER).status_code in (200, 201):
            created = order(world)
            if created.status_code == 201 and world.status("cart-1.ann") == "EXECUTING":
                # A buyer who has paid already finds the page closed.
                world.pay(created)
        world.provider.redeliver()
        _deliver(world)
        _work(world)


def assert_sold_once(world: World) -> None:
    """Judge by the provider's own record: one session, one charge; and here one booking, and nothing left to do."""
    record = world.provider.ledger()
    assert [session["status"] for session in record["sessions"]] == ["complete"]
    assert [(charge["status"], charge["amount"]) for charge in record["charges"]] == [("succeeded", 10_000)]
    assert len([a for a in record["accounts"] if (a["metadata"] or {}).get("reference")]) == 1
    assert world.status("cart-1.ann") == "SUCCESS"
    assert wallet(seller=Seller.objects.get().id, currency="EUR").pending.text == "90.00"
    assert count_entries() == 2
    assert [(job.kind, job.state, job.last_error) for job in Job.objects.exclude(state="done")] == []
    assert not WebhookEvent.objects.filter(state="received").exists()
    assert order(world).headers["Idempotent-Replayed"] == "true"
    assert verify_books(actor="system:test", now=timezone.now()).green


def _settled(world: World) -> bool:
    paid = world.shop.get("/v1/payments/cart-1.ann")
    return paid.status_code == 200 and paid.json()["ledger_updated"] and not Job.objects.exclude(state="done").exists()


def _work(world: World, *, later: timedelta = timedelta(0)) -> None:
    """Run what is due, as workers that a crash takes down and a supervisor starts again."""
    for _ in range(3):
        try:
            if not run_due(limit=100, now=timezone.now() + later):
                return
        except FailpointRaised:
            continue


def _deliver(world: World) -> None:
    """Deliver what the provider has to say; it will say again what was not taken."""
    for message in world.provider.take_webhooks():
        assert world.deliver(message).status_code in (200, 500)


def _leases_run_out() -> None:
    past = timezone.now() - timedelta(seconds=1)
    IdempotencyKey.objects.filter(response_status=None).update(lease_until=past)
    Job.objects.filter(state="doing").update(lease_until=past)
