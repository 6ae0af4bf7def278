"""Two who act on one payment at the same moment wait for each other in a row, never in a circle."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from operations.edges import money_tx
from operations.models import Approval
from operations.services import AlreadyDecided, grant_approval, reject_approval
from payments.gateway import Declined
from payments.gateway.stripe_adapter import StripeGateway
from payments.models import Attempt, Checkout, Dispute
from payments.services import instructed, instructions, register_attempt, sync_attempt, sync_dispute
from tests.committed import at_once, committed_db, committed_world, somebody_waits_for_a_lock
from tests.flows.test_authorise_and_capture import capture, reserve
from tests.payments.dispute_steps import hand_in, open_dispute
from tests.world import CHECKER, World

__all__ = ["committed_db", "committed_world"]


def until_somebody_waits() -> None:
    """Hold what is locked until another waits for some of it, or surely nobody does."""
    for _ in range(40):
        if somebody_waits_for_a_lock():
            return
        time.sleep(0.025)


def at_the_same_moment(attempt: Attempt, *, then: Callable[[], Any], act: Callable[[], Any]) -> list[Any]:
    """Do something while a verb has the attempt's checkout, and takes one thing more once somebody waits for it."""
    held = threading.Event()

    def lock_as_every_verb_does() -> None:
        with money_tx("payments.buyer_returned"):
            Checkout.objects.select_for_update().get(pk=attempt.checkout_id)
            held.set()
            until_somebody_waits()
            then()

    def act_meanwhile() -> Any:
        assert held.wait(10)
        return act()

    locked, done = at_once([lock_as_every_verb_does, act_meanwhile])
    return [locked and str(locked), done]


class TestACaptureThatIsRefused:
    def test_waits_in_no_circle_with_a_webhook(self, committed_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world = committed_world
        world.open_seller("ann")
        reserve(world, "cart-1", {"ann": "100.00"})
        found = Attempt.objects.get()
        looked, held = threading.Event(), threading.Event()
        shown, alive = instructions._shown, instructed.alive
        of_webhook: list[int] = []

        def no(*_: Any, **__: Any) -> Declined:
            return Declined(code="card_declined", message="no")

        def shown_before_the_webhook(*args: Any, **more: Any) -> bool:
            ended = shown(*args, **more)
            looked.set()
            assert held.wait(10)
            return ended

        def alive_later(attempt: Attempt) -> Any:
            if threading.get_ident() in of_webhook:
                held.set()
                until_somebody_waits()
            return alive(attempt)

        def webhook() -> None:
            of_webhook.append(threading.get_ident())
            assert looked.wait(10)
            sync_attempt(attempt=found.pk, now=timezone.now(), poll=False)

        monkeypatch.setattr(StripeGateway, "capture_payment", no)
        monkeypatch.setattr(instructions, "_shown", shown_before_the_webhook)
        monkeypatch.setattr(instructed, "alive", alive_later)

        answer, heard = at_once([lambda: capture(world), webhook])

        assert (answer.json()["code"], heard) == ("instruction_refused", None)


class TestAnAttemptThatIsGivenUp:
    def test_waits_in_no_circle_with_whoever_has_its_checkout(self, committed_world: World) -> None:
        world = committed_world
        world.open_seller("ann")
        world.provider.plan([{"op": "checkout.session.create", "action": "drop"}])
        world.order("cart-1", {"ann": "100.00"})
        found = Attempt.objects.get()

        done = at_the_same_moment(
            found,
            then=lambda: Attempt.objects.select_for_update().get(pk=found.pk),
            act=lambda: register_attempt(attempt=found.pk, now=timezone.now() + timedelta(hours=21)),
        )

        assert done == [None, None]
        assert Attempt.objects.get(pk=found.pk).state == "abandoned"


class TestAReviewThatIsCalledOff:
    @pytest.mark.parametrize("decide", [grant_approval, reject_approval])
    def test_ends_in_one_way_whoever_was_first(self, committed_world: World, settings: Any, decide: Any) -> None:
        world = committed_world
        settings.RISK_CHECK, settings.RISK_REVIEW_ABOVE_MINOR = "lists", {"EUR": 50_000}
        world.open_seller("ann")
        world.order("cart-1", {"ann": "900.00"})
        approval = Approval.objects.get()

        def decided() -> Any:
            return decide(approval_id=approval.pk, checker=CHECKER, now=timezone.now(), note="decided")

        answer, decision = at_once([lambda: world.shop.post("/v1/payments/cart-1/cancel", {}, key="c1"), decided])

        approval.refresh_from_db()
        if answer.status_code == 200:
            assert isinstance(decision, AlreadyDecided)
            assert (approval.state, world.status("cart-1.ann")) == ("withdrawn", "CANCELED")
        else:
            assert (answer.json()["code"], decision) == (
                "outcome_unknown" if decide is grant_approval else "not_cancelable",
                None,
            )
            assert world.status("cart-1.ann") in ("IN_REVIEW", "FAILED")

    def test_waits_in_no_circle_with_who_decides(self, committed_world: World, settings: Any) -> None:
        world = committed_world
        settings.RISK_CHECK, settings.RISK_REVIEW_ABOVE_MINOR = "lists", {"EUR": 50_000}
        world.open_seller("ann")
        world.order("cart-1", {"ann": "900.00"})
        approval, found, held = Approval.objects.get(), Attempt.objects.get(), threading.Event()

        def decide() -> None:
            with money_tx("payments.buyer_returned"):
                Approval.objects.select_for_update().get(pk=approval.pk)
                held.set()
                until_somebody_waits()
                Checkout.objects.select_for_update().get(pk=found.checkout_id)

        def cancel() -> Any:
            assert held.wait(10)
            return world.shop.post("/v1/payments/cart-1/cancel", {}, key="c1")

        decided, answer = at_once([decide, cancel])

        assert (decided, answer.status_code) == (None, 200)


class TestADisputeThatIsTold:
    def test_waits_in_no_circle_with_whoever_has_its_checkout(self, committed_world: World) -> None:
        world = committed_world
        world.open_seller("ann")
        world.sell("cart-1", {"ann": "100.00"})
        found = Attempt.objects.get()
        made = world.provider.open_dispute(str(found.charge_ref))

        done = at_the_same_moment(
            found,
            then=lambda: Attempt.objects.select_for_update().get(pk=found.pk),
            act=lambda: sync_dispute(psp_ref=made["id"], psp="stripe", now=timezone.now(), poll=False),
        )

        assert done == [None, None]
        assert Dispute.objects.get().state == "needs_response"

    def test_waits_in_no_circle_with_evidence_that_is_handed_in(self, committed_world: World) -> None:
        world = committed_world
        world.open_seller("ann")
        world.sell("cart-1", {"ann": "100.00"})
        found = open_dispute(world)

        heard, answer = at_the_same_moment(
            Attempt.objects.get(),
            then=lambda: Dispute.objects.select_for_update().get(pk=found.pk),
            act=lambda: hand_in(world, found),
        )

        assert (heard, answer.status_code) == (None, 202)
