"""The stories of two chargebacks, both after ann was paid: one is won with evidence, the other is lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ledger.selectors import wallet
from ledger.services import verify_books
from payments.models import Seller
from payouts.services import NothingToPayOut
from reconciliation.selectors import open_discrepancies, unexplained_minor
from reconciliation.services import fetch_statement, match_statement
from tests.ledger_text import assert_balances
from tests.payments.dispute_steps import decide, hand_in, open_dispute, pay_ann_out
from tests.world import World


class TestAChargebackAfterThePayout:
    """Ann sold a chair for 100.00, delivered it and was paid her 90.00. Then Bea's bank takes the money back.

    Bob's sale of 200.00 is not delivered yet: with his money the provider can take what it takes, and pays meanwhile.
    """

    def test_is_won_with_evidence_and_costs_only_the_fee(self, world: World, ann: Seller, bob: Seller) -> None:
        names = {ann.id: "ann", bob.id: "bob"}
        world.sell("cart-0", {"bob": "200.00"})
        world.sell("cart-1", {"ann": "100.00"})
        pay_ann_out(world)

        # The provider withdraws 100.00 and charges 20.00. Nothing is lost yet, and ann owes nothing.
        dispute = open_dispute(world)
        assert_balances(
            """
            debit   disputes:open          100.00 EUR
            debit   psp:stripe:clearing     80.70 EUR
            debit   psp:stripe:fees         29.30 EUR
            credit  seller:bob:pending     180.00 EUR
            credit  platform:commission     30.00 EUR
            """,
            names=names,
        )

        # Ann's next sale is released, but not paid out: she may have to pay the chair back with it.
        world.sell("cart-2", {"ann": "50.00"})
        world.deliver_goods("cart-2.ann")
        world.release()
        with pytest.raises(NothingToPayOut):
            world.propose()

        # The shop hands in the parcel's number. The bank decides for ann, and the provider gives the 100.00 back.
        assert hand_in(world, dispute).status_code == 202
        world.settle()
        assert decide(world, dispute, won=True).state == "won"
        assert world.pay_out().total.text == "45.00"
        assert_balances(
            """
            debit   psp:stripe:clearing    183.95 EUR
            debit   psp:stripe:fees         31.05 EUR
            credit  seller:bob:pending     180.00 EUR
            credit  platform:commission     35.00 EUR
            """,
            names=names,
        )
        _agrees_with_the_provider(world)

    def test_is_lost_and_paid_from_what_the_seller_earns_next(self, world: World, ann: Seller, bob: Seller) -> None:
        names = {ann.id: "ann", bob.id: "bob"}
        world.sell("cart-0", {"bob": "200.00"})
        world.sell("cart-1", {"ann": "100.00"})
        pay_ann_out(world)
        dispute = open_dispute(world)

        # Nobody answers, and the bank decides for Bea. We give our commission back, ann owes the rest.
        assert decide(world, dispute, won=False).state == "lost"
        assert_balances(
            """
            debit   seller:ann:receivable   90.00 EUR
            debit   psp:stripe:clearing     80.70 EUR
            debit   psp:stripe:fees         29.30 EUR
            credit  seller:bob:pending     180.00 EUR
            credit  platform:commission     20.00 EUR
            """,
            names=names,
        )

        # Her next sale earns 45.00, which pays half of the debt; there is nothing to pay out.
        world.sell("cart-2", {"ann": "50.00"})
        world.deliver_goods("cart-2.ann")
        world.release()
        found = wallet(seller=ann.id, currency="EUR")
        assert (found.available.text, found.receivable.text) == ("0.00", "45.00")
        with pytest.raises(NothingToPayOut):
            world.propose()

        # The one after that pays the other half, and the rest is hers.
        world.sell("cart-3", {"ann": "80.00"})
        world.deliver_goods("cart-3.ann")
        world.release()
        assert world.pay_out().total.text == "27.00"
        assert_balances(
            """
            debit   psp:stripe:clearing    179.33 EUR
            debit   psp:stripe:fees         33.67 EUR
            credit  seller:bob:pending     180.00 EUR
            credit  platform:commission     33.00 EUR
            """,
            names=names,
        )
        _agrees_with_the_provider(world)


def _agrees_with_the_provider(world: World) -> None:
    """The provider's statement says the same of every charge, transfer and dispute, its fees included."""
    world.provider.advance(1)
    now = timezone.now() + timedelta(seconds=2)
    statement = fetch_statement(actor="system:test", now=now)
    assert statement is not None
    result = match_statement(statement=statement.pk, now=now)
    assert set(result.lines) == {"matched"}
    assert (open_discrepancies(), unexplained_minor(now=now)) == (0, 0)
    assert verify_books(actor="system:test", now=timezone.now()).green
