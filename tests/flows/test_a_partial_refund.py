"""The story of a chair with a scratch: part of the money goes back, and the rest is paid out."""

from django.utils import timezone

from ledger.selectors import wallet
from ledger.services import verify_books
from payments.models import Refund, Seller
from tests.ledger_text import assert_balances, assert_posted
from tests.world import World


class TestAPartialRefund:
    """Bea bought a chair of ann's and a lamp of bob's; the chair came with a scratch, and ann takes 25.00 off."""

    def test_costs_its_seller_and_us_and_nobody_else(self, world: World, ann: Seller, bob: Seller) -> None:
        names = {ann.id: "ann", bob.id: "bob"}
        checkout = world.sell("cart-1", {"ann": "100.00", "bob": "20.50"})

        # The shop asks for 25.00 of ann's order, and clicks twice: it is one refund.
        body = {"payment_order_id": "cart-1.ann", "amount": "25.00", "currency": "EUR", "reason": "a scratch"}
        first = world.shop.post("/v1/refunds", body, key="scratch")
        again = world.shop.post("/v1/refunds", body, key="scratch")
        assert first.json()["id"] == again.json()["id"]
        world.settle()

        # A quarter of our commission goes back with it; bob and the provider's fee are as they were.
        assert_posted(
            f"checkout:{checkout.pk}",
            {
                "payment_captured": """
                    debit   psp:stripe:clearing   120.50 EUR
                    credit  seller:ann:pending     90.00 EUR
                    credit  platform:commission    10.00 EUR
                    credit  seller:bob:pending     18.45 EUR
                    credit  platform:commission     2.05 EUR
                """,
                "provider_fee_charged": """
                    debit   psp:stripe:fees         3.79 EUR
                    credit  psp:stripe:clearing     3.79 EUR
                """,
                "refund_succeeded": """
                    debit   seller:ann:pending     22.50 EUR
                    debit   platform:commission     2.50 EUR
                    credit  psp:stripe:clearing    25.00 EUR
                """,
            },
            names=names,
        )

        # The chair stays with Bea: what is left of the sale is released and paid out.
        world.deliver_goods("cart-1.ann")
        world.release()
        assert world.pay_out().total.text == "67.50"

        # Days later Bea's bank cannot place the 25.00, and the provider has it again. Ann was paid already, so it is
        # hers to be paid out next.
        world.provider.end_refund(str(Refund.objects.get().psp_ref), failed=True)
        world.settle()
        assert Refund.objects.get().state == "failed"
        assert wallet(seller=ann.id, currency="EUR").available.text == "22.50"
        assert world.pay_out().total.text == "22.50"
        assert_balances(
            """
            debit   psp:stripe:clearing    26.71 EUR
            debit   psp:stripe:fees         3.79 EUR
            credit  seller:bob:pending     18.45 EUR
            credit  platform:commission    12.05 EUR
            """,
            names=names,
        )
        assert verify_books(actor="system:test", now=timezone.now()).green
