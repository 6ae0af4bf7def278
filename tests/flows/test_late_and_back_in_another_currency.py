"""The same account in euros: what it tells late, disputes at another day's rate, and money that goes back."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.money import Money
from ledger.selectors import balance
from operations.models import Job
from payments.models import Attempt, Dispute, Seller, Surplus
from reconciliation.selectors import unexplained_minor
from tests.flows.settled import assert_proved, open_at_the_provider, refund, settle_in_euros, subject_of
from tests.flows.test_a_review import HELD_FOR_REVIEW
from tests.ledger_text import assert_balances, assert_posted
from tests.payments.dispute_steps import charge_of, decide, open_dispute
from tests.payments.test_fees import fee_later
from tests.reconciliation.steps import DAY_LATER, discrepancies, fetch, match
from tests.world import World


@pytest.fixture(autouse=True)
def in_euros(world: World, settings: Any) -> None:
    settle_in_euros(world, settings)


class TestAFeeThatComesLate:
    def test_brings_the_exchange_with_it(self, world: World, ann: Seller) -> None:
        world.provider.plan([fee_later()])
        sold = world.sell("cart-1", {"ann": "100.00"}, currency="USD")
        assert open_at_the_provider() == {charge_of(world): {"USD": 10_000}}

        world.work(later=timedelta(minutes=2))

        attempt = Attempt.objects.get()
        assert (attempt.fee, attempt.fee_known) == (Money(298, "EUR"), True)
        assert open_at_the_provider() == {charge_of(world): {"EUR": 8_937}}
        assert Job.objects.get(kind="payments.true_up_fee").state == "done"
        assert_posted(
            subject_of(sold),
            {
                "currency_exchanged": """
                    debit   fx:stripe:trading    100.00 USD
                    credit  psp:stripe:clearing  100.00 USD
                    debit   psp:stripe:clearing   89.37 EUR
                    debit   psp:stripe:fees        2.98 EUR
                    credit  fx:stripe:trading     92.35 EUR
                """,
            },
            names={ann.id: "ann"},
            ignoring=("payment_captured",),
        )
        assert_proved(world)

    def test_takes_back_what_was_expected_in_the_buyers_currency(
        self, world: World, ann: Seller, settings: Any
    ) -> None:
        settings.PROVIDER_FEE_RATES = {"USD": (250, 25)}
        world.provider.plan([fee_later()])
        sold = world.sell("cart-1", {"ann": "100.00"}, currency="USD")
        assert Attempt.objects.get().fee == Money(275, "USD")

        world.work(later=timedelta(minutes=2))

        attempt = Attempt.objects.get()
        assert (attempt.fee, attempt.fee_known) == (Money(298, "EUR"), True)
        assert_posted(
            subject_of(sold),
            {
                "provider_fee_trued_up": """
                    credit  psp:stripe:fees      2.75 USD
                    debit   psp:stripe:clearing  2.75 USD
                """,
            },
            names={ann.id: "ann"},
            ignoring=("payment_captured", "provider_fee_estimated", "currency_exchanged"),
        )
        assert balance(code="psp:stripe:fees", currency="USD").minor == 0
        assert_proved(world)

    def test_leaves_its_line_waiting_on_a_statement_until_then(self, world: World, ann: Seller) -> None:
        world.provider.plan([fee_later()])
        world.sell("cart-1", {"ann": "100.00"}, currency="USD")
        statement = fetch(world)
        assert match(statement).lines == {"timing": 1}
        assert unexplained_minor(psp="stripe", now=timezone.now()) == 0

        world.work(later=timedelta(minutes=2))

        assert match(statement).lines == {"matched": 1}
        assert discrepancies() == []

    def test_that_never_comes_is_a_discrepancy_of_currency_when_it_is_due(self, world: World, ann: Seller) -> None:
        world.provider.plan([fee_later(times=0)])
        world.sell("cart-1", {"ann": "100.00"}, currency="USD")
        statement = fetch(world)

        match(statement, later=DAY_LATER)

        assert discrepancies() == [("currency", charge_of(world))]

    def test_of_a_refund_is_asked_for_again(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"}, currency="USD")
        world.provider.plan([{"op": "refund.*", "action": "fee_later", "times": 0}])
        given = refund(world, "cart-1.ann", "40.00")
        assert open_at_the_provider()[str(given.psp_ref)] == {"USD": -4_000}
        world.work(later=timedelta(minutes=2))
        assert Job.objects.get(kind="payments.settle_refund").state == "todo"
        world.provider.plan([])

        world.work(later=timedelta(hours=1))

        assert open_at_the_provider()[str(given.psp_ref)] == {"EUR": -3_694}
        assert_proved(world)


class TestADispute:
    @pytest.fixture
    def dispute(self, world: World, ann: Seller, bob: Seller) -> Dispute:
        """A dispute over bea's purchase for 100.00 USD, for which 95.00 EUR were withdrawn, and 20.00 of fee."""
        world.sell("cart-1", {"ann": "70.00", "bob": "30.00"}, currency="USD")
        world.provider.settle_in("eur", {"usd": "0.95"})
        return open_dispute(world)

    def test_is_withdrawn_in_dollars_at_the_rate_of_that_day_and_its_fee_is_in_euros(
        self, world: World, dispute: Dispute
    ) -> None:
        assert (dispute.withdrawn, dispute.fee) == (Money(10_000, "USD"), Money(2_000, "EUR"))
        assert_posted(
            f"checkout:{dispute.checkout_id}",
            {
                "dispute_opened": """
                    debit   disputes:open        100.00 USD
                    credit  psp:stripe:clearing  100.00 USD
                """,
                "currency_exchanged_back": """
                    debit   psp:stripe:clearing  100.00 USD
                    credit  fx:stripe:trading    100.00 USD
                    debit   fx:stripe:trading     95.00 EUR
                    credit  psp:stripe:clearing   95.00 EUR
                """,
                "dispute_fee_charged": """
                    debit   psp:stripe:fees       20.00 EUR
                    credit  psp:stripe:clearing   20.00 EUR
                """,
            },
            names={},
            ignoring=("payment_captured", "currency_exchanged"),
        )
        assert_proved(world)

    def test_tells_the_shop_in_which_currency_its_fee_is(self, world: World, dispute: Dispute) -> None:
        told = world.shop.get(f"/v1/disputes/{dispute.pk}").json()

        assert (told["withdrawn"], told["currency"]) == ("100.00", "USD")
        assert (told["fee"], told["fee_currency"]) == ("20.00", "EUR")

    def test_that_is_won_gives_back_dollars_at_the_rate_of_that_day(self, world: World, dispute: Dispute) -> None:
        world.provider.settle_in("eur", {"usd": "0.90"})

        won = decide(world, dispute, won=True)

        assert (won.state, won.withdrawn.minor) == ("won", 0)
        assert balance(code="disputes:open", currency="USD").minor == 0
        assert balance(code="fx:stripe:trading", currency="EUR") == Money(-9_235 + 9_500 - 9_000, "EUR")
        assert_proved(world)

    def test_that_is_lost_falls_on_the_sellers_in_dollars(
        self, world: World, ann: Seller, bob: Seller, dispute: Dispute
    ) -> None:
        decide(world, dispute, won=False)

        for seller in (ann, bob):
            assert balance(code=f"seller:{seller.id}:pending", currency="USD").minor == 0
        assert balance(code="fx:stripe:trading", currency="USD").minor == 0
        assert_proved(world)

    def test_that_comes_back_in_parts_after_a_loss_is_given_to_who_bore_it(
        self, world: World, ann: Seller, dispute: Dispute
    ) -> None:
        decide(world, dispute, won=False)
        for rate, amount in (("0.90", 4_000), ("0.97", None)):
            world.provider.settle_in("eur", {"usd": rate})
            world.provider.recover_dispute(dispute.psp_ref, amount=amount)
            world.settle()

        assert Dispute.objects.get().withdrawn.minor == 0
        assert balance(code=f"seller:{ann.id}:pending", currency="USD") == Money(6_300, "USD")
        assert_proved(world)

    def test_whose_fee_is_given_back_has_it_in_euros(self, world: World, dispute: Dispute) -> None:
        decide(world, dispute, won=True)
        world.provider.return_dispute_fee(dispute.psp_ref)
        world.settle()

        assert Dispute.objects.get().fee == Money(0, "EUR")
        assert balance(code="psp:stripe:fees", currency="EUR") == Money(298, "EUR")
        assert_proved(world)


class TestMoneyThatIsNobodys:
    def test_comes_and_goes_at_its_rates(self, world: World, ann: Seller) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}, currency="USD"), card=HELD_FOR_REVIEW)
        world.settle()
        world.provider.settle_in("eur", {"usd": "0.95"})
        [review] = world.provider.ledger()["reviews"]
        world.provider.decide_review(review["id"], approve=False)
        world.settle()
        world.work(later=timedelta(minutes=5))
        world.settle()

        assert Surplus.objects.get().state == "returned"
        assert_balances(
            """
            credit  psp:stripe:clearing  5.63 EUR
            debit   psp:stripe:fees      2.98 EUR
            debit   fx:stripe:trading    2.65 EUR
            """,
            names={},
        )
        assert_proved(world)
