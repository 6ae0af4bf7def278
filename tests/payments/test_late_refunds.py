"""Refunds that fail after they had succeeded, and refunds that wait for a second person."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from ledger.selectors import balance, wallet
from ledger.services import verify_books
from operations import database
from operations.models import Approval, HumanTask, Job
from operations.selectors import history, open_approval
from operations.services import NotASecondPerson, grant_approval, pull_switch, reject_approval
from payments.models import PaymentOrder, Refund, Seller, StorefrontEvent
from payments.services import tidy_up
from tests.api.problems import assert_problem
from tests.committed import at_once, committed_db, committed_world
from tests.database.attacks import attack
from tests.ledger_text import assert_posted
from tests.payments.test_refunds import at_provider, refund, refunded
from tests.world import CHECKER, World

__all__ = ["committed_db", "committed_world"]


def fail_late(world: World, row: Refund | None = None) -> None:
    """Let the provider find out that the buyer's bank did not take a refund."""
    found = row or Refund.objects.get()
    found.refresh_from_db()
    world.provider.end_refund(str(found.psp_ref), failed=True)
    world.settle()


def decide(*, granted: bool, by: str = CHECKER) -> None:
    """Decide the only refund that waits."""
    approval = open_approval(kind="payments.refund", subject=f"refund:{Refund.objects.get().pk}")
    assert approval is not None
    if granted:
        grant_approval(approval_id=approval.pk, checker=by, now=timezone.now())
    else:
        reject_approval(approval_id=approval.pk, checker=by, now=timezone.now(), note="ask the buyer first")


def told(world: World) -> list[str]:
    """Return what the shop would be told, by type."""
    return list(StorefrontEvent.objects.order_by("pk").values_list("type", flat=True))


