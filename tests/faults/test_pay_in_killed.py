"""kill -9, for real: a process of ours dies in the middle, and what it had committed is enough to go on."""

import json
import signal
import subprocess
import sys

import pytest
from django.conf import settings

from payments.models import Attempt, Refund
from tests.committed import environment
from tests.faults.recovery import Courier, nothing_waits, recover
from tests.faults.stories import STORIES
from tests.faults.story import SELLER
from tests.world import World

PAYMENT = {
    "checkout_id": "cart-1",
    "buyer_info": {"buyer_id": "bea"},
    "payment_orders": [
        {"payment_order_id": "cart-1.ann", "seller_account": "ann", "amount": "100.00", "currency": "EUR"}
    ],
}


def killed(world: World, point: str, *arguments: str, body: object = None) -> None:
    """Run a child until the failpoint kills it."""
    found = environment(
        DJANGO_SETTINGS_MODULE="config.settings",
        COUNTERFOIL_FAILPOINTS=f"{point}=kill9",
        SANDBOX_URL=world.provider.base_url,
        STRIPE_WEBHOOK_SECRET=world.webhook_secret,
        API_KEY=world.shop.api_key,
    )
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.child", *arguments],
        env=found,
        cwd=settings.BASE_DIR,
        input=json.dumps(body).encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]


def recover_and_judge(world: World) -> None:
    """Let the sale recover, and assert that there was one."""
    recover(STORIES["sale"], Courier(world=world))
    STORIES["sale"].judge(world)
    nothing_waits()


class TestARequestThatIsKilled:
    @pytest.mark.parametrize(
        ("point", "sessions"),
        [
            ("money_tx:payments.intend:after_commit", 0),
            ("psp.call:checkout.register:after_response", 1),
        ],
    )
    def test_is_resumed_by_the_client_with_the_same_session(
        self, committed_world: World, point: str, sessions: int
    ) -> None:
        committed_world.open_seller("ann")

        killed(committed_world, point, "request", "/v1/payments", "key-cart-1", body=PAYMENT)

        assert Attempt.objects.get().state == "created"
        assert len(committed_world.provider.ledger()["sessions"]) == sessions
        recover_and_judge(committed_world)


class TestAWorkerThatIsKilled:
    @pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
    def test_books_once_whichever_side_of_the_commit_it_died_on(self, committed_world: World, moment: str) -> None:
        committed_world.shop.post("/v1/sellers", SELLER)
        committed_world.work()
        committed_world.pay(committed_world.order("cart-1", {"ann": "100.00"}))
        committed_world.deliver_webhooks()

        killed(committed_world, f"money_tx:payments.record_facts:{moment}", "jobs")

        assert (committed_world.status("cart-1.ann") == "SUCCESS") is (moment == "after_commit")
        recover_and_judge(committed_world)

    def test_refunds_once_although_it_never_heard_that_it_had(self, committed_world: World) -> None:
        story = STORIES["refund"]
        story.prepare(committed_world)
        assert story.go(committed_world).status_code == 201

        killed(committed_world, "psp.call:refund.create:after_response", "jobs")

        assert Refund.objects.get().state == "sending"
        recover(story, Courier(world=committed_world))
        story.judge(committed_world)
        nothing_waits()
