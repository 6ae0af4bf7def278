"""A sale taken back twice, by a refund and by a dispute; and disputes that are lost before they are withdrawn."""

from dataclasses import replace

import pytest
from django.utils import timezone

from ledger.selectors import balance
from operations.edges import money_tx
from payments.gateway import DisputeFacts, DisputeStatus, Succeeded, provider
from payments.models import Dispute, Refund, Seller
from payments.services.disputes import record_facts
from tests.ledger_text import assert_balances
from tests.payments.dispute_steps import charge_of, decide, open_dispute, told
from tests.payments.test_disputes import green, owed
from tests.payments.test_refunds import SLOW_REFUNDS, refund
from tests.world import World


class TestARefundThatIsUnderWayWhenTheSaleIsLost:
    """Ann's 100.00 are disputed and lost while a refund of 40.00, asked for before, has not ended."""

    @pytest.fixture(autouse=True)
    def lost(self, world: World, ann: Seller) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}), card=SLOW_REFUNDS)
        world.settle()
        refund(world, "40.00")
        world.settle()
        decide(world, open_dispute(world, amount=10_000), won=False)

    def end(self, world: World, *, failed: bool) -> None:
        """Let the refund end, also after it had succeeded."""
        world.provider.end_refund(str(Refund.objects.get().psp_ref), failed=failed)
        world.settle()

    def test_is_ours_because_the_seller_has_lost_the_sale_already(self, world: World, ann: Seller) -> None:
        self.end(world, failed=False)

        assert_balances(
            """
            debit   losses:disputes       40.00 EUR
            debit   psp:stripe:fees       23.20 EUR
            credit  psp:stripe:clearing   63.20 EUR
            """,
            names={ann.id: "ann"},
        )
        assert green()

    def test_is_undone_as_it_was_booked_when_it_fails_late(self, world: World, ann: Seller) -> None:
        self.end(world, failed=False)

        self.end(world, failed=True)

        assert Refund.objects.get().state == "failed"
        assert owed(ann) == ("0.00", "0.00", "0.00")
        assert balance(code="losses:disputes", currency="EUR").minor == 0
        assert green()

    def test_costs_nobody_anything_when_it_fails(self, world: World, ann: Seller) -> None:
        self.end(world, failed=True)

        assert owed(ann) == ("0.00", "0.00", "0.00")
        assert balance(code="losses:disputes", currency="EUR").minor == 0


class TestADisputeThatIsLostAsSoonAsItOpens:
    """As direct debits are: the verdict is told first, and the withdrawal after it."""

    def hear(self, facts: DisputeFacts) -> None:
        """Take over what the provider says."""
        with money_tx("test"):
            record_facts(facts, psp="stripe", now=timezone.now())

    def lost(self, world: World) -> DisputeFacts:
        """Return what the provider says of a lost dispute of the newest charge; nobody was told of it."""
        made = world.provider.open_dispute(charge_of(world))
        world.provider.take_webhooks()
        found = provider().fetch_dispute(made["id"])
        assert isinstance(found, Succeeded)
        return replace(found.value, status=DisputeStatus.LOST)

    def test_is_borne_once_it_is_withdrawn(self, world: World, sold: Seller) -> None:
        facts = self.lost(world)
        self.hear(replace(facts, movements=()))
        assert (Dispute.objects.get().state, owed(sold)) == ("lost", ("90.00", "0.00", "0.00"))

        self.hear(facts)

        assert_balances(
            """
            debit   psp:stripe:fees       23.20 EUR
            credit  psp:stripe:clearing   23.20 EUR
            """,
            names={sold.id: "ann"},
        )
        assert told() == ["dispute.opened", "dispute.lost", "dispute.updated"]

    def test_is_borne_once_however_often_it_is_told(self, world: World, sold: Seller) -> None:
        facts = self.lost(world)
        self.hear(replace(facts, movements=()))

        for _ in range(2):
            self.hear(facts)

        assert (owed(sold), green()) == (("0.00", "0.00", "0.00"), True)