class TestARefundThatFailsLate:
    def test_is_asked_of_finance_because_the_buyer_has_nothing(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "40.00")
        world.settle()

        fail_late(world)

        task = HumanTask.objects.get()
        assert (task.kind, task.waits_for) == ("payments.refund_failed", "finance")
        assert "40.00 EUR of cart-1.ann" in task.reason

    def test_is_undone_in_the_books_as_it_was_booked(self, world: World, ann: Seller) -> None:
        checkout = world.sell("cart-1", {"ann": "100.00"})
        refund(world, "40.00")
        world.settle()

        fail_late(world)

        row = Refund.objects.get()
        assert (row.state, refunded(world)) == ("failed", "0.00")
        assert [move.event for move in history(machine="refund", subject_id=row.pk)] == ["send", "succeed", "fail_late"]
        assert told(world)[-2:] == ["refund.succeeded", "refund.failed"]
        assert_posted(
            f"checkout:{checkout.pk}",
            {
                "payment_captured": """
                    debit   psp:stripe:clearing  100.00 EUR
                    credit  seller:ann:pending    90.00 EUR
                    credit  platform:commission   10.00 EUR
                """,
                "provider_fee_charged": """
                    debit   psp:stripe:fees        3.20 EUR
                    credit  psp:stripe:clearing    3.20 EUR
                """,
                "refund_succeeded": """
                    debit   seller:ann:pending    36.00 EUR
                    debit   platform:commission    4.00 EUR
                    credit  psp:stripe:clearing   40.00 EUR
                """,
                "refund_failed_late": """
                    debit   psp:stripe:clearing   40.00 EUR
                    credit  seller:ann:pending    36.00 EUR
                    credit  platform:commission    4.00 EUR
                """,
            },
            names={ann.id: "ann"},
        )
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_is_undone_once_however_often_the_provider_says_so(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "40.00")
        world.settle()
        fail_late(world)

        assert world.provider.hold_again() > 0
        world.settle()

        assert (refunded(world), wallet(seller=ann.id, currency="EUR").pending.text) == ("0.00", "90.00")

    def test_makes_the_order_refundable_again(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world)
        world.settle()
        fail_late(world)

        assert refund(world, key="r2").status_code == 201
        world.settle()

        assert at_provider(world) == [10_000]
        assert balance(code="platform:commission", currency="EUR").minor == 0

    def test_leaves_the_commission_right_to_the_cent_for_the_others(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "10.01"})
        for number, part in enumerate(["3.33", "0.05", "3.33"]):
            refund(world, part, key=f"r{number}")
            world.settle()
        fail_late(world, Refund.objects.get(amount_minor=5))

        for number, part in enumerate(["0.05", "3.30"]):
            assert refund(world, part, key=f"again{number}").status_code == 201
            world.settle()

        assert balance(code="platform:commission", currency="EUR").minor == 0
        assert wallet(seller=ann.id, currency="EUR").pending.minor == 0

    def test_gives_back_as_available_what_was_released_meanwhile(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "40.00")
        world.settle()
        world.deliver_goods("cart-1.ann")
        world.release()

        fail_late(world)

        found = wallet(seller=ann.id, currency="EUR")
        assert (found.pending.text, found.available.text) == ("0.00", "90.00")

    def test_of_all_is_released_although_the_delivery_had_nothing_to_release(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world)
        world.settle()
        world.deliver_goods("cart-1.ann")
        world.release()

        fail_late(world)
        world.release()

        found = wallet(seller=ann.id, currency="EUR")
        assert (found.pending.text, found.available.text) == ("0.00", "90.00")

    def test_after_the_payout_takes_the_debt_back(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        world.deliver_goods("cart-1.ann")
        world.release()
        world.pay_out()
        refund(world, "40.00")
        world.settle()
        assert wallet(seller=ann.id, currency="EUR").receivable.text == "36.00"

        fail_late(world)

        found = wallet(seller=ann.id, currency="EUR")
        assert (found.receivable.text, found.available.text) == ("0.00", "0.00")

    def test_gives_back_as_available_what_the_seller_had_paid_of_the_debt(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        world.deliver_goods("cart-1.ann")
        world.release()
        world.pay_out()
        refund(world, "40.00")
        world.settle()
        world.sell("cart-2", {"ann": "20.00"})
        world.deliver_goods("cart-2.ann")
        world.release()
        found = wallet(seller=ann.id, currency="EUR")
        assert (found.receivable.text, found.available.text) == ("18.00", "0.00")

        fail_late(world)

        found = wallet(seller=ann.id, currency="EUR")
        assert (found.receivable.text, found.available.text) == ("0.00", "18.00")
        assert verify_books(actor="system:test", now=timezone.now()).green


class TestARefundAboveTheLimit:
    @pytest.fixture(autouse=True)
    def limit(self, settings: Any) -> None:
        settings.REFUND_APPROVAL_LIMIT_MINOR = {"EUR": 5_000}

    def test_waits_for_a_second_person(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        answer = refund(world, "50.01")
        world.settle()

        body = answer.json()
        assert (answer.status_code, body["status"], body["waiting_for_approval"]) == (201, "requested", True)
        assert (at_provider(world), refunded(world)) == ([], "50.01")

    def test_is_above_it_in_parts_too(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        parts = [refund(world, "30.00", key=f"r{number}").json() for number in range(2)]

        assert [part["waiting_for_approval"] for part in parts] == [False, True]

    def test_has_no_way_around_it_in_a_currency_without_a_limit(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"}, currency="USD")
        body = {"payment_order_id": "cart-1.ann", "amount": "1.00", "currency": "USD"}

        assert world.shop.post("/v1/refunds", body, key="r1").json()["waiting_for_approval"] is True

    def test_is_sent_once_it_is_granted(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "50.01")

        decide(granted=True)
        world.settle()

        row = Refund.objects.get()
        assert (row.state, row.approved_by, at_provider(world)) == ("succeeded", CHECKER, [5_001])
        events = [move.event for move in history(machine="refund", subject_id=row.pk)]
        assert events == ["approve", "send", "succeed"]

    def test_is_sent_however_late_it_is_granted(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "50.01")
        for hours in (1, 2):
            tidy_up(now=timezone.now() + timedelta(hours=hours))
            world.work(later=timedelta(hours=hours))

        decide(granted=True)
        world.settle()

        assert (Refund.objects.get().state, at_provider(world)) == ("succeeded", [5_001])

    def test_is_sent_where_its_job_was_lost(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "50.01")
        decide(granted=True)
        Job.objects.filter(kind="payments.send_refund").delete()

        assert tidy_up(now=timezone.now() + timedelta(minutes=5)).revived == 1
        world.work(later=timedelta(minutes=5))

        assert (Refund.objects.get().state, at_provider(world)) == ("succeeded", [5_001])

    def test_is_called_off_when_it_is_rejected(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "50.01")

        decide(granted=False)
        world.settle()

        assert (Refund.objects.get().state, refunded(world), at_provider(world)) == ("canceled", "0.00", [])
        assert told(world)[-1] == "refund.canceled"

    def test_is_not_granted_by_who_asked_for_it(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "50.01")

        with pytest.raises(NotASecondPerson):
            decide(granted=True, by=Refund.objects.get().requested_by)

        assert Refund.objects.get().state == "requested"

    def test_keeps_its_place_under_the_cap_while_it_waits(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "60.00")

        assert_problem(refund(world, "40.01", key="r2"), 422, "refund_exceeds_paid", field="amount")

    def test_is_the_same_refund_when_it_is_asked_for_again(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        first, again = refund(world, "60.00"), refund(world, "60.00")

        assert first.json()["id"] == again.json()["id"]
        assert (Refund.objects.count(), Approval.objects.count()) == (1, 1)

    def test_is_not_granted_while_refunds_are_stopped(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "60.00")
        pull_switch(name="refunds", reason="trouble", actor="user:oscar", now=timezone.now())

        with pytest.raises(Exception, match="refunds"):
            decide(granted=True)

        assert (Refund.objects.get().state, Approval.objects.get().state) == ("requested", "requested")

    def test_is_not_sent_when_refunds_were_stopped_after_it_was_asked_for(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "50.00")
        pull_switch(name="refunds", reason="trouble", actor="user:oscar", now=timezone.now())

        world.settle()

        assert (at_provider(world), Refund.objects.get().state) == ([], "requested")

    def test_up_to_the_limit_needs_nobody(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})

        assert refund(world, "50.00").json()["waiting_for_approval"] is False
        world.settle()

        assert at_provider(world) == [5_000]

    @pytest.mark.parametrize(
        ("statement", "match"),
        [
            ("UPDATE payments_refund SET state = 'sending'", "refund_above_limit_is_approved"),
            ("UPDATE payments_refund SET state = 'approved', approved_by = 'user:anna'", "was not granted by"),
            ("UPDATE payments_refund SET needs_approval = false", "is frozen"),
            ("UPDATE payments_refund SET requested_by = 'user:nobody'", "is frozen"),
        ],
    )
    def test_is_not_sent_by_raw_sql(self, world: World, ann: Seller, statement: str, match: str) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "60.00")

        attack(statement, match=match)


class TestTheCap:
    """What PostgreSQL refuses about the refunds of one order, whoever asks."""

    COPY = """
        INSERT INTO payments_refund (id, order_id, amount_minor, currency, reason, psp_key, params, state, last_error,
                                     requested_by, needs_approval, created_at, state_since)
        SELECT 'rfd_forged', order_id, {amount}, '{currency}', '', 'refund:forged', '{{}}', 'requested', '', 'attacker',
               false, created_at, created_at
        FROM payments_refund LIMIT 1
    """

    @pytest.fixture(autouse=True)
    def refunded_in_part(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "60.00")

    def test_refuses_a_refund_that_nothing_is_reserved_for(self) -> None:
        attack(self.COPY.format(amount=1, currency="EUR"), match="exceed the 6000 that is reserved")

    def test_refuses_a_refund_in_another_currency(self) -> None:
        attack(
            "UPDATE payments_paymentorder SET refunded_minor = 10000;" + self.COPY.format(amount=1, currency="USD"),
            match="in the currency that was charged",
        )

    def test_refuses_to_take_a_reservation_away_from_a_refund(self) -> None:
        attack("UPDATE payments_paymentorder SET refunded_minor = 5999", match="would be reserved")

    def test_refuses_to_reserve_more_than_was_paid(self) -> None:
        attack("UPDATE payments_paymentorder SET refunded_minor = 10001", match="order_refunds_within_captured")

    def test_lets_through_what_was_reserved(self, world: World) -> None:
        assert refund(world, "40.00", key="r2").status_code == 201
        assert PaymentOrder.objects.get().refunded_minor == 10_000


class TestTheCapAtOnce:
    """Two writers behind our back, each of whom alone would be within the cap."""

    FORGED = """
        INSERT INTO payments_refund (id, order_id, amount_minor, currency, reason, psp_key, params, state, last_error,
                                     requested_by, needs_approval, created_at, state_since)
        SELECT 'rfd_{n}', id, 6000, 'EUR', '', 'refund:{n}', '{{}}', 'requested', '', 'attacker', false, now(), now()
        FROM payments_paymentorder
    """

    def test_lets_one_of_them_through(self, committed_world: World) -> None:
        committed_world.open_seller("ann")
        committed_world.sell("cart-1", {"ann": "100.00"})
        PaymentOrder.objects.update(refunded_minor=10_000)

        def forge(number: int) -> bool:
            try:
                with transaction.atomic():
                    database.execute(self.FORGED.format(n=number))
            except DatabaseError:
                return False
            return True

        assert sorted(at_once([partial(forge, number) for number in range(4)])) == [False, False, False, True]
