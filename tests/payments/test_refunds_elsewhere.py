"""Refunds that somebody made in the provider's dashboard: facts, so they are booked, or a person is asked."""

from datetime import timedelta
from typing import Any

import pytest
import requests
import stripe
from django.utils import timezone

from ledger.selectors import wallet
from ledger.services import TypedLine, draft_journal, submit_journal, verify_books
from operations.models import HumanTask
from operations.selectors import open_approval
from operations.services import close_task, grant_approval
from payments.models import PaymentOrder, Refund, Seller, StorefrontEvent, WebhookEvent
from payments.services import tidy_up
from tests.payments.test_refunds import refund
from tests.world import CHECKER, MAKER, World


def refund_there(world: World, amount: int) -> None:
    """Refund the only charge, in cents, and take it over."""
    refund_at_provider(world, amount)
    world.settle()


def refund_at_provider(world: World, amount: int, *, charge: str = "") -> None:
    """Refund a charge, or the only one, in cents, as a person in the provider's dashboard can."""
    if not charge:
        [charge] = [one["id"] for one in world.provider.ledger()["charges"]]
    answer = requests.post(
        f"{world.provider.base_url}/v1/refunds",
        data={"charge": charge, "amount": amount},
        headers={"Authorization": "Bearer sk_test_sandbox", "Stripe-Version": stripe.api_version},
        timeout=5,
    )
    assert answer.status_code == 200, answer.text


def book_by_hand(item: str, amount: str) -> None:
    """Book a refund as finance does: a journal of what ann has, from the provider, under the provider's own object."""
    seller = Seller.objects.get(seller_id="ann")
    line = {"currency": "EUR"}
    journal = draft_journal(
        lines=[
            TypedLine(account=f"seller:{seller.pk}:pending", debit=amount, credit="", item="cart-1.ann", **line),
            TypedLine(account="psp:stripe:clearing", debit="", credit=amount, item=item, **line),
        ],
        description="refunded in the dashboard: ann's part, says support",
        actor=MAKER,
        now=timezone.now(),
    )
    submit_journal(journal_id=journal.pk, actor=MAKER, now=timezone.now())
    waiting = open_approval(kind="ledger.manual_journal", subject=f"manual_journal:{journal.pk}")
    assert waiting is not None
    grant_approval(approval_id=waiting.pk, checker=CHECKER, now=timezone.now())


def order() -> tuple[str, str]:
    """Return what was captured of the only order, and what is given back or reserved for it."""
    found = PaymentOrder.objects.get()
    return found.captured.text, found.refunded.text


