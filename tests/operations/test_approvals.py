"""Four eyes as data: the database itself knows that maker and checker are two people."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ledger.money import Money
from operations import database
from operations.models import Approval
from operations.services import AlreadyDecided, NotASecondPerson, grant_approval, reject_approval
from payments.models import Seller
from payouts.models import Batch, Payout
from tests.world import CHECKER, MAKER, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(world: World, ann: Seller) -> Batch:
    """A proposed batch that pays ann 90.00."""
    world.sell("cart-1", {"ann": "100.00"})
    world.deliver_goods("cart-1.ann")
    world.release()
    return world.propose()


class TestGrantApproval:
    def test_refuses_the_maker(self, world: World, batch: Batch) -> None:
        with pytest.raises(NotASecondPerson):
            world.approve(batch, by=MAKER)

        assert Batch.objects.get().state == "proposed"

    def test_refuses_a_second_decision(self, world: World, batch: Batch) -> None:
        approval = Approval.objects.get()
        grant_approval(approval_id=approval.pk, checker=CHECKER, now=timezone.now())

        with pytest.raises(AlreadyDecided):
            grant_approval(approval_id=approval.pk, checker="user:third", now=timezone.now())

    def test_carries_out_what_was_asked(self, world: World, batch: Batch) -> None:
        world.approve(batch)

        assert Batch.objects.get().state == "approved"
        assert {payout.state for payout in Payout.objects.all()} == {"approved"}


class TestRejectApproval:
    def test_gives_the_reserved_money_back(self, world: World, batch: Batch, ann: Seller) -> None:
        answer = world.shop.get("/v1/sellers/ann").json()
        assert answer["balances"][0]["available"] == "0.00"

        reject_approval(approval_id=Approval.objects.get().pk, checker=CHECKER, now=timezone.now(), note="not today")

        answer = world.shop.get("/v1/sellers/ann").json()
        assert answer["balances"][0]["available"] == "90.00"
        assert Batch.objects.get().state == "canceled"


def attack(statement: str, *, match: str) -> None:
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        database.execute(statement)


class TestTheDatabase:
    """Raw SQL against the second person."""

    def test_refuses_a_checker_who_is_the_maker(self, batch: Batch) -> None:
        attack(
            f"UPDATE operations_approval SET state = 'granted', checker = '{MAKER}'",
            match="approval_maker_is_not_checker",
        )
        attack(
            f"UPDATE payouts_batch SET state = 'approved', decided_by = '{MAKER}'", match="batch_maker_is_not_checker"
        )

    def test_refuses_a_grant_by_nobody(self, batch: Batch) -> None:
        attack("UPDATE operations_approval SET state = 'granted'", match="approval_granted_has_checker")
        attack("UPDATE payouts_batch SET state = 'approved'", match="batch_decided_by_somebody")

    def test_refuses_to_change_what_was_asked_for(self, batch: Batch) -> None:
        attack("UPDATE operations_approval SET payload = '{}'", match="cannot be changed")
        attack("UPDATE operations_approval SET maker = 'user:somebody'", match="cannot be changed")
        attack("UPDATE payouts_payout SET amount_minor = amount_minor * 10", match="is fixed")
        attack("UPDATE payouts_payout SET destination = 'acct_thief'", match="is fixed")

    def test_refuses_to_send_a_payout_that_no_second_person_approved(self, batch: Batch) -> None:
        attack("UPDATE payouts_payout SET state = 'approved'", match="not approved by a second person")

    def test_refuses_to_skip_a_state(self, world: World, batch: Batch) -> None:
        world.approve(batch)

        attack("UPDATE payouts_payout SET state = 'paid'", match="cannot move from approved to paid")

    def test_has_the_money_reserved_meanwhile(self, batch: Batch) -> None:
        assert batch.total == Money(9_000, "EUR")
