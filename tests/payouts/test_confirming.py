"""Learning what became of a payout: by webhook, by asking, and long after it was paid."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.services import verify_books
from operations.models import Job
from payments.models import Seller
from payouts.models import Batch, Payout
from tests.ledger_text import assert_balances, assert_posted
from tests.payouts.steps import (
    at_the_provider,
    available,
    dead_letters,
    forget_hints,
    in_transit,
    states,
    transfer_posts,
    transferred,
    work_later,
)
from tests.world import World

pytestmark = pytest.mark.django_db


def reverse(world: World, payout: Payout, **form: Any) -> str:
    """Take a paid-out payout's money back at the provider, whole or in part; return the reversal's id."""
    payout.refresh_from_db()
    return str(at_the_provider(world, f"/v1/transfers/{payout.psp_ref}/reversals", **form)["id"])


class TestConfirmPayout:
    def test_books_a_payout_whose_webhooks_were_all_lost(self, world: World, payout: Payout, ann: Seller) -> None:
        work_later(world, seconds=5)
        lost = world.provider.take_webhooks()

        assert "transfer.created" in {message["type"] for message in lost}
        assert states() == ["paid"]
        assert_posted(
            f"payout:{payout.pk}",
            {
                "payout_reserved": """
                    debit   seller:ann:available   90.00 EUR
                    credit  payouts:in_transit     90.00 EUR
                """,
                "payout_paid": """
                    debit   payouts:in_transit     90.00 EUR
                    credit  psp:stripe:clearing    90.00 EUR
                """,
            },
            names={ann.id: "ann"},
        )

    def test_happens_by_the_webhook_when_our_own_job_does_not_run(self, world: World, payout: Payout) -> None:
        world.work()
        forget_hints("payouts.confirm_payout")
        assert states() == ["sent"]

        world.settle()

        assert states() == ["paid"]
        assert Job.objects.get(kind="payouts.confirm_payout").state == "todo"
        work_later(world, days=2)
        assert (states(), in_transit(), dead_letters()) == (["paid"], "0.00", [])

    def test_takes_a_webhook_that_came_three_times(self, world: World, payout: Payout) -> None:
        world.work()
        messages = world.provider.take_webhooks()

        for message in messages * 3:
            assert world.deliver(message).status_code == 200
        world.settle()

        assert (states(), in_transit()) == (["paid"], "0.00")

    def test_takes_a_webhook_that_came_before_our_own_record(self, world: World, payout: Payout) -> None:
        world.provider.plan([{"op": "transfer.create", "action": "timeout_after_commit"}])
        world.work()
        assert states() == ["unknown"]
        world.deliver_webhooks()
        world.work()

        work_later(world, minutes=5)

        assert (states(), transferred(world), dead_letters()) == (["paid"], [9_000], [])
        assert len(transfer_posts(world)) == 1

    @pytest.mark.parametrize("action", ["drop", "error_5xx", "garbage", "html", "error_429"])
    def test_asks_again_when_the_provider_does_not_answer(self, world: World, payout: Payout, action: str) -> None:
        world.provider.plan([{"op": "transfer.retrieve", "action": action, "times": 3}])

        work_later(world, minutes=2)

        assert (states(), in_transit(), dead_letters()) == (["paid"], "0.00", [])

    def test_never_books_a_transfer_of_another_amount(self, world: World, payout: Payout) -> None:
        world.provider.plan(
            [{"op": "transfer.retrieve", "action": "wrong_amount", "args": {"delta_minor": 100}, "times": 0}]
        )

        work_later(world, minutes=5)

        assert (states(), in_transit()) == (["sent"], "90.00")
        [(kind, error)] = dead_letters()
        assert kind == "payouts.confirm_payout"
        assert error.startswith("TransferMismatch")
        assert "91.00 EUR" in error
        assert "90.00 EUR" in error


class TestAReversedTransfer:
    def test_returns_the_money_to_the_seller(self, world: World, payout: Payout, ann: Seller) -> None:
        world.settle()

        reversal = reverse(world, payout)
        world.settle()

        assert states() == ["returned"]
        assert_balances(
            """
            debit   psp:stripe:clearing    96.80 EUR
            debit   psp:stripe:fees         3.20 EUR
            credit  seller:ann:available   90.00 EUR
            credit  platform:commission    10.00 EUR
            """,
            names={ann.id: "ann"},
        )
        assert reversal.startswith("trr_")
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_is_booked_when_it_happened_before_we_ever_asked(self, world: World, payout: Payout, ann: Seller) -> None:
        world.work()
        forget_hints("payouts.confirm_payout")
        reverse(world, payout)

        world.settle()

        assert (states(), available(ann), in_transit()) == (["returned"], "90.00", "0.00")
        assert Batch.objects.get().state == "completed"

    def test_is_booked_in_parts_as_it_came(self, world: World, payout: Payout, ann: Seller) -> None:
        world.settle()

        reverse(world, payout, amount=3_000)
        world.settle()
        assert (states(), available(ann)) == (["paid"], "30.00")
        reverse(world, payout)
        world.settle()

        assert (states(), available(ann)) == (["returned"], "90.00")

    def test_is_booked_once_however_often_we_hear_of_it(self, world: World, payout: Payout, ann: Seller) -> None:
        world.settle()
        reverse(world, payout)
        messages = world.provider.take_webhooks()

        for message in messages * 2:
            world.deliver(message)
        world.settle()

        assert available(ann) == "90.00"

    def test_can_be_paid_out_again(self, world: World, payout: Payout, ann: Seller) -> None:
        world.settle()
        reverse(world, payout)
        world.settle()

        again = world.pay_out()

        [second] = again.payouts.all()
        assert (second.state, second.amount.text) == ("paid", "90.00")
        assert [item.recipe for item in second.items.all()] == ["payout_returned"]
        assert (available(ann), transferred(world)) == ("0.00", [9_000, 9_000])


class TestAnEventAboutSomethingUnknown:
    def test_is_asked_for_again_and_ends_as_a_dead_letter(self, world: World, ann_with_90: Seller) -> None:
        at_the_provider(world, "/v1/transfers", amount=100, currency="eur", destination=ann_with_90.psp_account)
        world.deliver_webhooks()

        for number in range(1, 81):
            world.work(later=timedelta(hours=number))

        [(kind, error)] = dead_letters()
        assert kind == "payments.handle_event"
        assert "is not known here yet" in error
        assert in_transit() == "0.00"
