"""Disputes of which the provider gives back a part: what it keeps is lost once it is decided, whoever is told when."""

from dataclasses import replace

import pytest
from django.utils import timezone

from ledger.money import Money
from ledger.selectors import balance
from operations.edges import money_tx
from operations.models import Job
from payments.gateway import DisputeFacts, DisputeMovement, DisputeStatus, Succeeded, provider
from payments.models import Dispute, Seller
from payments.services.disputes import record_facts
from payments.waits import disputes_wait
from tests.payments.dispute_steps import open_dispute
from tests.payments.test_disputes import green, owed
from tests.world import World


def euros(minor: int) -> Money:
    """Return an amount in euros."""
    return Money(minor, "EUR")


@pytest.fixture
def facts(world: World, sold: Seller) -> DisputeFacts:
    """Ann's 100.00 are disputed, and withdrawn."""
    found = provider().fetch_dispute(open_dispute(world).psp_ref)
    assert isinstance(found, Succeeded)
    return found.value


def moved(facts: DisputeFacts, *minors: int) -> DisputeFacts:
    """Return the facts with more movements, each without a fee."""
    more = tuple(
        DisputeMovement(
            psp_ref=f"txn_{len(facts.movements) + n}", amount=euros(minor), fee=euros(0), created_at=facts.created_at
        )
        for n, minor in enumerate(minors)
    )
    return replace(facts, movements=(*facts.movements, *more))


def hear(facts: DisputeFacts, status: DisputeStatus) -> Dispute:
    """Take over what the provider says, twice, as it may be told."""
    for _ in range(2):
        with money_tx("test"):
            record_facts(replace(facts, status=status), psp="stripe", now=timezone.now())
    return Dispute.objects.get()


def withdrawn() -> str:
    """Return what stands on disputes:open."""
    return balance(code="disputes:open", currency="EUR").text


class TestADisputeThatIsLostInPart:
    def test_is_lost_by_what_the_provider_keeps(self, sold: Seller, facts: DisputeFacts) -> None:
        found = hear(moved(facts, 4_000), DisputeStatus.LOST)

        assert (found.withdrawn.text, withdrawn(), owed(sold)) == ("60.00", "0.00", ("36.00", "0.00", "0.00"))
        assert green()

    def test_is_lost_by_the_same_where_the_verdict_is_told_first(self, sold: Seller, facts: DisputeFacts) -> None:
        hear(facts, DisputeStatus.LOST)

        found = hear(moved(facts, 4_000), DisputeStatus.LOST)

        assert (found.withdrawn.text, withdrawn(), owed(sold)) == ("60.00", "0.00", ("36.00", "0.00", "0.00"))

    def test_is_lost_by_the_same_where_the_money_came_back_before_the_verdict(
        self, sold: Seller, facts: DisputeFacts
    ) -> None:
        hear(moved(facts, 4_000), DisputeStatus.UNDER_REVIEW)
        assert withdrawn() == "60.00"

        hear(moved(facts, 4_000), DisputeStatus.LOST)

        assert (withdrawn(), owed(sold)) == ("0.00", ("36.00", "0.00", "0.00"))

    def test_may_come_back_in_more_parts_after_it(self, sold: Seller, facts: DisputeFacts) -> None:
        hear(moved(facts, 4_000), DisputeStatus.LOST)

        found = hear(moved(facts, 4_000, 5_000, 1_000), DisputeStatus.LOST)

        assert (found.withdrawn.text, withdrawn(), owed(sold)) == ("0.00", "0.00", ("90.00", "0.00", "0.00"))
        assert green()


class TestADisputeThatIsWon:
    def test_is_asked_for_until_all_of_it_is_back(self, sold: Seller, facts: DisputeFacts) -> None:
        found = hear(moved(facts, 4_000), DisputeStatus.WON)

        assert Job.objects.get(kind="payments.sync_dispute").state == "todo"
        assert disputes_wait(disputes=[found])[found.pk].what == "to give the money back"

        found = hear(moved(facts, 4_000, 6_000), DisputeStatus.WON)
        assert Job.objects.get(kind="payments.sync_dispute").state == "done"
        assert disputes_wait(disputes=[found]) == {}

    def test_may_come_back_in_parts(self, sold: Seller, facts: DisputeFacts) -> None:
        hear(moved(facts, 4_000), DisputeStatus.WON)

        hear(moved(facts, 4_000, 3_500), DisputeStatus.WON)
        assert withdrawn() == "25.00"

        hear(moved(facts, 4_000, 3_500, 2_500), DisputeStatus.WON)
        assert (withdrawn(), owed(sold)) == ("0.00", ("90.00", "0.00", "0.00"))

    def test_and_then_lost_after_all_loses_what_did_not_come_back(self, sold: Seller, facts: DisputeFacts) -> None:
        hear(moved(facts, 4_000), DisputeStatus.WON)

        hear(moved(facts, 4_000), DisputeStatus.LOST)

        assert (withdrawn(), owed(sold)) == ("0.00", ("36.00", "0.00", "0.00"))


class TestADisputeThatIsWithdrawnAgainAfterALoss:
    def test_is_lost_again_where_the_first_loss_came_back(self, sold: Seller, facts: DisputeFacts) -> None:
        hear(facts, DisputeStatus.LOST)
        hear(moved(facts, 6_000, 4_000), DisputeStatus.LOST)
        assert owed(sold) == ("90.00", "0.00", "0.00")

        found = hear(moved(facts, 6_000, 4_000, -10_000), DisputeStatus.LOST)

        assert (found.withdrawn.text, withdrawn(), owed(sold)) == ("100.00", "0.00", ("0.00", "0.00", "0.00"))
        assert green()

    def test_may_come_back_once_more(self, sold: Seller, facts: DisputeFacts) -> None:
        hear(facts, DisputeStatus.LOST)
        for movements in ((10_000,), (10_000, -10_000), (10_000, -10_000, 10_000)):
            found = hear(moved(facts, *movements), DisputeStatus.LOST)

        assert (found.withdrawn.text, withdrawn(), owed(sold)) == ("0.00", "0.00", ("90.00", "0.00", "0.00"))


class TestASecondRoundOfADisputeThatCameBackInParts:
    def test_is_open_again(self, sold: Seller, facts: DisputeFacts) -> None:
        hear(moved(facts, 4_000, 6_000), DisputeStatus.WON)

        found = hear(moved(facts, 4_000, 6_000, -10_000), DisputeStatus.APPEAL_NEEDS_RESPONSE)

        assert (found.state, withdrawn()) == ("appeal_needs_response", "100.00")


class TestTwoDisputesOfOneCharge:
    def test_leave_to_the_second_nothing_that_we_bore_in_the_first(
        self, world: World, ann: Seller, bob: Seller
    ) -> None:
        Seller.objects.filter(pk=bob.pk).update(disputes_borne_by="platform")
        world.sell("cart-1", {"ann": "60.00", "bob": "40.00"})
        found = provider().fetch_dispute(open_dispute(world, amount=5_000).psp_ref)
        assert isinstance(found, Succeeded)

        for name in (found.value.psp_ref, "du_second"):
            movements = [replace(each, psp_ref=f"txn_of_{name}") for each in found.value.movements]
            facts = replace(found.value, psp_ref=name, status=DisputeStatus.LOST, movements=tuple(movements))
            with money_tx("test"):
                record_facts(facts, psp="stripe", now=timezone.now())

        assert (owed(ann), owed(bob)) == (("0.00", "0.00", "0.00"), ("36.00", "0.00", "0.00"))
        assert balance(code="losses:disputes", currency="EUR").text == "40.00"
        green()