class TestARefundMadeAtTheProvider:
    def test_is_booked_as_one_of_ours_is(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        refund_there(world, 2_500)

        row = Refund.objects.get()
        assert (row.state, row.amount.text, row.requested_by) == ("succeeded", "25.00", "psp:stripe")
        assert (order(), wallet(seller=ann.id, currency="EUR").pending.text) == (("100.00", "25.00"), "67.50")
        assert StorefrontEvent.objects.filter(type="refund.succeeded").count() == 1
        assert verify_books(actor="system:test", now=timezone.now()).green
        assert set(world.reconciled()) == {"matched"}

    def test_is_booked_once_however_often_it_is_told(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund_there(world, 2_500)

        for event in WebhookEvent.objects.filter(type__startswith="refund."):
            WebhookEvent.objects.filter(pk=event.pk).update(state="received", handled_at=None)
        world.settle()

        assert (Refund.objects.count(), order()) == (1, ("100.00", "25.00"))

    def test_needs_no_second_person_because_it_is_done(self, world: World, ann: Seller, settings: Any) -> None:
        settings.REFUND_APPROVAL_LIMIT_MINOR = {"EUR": 100}
        world.sell("cart-1", {"ann": "100.00"})

        refund_there(world, 10_000)

        assert (Refund.objects.get().state, order()) == ("succeeded", ("100.00", "100.00"))

    def test_that_failed_late_is_given_back(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund_there(world, 2_500)

        world.provider.end_refund(str(Refund.objects.get().psp_ref), failed=True)
        world.settle()

        assert (Refund.objects.get().state, order()) == ("failed", ("100.00", "0.00"))
        assert wallet(seller=ann.id, currency="EUR").pending.text == "90.00"

    @pytest.mark.parametrize("baskets", [{"ann": "60.00", "bob": "40.00"}])
    def test_is_asked_of_a_person_where_it_does_not_say_whose_sale_it_takes_back(
        self, world: World, ann: Seller, bob: Seller, baskets: dict[str, str]
    ) -> None:
        world.sell("cart-1", baskets)

        refund_there(world, 2_500)

        task = HumanTask.objects.get()
        assert (task.kind, task.waits_for, Refund.objects.count()) == ("payments.refund_elsewhere", "finance", 0)
        assert "25.00 EUR" in task.reason
        assert WebhookEvent.objects.filter(type="refund.created", state="parked").count() == 1

    def test_is_asked_about_by_itself_beside_another(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "60.00", "bob": "40.00"})

        refund_there(world, 2_500)
        refund_there(world, 1_000)

        asked = HumanTask.objects.order_by("id").values_list("kind", "state", "reason")
        assert [(kind, state) for kind, state, _ in asked] == [("payments.refund_elsewhere", "open")] * 2
        assert ["25.00 EUR" in asked[0][2], "10.00 EUR" in asked[1][2]] == [True, True]

    def test_is_asked_of_a_person_where_less_is_left_of_the_order(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        PaymentOrder.objects.update(refunded_minor=9_000)

        refund_there(world, 2_500)

        assert (HumanTask.objects.get().kind, Refund.objects.count()) == ("payments.refund_elsewhere", 0)

    def test_is_a_question_no_more_once_finance_has_booked_it(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "60.00", "bob": "40.00"})
        refund_there(world, 2_500)
        refund_there(world, 1_000)
        first, second = HumanTask.objects.order_by("id")
        book_by_hand(first.item, "25.00")

        tidy_up(now=timezone.now())

        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.state, first.closed_by, second.state) == ("settled", "system:answered", "open")
        assert first.note == "it is in the books"

    def test_is_not_asked_about_again_once_finance_has_booked_it(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "60.00", "bob": "40.00"})
        refund_there(world, 2_500)
        task = HumanTask.objects.get()
        book_by_hand(task.item, "25.00")
        close_task(task_id=task.pk, actor=MAKER, note="booked", now=timezone.now())

        world.work(later=timedelta(hours=1))

        assert HumanTask.objects.get().state == "done"
        assert not WebhookEvent.objects.filter(state="parked").exists()
        assert set(world.reconciled()) == {"matched"}

    def test_stays_a_question_while_the_books_have_another_amount(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "60.00", "bob": "40.00"})
        refund_there(world, 2_500)
        book_by_hand(HumanTask.objects.get().item, "20.00")

        tidy_up(now=timezone.now())

        assert HumanTask.objects.get().state == "open"

    def test_is_a_question_no_more_once_it_could_be_taken_over(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        PaymentOrder.objects.update(refunded_minor=9_000)
        refund_there(world, 2_500)
        PaymentOrder.objects.update(refunded_minor=0)

        world.work(later=timedelta(hours=1))

        assert (HumanTask.objects.get().state, Refund.objects.get().state) == ("settled", "succeeded")

    def test_is_a_question_no_more_once_it_failed(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "60.00", "bob": "40.00"})
        refund_there(world, 2_500)

        world.provider.end_refund(HumanTask.objects.get().item, failed=True)
        world.settle()

        assert (HumanTask.objects.get().state, HumanTask.objects.get().note) == ("settled", "it took nothing")

    def test_leaves_room_for_one_of_ours(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund_there(world, 2_500)

        assert refund(world, "75.00").status_code == 201
        world.settle()

        assert [row.state for row in Refund.objects.all()] == ["succeeded", "succeeded"]
        assert order() == ("100.00", "100.00")
