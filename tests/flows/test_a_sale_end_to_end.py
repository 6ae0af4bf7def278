"""The story of one sale, from the cart to the closed day."""

from datetime import timedelta

from django.utils import timezone

from ledger.selectors import wallet
from ledger.services import verify_books
from payments.models import PaymentOrder, Seller
from payouts.models import Batch
from reconciliation.models import Statement
from reconciliation.selectors import open_discrepancies, unexplained_minor
from reconciliation.services import close_day, fetch_statement, match_statement
from tests.ledger_text import assert_balances, assert_posted
from tests.world import World


class TestASaleWithThreeSellers:
    """Bea buys from ann, bob and eve in one checkout; everything goes well."""

    def test_is_paid_booked_released_paid_out_reconciled_and_closed(
        self, world: World, ann: Seller, bob: Seller
    ) -> None:
        eve = world.open_seller("eve")
        names = {ann.id: "ann", bob.id: "bob", eve.id: "eve"}

        # Bea pays one page for all three sellers, and the books say who earned what.
        checkout = world.sell("cart-1", {"ann": "100.00", "bob": "20.50", "eve": "5.00"})

        assert checkout.is_payment_done
        assert world.status("cart-1.ann") == "SUCCESS"
        assert_posted(
            f"checkout:{checkout.pk}",
            {
                "payment_captured": """
                    debit   psp:stripe:clearing   125.50 EUR
                    credit  seller:ann:pending     90.00 EUR
                    credit  platform:commission    10.00 EUR
                    credit  seller:bob:pending     18.45 EUR
                    credit  platform:commission     2.05 EUR
                    credit  seller:eve:pending      4.50 EUR
                    credit  platform:commission     0.50 EUR
                """,
                "provider_fee_charged": """
                    debit   psp:stripe:fees         3.94 EUR
                    credit  psp:stripe:clearing     3.94 EUR
                """,
            },
            names=names,
        )

        # Ann's parcel arrives, the others do not: only ann's money may be paid out.
        assert world.deliver_goods("cart-1.ann").status_code == 201
        assert world.release() == 1
        assert wallet(seller=ann.id, currency="EUR").available.text == "90.00"
        assert wallet(seller=bob.id, currency="EUR").available.text == "0.00"

        # Oscar proposes, anna approves, the provider transfers.
        batch = world.pay_out()

        assert batch.state == "completed"
        assert [(payout.seller_id, payout.amount.text, payout.state) for payout in batch.payouts.all()] == [
            (ann.id, "90.00", "paid")
        ]
        assert_balances(
            """
            debit   psp:stripe:clearing    31.56 EUR
            debit   psp:stripe:fees         3.94 EUR
            credit  seller:bob:pending     18.45 EUR
            credit  seller:eve:pending      4.50 EUR
            credit  platform:commission    12.55 EUR
            """,
            names=names,
        )

        # At night the provider's statement comes in and every line of it agrees; the day is closed.
        statement = _statement_of_today(world)
        result = match_statement(statement=statement.pk, now=timezone.now())

        assert result.lines == {"matched": 2}
        assert (open_discrepancies(), unexplained_minor(now=timezone.now())) == (0, 0)
        close_day(business_date=timezone.now().date(), actor="user:oscar", now=timezone.now())
        assert verify_books(actor="system:test", now=timezone.now()).green
        assert Batch.objects.count() == 1
        assert PaymentOrder.objects.filter(state="SUCCESS").count() == 3


def _statement_of_today(world: World) -> Statement:
    world.provider.advance(1)
    found = fetch_statement(actor="system:test", now=timezone.now() + timedelta(seconds=2))
    assert found is not None
    return found
