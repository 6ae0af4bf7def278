"""Disputes that are lost before they are withdrawn."""

from dataclasses import replace

from django.utils import timezone

from operations.edges import money_tx
from payments.gateway import DisputeFacts, DisputeStatus, Succeeded, provider
from payments.models import Dispute, Seller
from payments.services.disputes import record_facts
from tests.ledger_text import assert_balances
from tests.payments.dispute_steps import charge_of, told
from tests.payments.test_disputes import green, owed
from tests.world import World


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
