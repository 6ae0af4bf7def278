"""Every crash point of a capture, a release and a closed page: done once, booked once, nothing stuck."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.selectors import wallet
from ledger.services import verify_books
from operations import failpoints
from operations.failpoints import FailpointRaised
from operations.models import IdempotencyKey, Job
from operations.services import run_due
from payments.models import Instruction, Seller
from payments.services import tidy_up
from tests.world import World

CALLS = {"capture": "payment.capture", "cancel": "payment.void", "close": "checkout.expire"}
COMMITS = ("instructions.claim", "payments.record_facts", "payments.answer")
# What the provider's record and ours say in the end: captured, released, state, the seller's money.
ENDS = {
    "capture": ("succeeded", "SUCCESS", "90.00"),
    "cancel": ("canceled", "CANCELED", "0.00"),
    "close": ("", "CANCELED", "0.00"),
}
CELLS = [
    pytest.param(verb, point, id=f"{verb}-{point}")
    for verb, call in CALLS.items()
    for point in (
        f"psp.call:{call}:before_send",
        f"psp.call:{call}:after_response",
        f"money_tx:{'captures' if verb == 'capture' else 'cancels'}.intend:before_commit",
        f"money_tx:{'captures' if verb == 'capture' else 'cancels'}.intend:after_commit",
        *(f"money_tx:{name}:{moment}" for name in COMMITS for moment in ("before_commit", "after_commit")),
    )
]


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    """Count every point's passes from zero."""
    failpoints.reset()


class TestAnInstruction:
    @pytest.mark.parametrize(("verb", "point"), CELLS)
    @pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
    def test_that_crashes_is_carried_out_once_all_the_same(
        self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch, verb: str, point: str, again: bool
    ) -> None:
        self.prepare(world, verb)
        failpoints.reset()
        monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", f"{point}=raise;{point}#2=raise" if again else f"{point}=raise")

        self.tell(world, verb)
        for number in range(5):
            self.recover(world, verb, timedelta(minutes=number))
        assert failpoints.passed(point) > 0
        monkeypatch.delenv("COUNTERFOIL_FAILPOINTS")
        answer = self.tell(world, verb)

        intent, state, pending = ENDS[verb]
        record = world.provider.ledger()
        assert answer.status_code == 200, answer.content
        assert [found["status"] for found in record["payment_intents"]] == ([intent] if intent else [])
        assert world.status("cart-1.ann") == state
        assert wallet(seller=ann.id, currency="EUR").pending.text == pending
        assert [told.state for told in Instruction.objects.all()] == ["succeeded"]
        assert tidy_up(now=timezone.now() + timedelta(minutes=10)).asked == 0
        assert [(job.kind, job.last_error) for job in Job.objects.exclude(state="done")] == []
        assert verify_books(actor="system:test", now=timezone.now()).green

    def prepare(self, world: World, verb: str) -> None:
        created = world.order("cart-1", {"ann": "100.00"}, capture_method="automatic" if verb == "close" else "manual")
        if verb != "close":
            world.pay(created)
            world.settle()
            assert world.status("cart-1.ann") == "AUTHORIZED"

    def tell(self, world: World, verb: str) -> Any:
        path = "capture" if verb == "capture" else "cancel"
        return world.shop.post(f"/v1/payments/cart-1/{path}", {}, key="told")

    def recover(self, world: World, verb: str, later: timedelta) -> None:
        """Leases run out, the shop repeats its request, webhooks come again, workers run what is due."""
        past = timezone.now() - timedelta(seconds=1)
        IdempotencyKey.objects.filter(response_status=None).update(lease_until=past)
        Job.objects.filter(state="doing").update(lease_until=past)
        self.tell(world, verb)
        for message in world.provider.take_webhooks():
            assert world.deliver(message).status_code in (200, 500)
        for _ in range(3):
            try:
                if not run_due(limit=100, now=timezone.now() + later):
                    return
            except FailpointRaised:
                continue
