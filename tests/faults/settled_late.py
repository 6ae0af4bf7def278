"""The story of a refund on an account that settles in another currency, which the provider tells late."""

from typing import Any

from django.utils import timezone

from operations.models import Job
from payments.models import Refund
from tests.faults.story import JOBS, Story, charges, judge_books, make_known
from tests.flows.settled import open_at_the_provider, refund
from tests.world import World


class RefundSettledLate(Story):
    """A refund in dollars was booked while the provider had not settled it; now it says what it took, in euros."""

    name = "settlement"
    detour = True
    writes, reads = (), ("refund.retrieve",)
    transactions = ("settlements.refund",)
    calls = ("refund.fetch",)
    acts = ()
    shared = JOBS
    repeated = ()
    tells = False

    def prepare(self, world: World) -> None:
        """Sell and give back on an account in euros, and let a minute pass."""
        make_known(world)
        world.provider.settle_in("eur", {"usd": "0.92345"})
        world.sell("cart-1", {"ann": "100.00"}, currency="USD")
        world.provider.plan([{"op": "refund.*", "action": "fee_later", "times": 0}])
        refund(world, "cart-1.ann", "100.00")
        world.provider.plan([])
        Job.objects.filter(kind="payments.settle_refund").update(next_at=timezone.now())

    def go(self, world: World) -> Any:
        """Do nothing: neither shop nor buyer has a part in it."""

    def ended(self, world: World) -> bool:
        """Look at what is open at the provider in dollars."""
        return "USD" not in open_at_the_provider()[str(Refund.objects.get().psp_ref)]

    def judge(self, world: World) -> None:
        """It is exchanged, once."""
        assert charges(world) == [("succeeded", 10_000, 10_000)]
        judge_books(
            {
                "payment_captured": """
                    debit   psp:stripe:clearing  100.00 USD
                    credit  seller:ann:pending    90.00 USD
                    credit  platform:commission   10.00 USD
                """,
                "currency_exchanged": """
                    debit   fx:stripe:trading    100.00 USD
                    credit  psp:stripe:clearing  100.00 USD
                    debit   psp:stripe:clearing   89.37 EUR
                    debit   psp:stripe:fees        2.98 EUR
                    credit  fx:stripe:trading     92.35 EUR
                """,
                "refund_succeeded": """
                    debit   seller:ann:pending    90.00 USD
                    debit   platform:commission   10.00 USD
                    credit  psp:stripe:clearing  100.00 USD
                """,
                "currency_exchanged_back": """
                    debit   psp:stripe:clearing  100.00 USD
                    credit  fx:stripe:trading    100.00 USD
                    debit   fx:stripe:trading     92.35 EUR
                    credit  psp:stripe:clearing   92.35 EUR
                """,
            }
        )
