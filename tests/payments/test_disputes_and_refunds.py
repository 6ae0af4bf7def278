"""A sale taken back twice, by a refund and by a dispute; and disputes that are lost before they are withdrawn."""

from dataclasses import replace

import pytest
from django.utils import timezone

from ledger.selectors import balance, entries_about
from operations.edges import money_tx
from payments.gateway import DisputeFacts, DisputeStatus, Succeeded, provider
from payments.models import Dispute, Refund, Seller
from payments.services.disputes import record_facts
from tests.ledger_text import assert_balances
from tests.payments.dispute_steps import charge_of, decide, open_dispute, told
from tests.payments.test_disputes import green, owed
from tests.payments.test_refunds import SLOW_REFUNDS, refund
from tests.world import World


def losses() -> str:
    """Return what disputes cost us."""
    return balance(code="losses:disputes", currency="EUR").text


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


class TestARefundThatFailsAfterItsSaleWasLost:
    """Ann's 100.00 were refunded by 40.00, then disputed and lost: what the refund had taken once more was ours."""

    def lose(self, world: World, *, amount: int) -> Dispute:
        """Sell, refund in part, and lose a dispute of an amount."""
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "40.00")
        world.settle()
        return decide(world, open_dispute(world, amount=amount), won=False)

    def fail(self, world: World) -> None:
        """Let the refund fail late."""
        world.provider.end_refund(str(Refund.objects.get().psp_ref), failed=True)
        world.settle()

    @pytest.mark.parametrize(
        ("amount", "ours", "left"), [(10_000, "40.00", "0.00"), (8_000, "20.00", "18.00"), (6_000, "0.00", "36.00")]
    )
    def test_leaves_the_seller_what_the_dispute_left_of_the_sale(
        self, world: World, ann: Seller, amount: int, ours: str, left: str
    ) -> None:
        self.lose(world, amount=amount)
        assert (owed(ann)[0], losses()) == ("0.00", ours)

        self.fail(world)

        assert (owed(ann), losses()) == ((left, "0.00", "0.00"), "0.00")
        assert balance(code="platform:commission", currency="EUR").minor == (10_000 - amount) // 10
        assert green()

    def test_says_why_the_seller_bears_it(self, world: World, ann: Seller) -> None:
        dispute = self.lose(world, amount=8_000)

        self.fail(world)

        [passed] = [
            entry
            for entry in entries_about(subjects=[f"checkout:{dispute.checkout_id}"])
            if entry["recipe"] == "loss_passed_on"
        ]
        lines = {(line["account"], line["amount"].text, line["item"]) for line in passed["lines"]}
        order = Refund.objects.get().order_id
        assert lines == {
            (f"seller:{ann.pk}:pending", "18.00", order),
            ("platform:commission", "2.00", order),
            ("losses:disputes", "-20.00", dispute.psp_ref),
        }

    def test_gives_all_of_it_back_when_the_dispute_comes_back_too(self, world: World, ann: Seller) -> None:
        dispute = self.lose(world, amount=10_000)
        self.fail(world)

        world.provider.recover_dispute(dispute.psp_ref)
        world.settle()

        assert (owed(ann), losses()) == (("90.00", "0.00", "0.00"), "0.00")
        assert balance(code="platform:commission", currency="EUR").text == "10.00"
        assert green()

    def test_is_the_sellers_where_disputes_are_ours(self, world: World, ann: Seller) -> None:
        Seller.objects.update(disputes_borne_by="platform")
        self.lose(world, amount=10_000)

        self.fail(world)

        assert (owed(ann)[0], losses()) == ("90.00", "100.00")

    def test_is_no_other_sellers(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "60.00", "bob": "40.00"})
        refund(world, "30.00")
        world.settle()
        decide(world, open_dispute(world, amount=9_000), won=False)
        assert losses() == "20.00"

        self.fail(world)

        assert (owed(ann)[0], owed(bob)[0], losses()) == ("9.00", "0.00", "0.00")
        assert green()


class TestARefundOfASaleThatWasLostAndCameBack:
    """A refund of 40.00 ended after ann's 100.00 were lost, and was ours; then the 100.00 come back."""

    @pytest.fixture(autouse=True)
    def back(self, world: World, ann: Seller) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}), card=SLOW_REFUNDS)
        world.settle()
        refund(world, "40.00")
        world.settle()
        lost = decide(world, open_dispute(world, amount=10_000), won=False)
        self.end(world, failed=False)
        assert losses() == "40.00"
        world.provider.recover_dispute(lost.psp_ref)
        world.settle()

    def end(self, world: World, *, failed: bool) -> None:
        """Let the refund end, also after it had succeeded."""
        world.provider.end_refund(str(Refund.objects.get().psp_ref), failed=failed)
        world.settle()

    def test_is_the_sellers_and_our_commissions_as_any_other(self, world: World, ann: Seller) -> None:
        assert_balances(
            """
            debit   psp:stripe:clearing   36.80 EUR
            debit   psp:stripe:fees       23.20 EUR
            credit  seller:ann:pending    54.00 EUR
            credit  platform:commission    6.00 EUR
            """,
            names={ann.id: "ann"},
        )
        assert green()

    def test_is_undone_when_it_fails_late(self, world: World, ann: Seller) -> None:
        self.end(world, failed=True)

        assert (owed(ann), losses()) == (("90.00", "0.00", "0.00"), "0.00")
        assert green()


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
