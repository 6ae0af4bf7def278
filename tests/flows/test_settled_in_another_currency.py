"""An account with a bank account in euros only: buyers pay in dollars or yen, and sellers earn just that."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from ledger.money import Money
from ledger.selectors import balance, count_entries, exchanges
from operations import failpoints
from operations.models import HumanTask
from payments.gateway.currencies import rate_from_stripe
from payments.models import Attempt, Checkout, Refund, Seller
from payments.selectors import totals
from payments.services import sync_attempt
from reconciliation.services import close_day
from tests.flows.settled import assert_proved, open_at_the_provider, refund, settle_in_euros, subject_of
from tests.ledger_text import assert_balances, assert_posted
from tests.payments.dispute_steps import charge_of
from tests.world import MAKER, World


@pytest.fixture(autouse=True)
def in_euros(world: World, settings: Any) -> None:
    settle_in_euros(world, settings)


class TestASale:
    @pytest.fixture
    def sold(self, world: World, ann: Seller, bob: Seller) -> Checkout:
        """Bea's purchase for 100.00 USD, of which 92.35 EUR reached us."""
        return world.sell("cart-1", {"ann": "70.00", "bob": "30.00"}, currency="USD")

    def test_is_earned_in_dollars_and_held_in_euros(
        self, world: World, ann: Seller, bob: Seller, sold: Checkout
    ) -> None:
        assert_posted(
            subject_of(sold),
            {
                "payment_captured": """
                    debit   psp:stripe:clearing  100.00 USD
                    credit  seller:ann:pending    63.00 USD
                    credit  seller:bob:pending    27.00 USD
                    credit  platform:commission    7.00 USD
                    credit  platform:commission    3.00 USD
                """,
                "currency_exchanged": """
                    debit   fx:stripe:trading    100.00 USD
                    credit  psp:stripe:clearing  100.00 USD
                    debit   psp:stripe:clearing   89.37 EUR
                    debit   psp:stripe:fees        2.98 EUR
                    credit  fx:stripe:trading     92.35 EUR
                """,
            },
            names={ann.id: "ann", bob.id: "bob"},
        )
        assert Attempt.objects.get().fee == Money(298, "EUR")
        assert open_at_the_provider() == {charge_of(world): {"EUR": 8_937}}
        assert_proved(world)

    def test_keeps_three_amounts_the_fee_and_the_rate_digit_for_digit(self, world: World, sold: Checkout) -> None:
        today = timezone.now().date()

        [found] = exchanges(since=today, until=today).values()

        assert found.facts | {"rate": str(found.rate.rate)} == {
            "presentment": "100.00 USD",
            "settlement": "89.37 EUR",
            "ledger amount": "92.35 EUR",
            "fee": "2.98 EUR",
            "rate": "0.92345",
        }
        assert (found.rate.base, found.rate.quote, found.rate.source) == ("USD", "EUR", "stripe")

    def test_is_exchanged_once_however_often_it_is_told(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"}, currency="USD")
        world.pay(created)
        held = world.provider.take_webhooks()
        for message in [*held, *held]:
            world.deliver(message)
            world.work()
        entries = count_entries()
        sync_attempt(attempt=Attempt.objects.get().pk, now=timezone.now(), poll=False)

        assert entries == count_entries() == 2
        assert Attempt.objects.get().fee == Money(298, "EUR")

    @pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
    def test_is_exchanged_once_where_we_die_on_the_way(
        self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch, moment: str
    ) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}, currency="USD"))
        failpoints.reset()
        monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", f"money_tx:payments.record_facts:{moment}=raise")
        world.settle()
        assert count_entries() == (0 if moment == "before_commit" else 2)

        world.work(later=timedelta(hours=1))

        assert count_entries() == 2
        assert_proved(world)

    def test_is_refunded_in_dollars_at_the_rate_of_that_day(
        self, world: World, ann: Seller, bob: Seller, sold: Checkout
    ) -> None:
        world.provider.settle_in("eur", {"usd": "0.95"})

        refund(world, "cart-1.ann", "40.00")

        assert_posted(
            subject_of(sold),
            {
                "refund_succeeded": """
                    debit   seller:ann:pending    36.00 USD
                    debit   platform:commission    4.00 USD
                    credit  psp:stripe:clearing   40.00 USD
                """,
                "currency_exchanged_back": """
                    debit   psp:stripe:clearing   40.00 USD
                    credit  fx:stripe:trading     40.00 USD
                    debit   fx:stripe:trading     38.00 EUR
                    credit  psp:stripe:clearing   38.00 EUR
                """,
            },
            names={ann.id: "ann", bob.id: "bob"},
            ignoring=("payment_captured", "currency_exchanged"),
        )
        assert_proved(world)

    def test_that_is_given_back_whole_leaves_what_the_rates_made_of_it_on_the_trading_account(
        self, world: World, ann: Seller, bob: Seller, sold: Checkout
    ) -> None:
        world.provider.settle_in("eur", {"usd": "0.95"})

        refund(world, "cart-1.ann", "70.00")
        refund(world, "cart-1.bob", "30.00")

        assert_balances(
            """
            credit  psp:stripe:clearing  5.63 EUR
            debit   psp:stripe:fees      2.98 EUR
            debit   fx:stripe:trading    2.65 EUR
            """,
            names={},
        )
        assert_proved(world)

    def test_whose_refund_fails_late_has_it_back_at_the_rate_of_that_day(self, world: World, sold: Checkout) -> None:
        given = refund(world, "cart-1.ann", "40.00")
        world.provider.settle_in("eur", {"usd": "0.95"})

        world.provider.end_refund(str(given.psp_ref), failed=True)
        world.settle()

        assert open_at_the_provider() == {
            charge_of(world): {"EUR": 8_937},
            str(given.psp_ref): {"EUR": -3_694 + 3_800},
        }
        assert_proved(world)

    def test_whose_pending_refund_fails_is_where_it_was_but_for_the_rates(self, world: World, sold: Checkout) -> None:
        world.provider.plan([{"op": "refund.create", "action": "pending", "args": {"after_s": 86_400}}])
        given = refund(world, "cart-1.ann", "40.00")
        world.provider.settle_in("eur", {"usd": "0.95"})

        world.provider.end_refund(str(given.psp_ref), failed=True)
        world.settle()

        assert Refund.objects.get().state == "failed"
        assert balance(code="fx:stripe:trading", currency="USD") == Money(10_000, "USD")
        assert_proved(world)

    def test_closes_its_day_beside_one_in_our_own_currency(self, world: World, sold: Checkout) -> None:
        world.sell("cart-2", {"ann": "10.00"})
        refund(world, "cart-1.bob", "7.77")
        assert_proved(world)

        assert close_day(business_date=timezone.now().date(), actor=MAKER, now=timezone.now())

    def test_does_not_show_its_fee_among_those_in_dollars(self, world: World, sold: Checkout) -> None:
        assert totals(checkouts=[sold.pk]).psp_fees_minor == 0


class TestCurrenciesWithOtherDecimals:
    @pytest.mark.parametrize(
        ("currency", "paid", "refunded", "settled", "back"),
        [("JPY", "10000", "4001", 6_174, 2_470), ("BHD", "100.000", "40.010", 24_512, 9_807)],
    )
    def test_are_settled_to_the_cent(
        self, world: World, ann: Seller, currency: str, paid: str, refunded: str, settled: int, back: int
    ) -> None:
        world.sell("cart-1", {"ann": paid}, currency=currency)
        fee = Attempt.objects.get().fee
        assert balance(code="fx:stripe:trading", currency="EUR") == Money(-settled, "EUR")

        refund(world, "cart-1.ann", refunded, currency=currency)

        assert balance(code="fx:stripe:trading", currency="EUR") == Money(back - settled, "EUR")
        assert balance(code="psp:stripe:clearing", currency="EUR") == Money(settled - back, "EUR") - fee
        assert balance(code="psp:stripe:clearing", currency=currency).minor == 0
        assert_proved(world)


class TestACapture:
    def reserve(self, world: World) -> None:
        """Bea orders for 100.00 USD, which are only reserved."""
        world.pay(world.order("cart-1", {"ann": "100.00"}, currency="USD", capture_method="manual"))
        world.settle()

    def capture(self, world: World, amount: str, *, final: bool) -> None:
        parts = [{"payment_order_id": "cart-1.ann", "amount": amount, "currency": "USD"}]
        body = {"final_capture": final, "payment_orders": parts}
        assert world.shop.post("/v1/payments/cart-1/capture", body, key=f"c-{amount}").status_code == 200
        world.settle()

    def test_of_a_part_is_exchanged_by_itself(self, world: World, ann: Seller) -> None:
        self.reserve(world)
        self.capture(world, "40.00", final=False)
        world.provider.settle_in("eur", {"usd": "0.95"})
        self.capture(world, "60.00", final=True)

        assert balance(code="fx:stripe:trading", currency="EUR") == Money(-3_694 - 5_700, "EUR")
        assert Attempt.objects.get().fee == Money(137 + 195, "EUR")
        assert_proved(world)

    def test_that_costs_more_than_it_brings_is_exchanged_whole_and_charged_apart(
        self, world: World, ann: Seller
    ) -> None:
        self.reserve(world)
        self.capture(world, "0.10", final=True)

        assert balance(code="psp:stripe:clearing", currency="EUR") == Money(9 - 30, "EUR")
        assert Attempt.objects.get().fee == Money(30, "EUR")
        assert_proved(world)


class TestARateThatDoesNotExplainItsAmounts:
    @pytest.fixture
    def shown(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Decimal], Decimal]], None]:
        """Have the provider's rates shown to us otherwise than they were applied."""

        def show(change: Callable[[Decimal], Decimal]) -> None:
            monkeypatch.setattr(
                "payments.gateway.stripe_objects.rate_from_stripe",
                lambda rate, **pair: change(rate_from_stripe(rate, **pair)),
            )

        return show

    def test_is_worked_out_of_them_where_it_is_only_shown_with_fewer_digits(
        self, world: World, ann: Seller, shown: Any
    ) -> None:
        shown(lambda rate: rate.quantize(Decimal("0.0001")))

        world.sell("cart-1", {"ann": "90000.00"}, currency="USD")

        today = timezone.now().date()
        [found] = exchanges(since=today, until=today).values()
        assert (found.ledger, found.rate.rate) == (Money(8_311_050, "EUR"), Decimal("0.92345"))
        assert found.rate.source == "stripe, worked out: it shows 0.9234"
        assert_proved(world)

    def test_is_asked_of_a_person_where_it_is_another(self, world: World, ann: Seller, shown: Any) -> None:
        shown(lambda rate: 2 * rate)

        world.sell("cart-1", {"ann": "100.00"}, currency="USD")

        task = HumanTask.objects.get()
        assert (task.kind, task.waits_for) == ("payments.settlement_unclear", "finance")
        assert "settled 100.00 USD" in task.reason
        assert world.status("cart-1.ann") == "SUCCESS"
        assert open_at_the_provider() == {charge_of(world): {"USD": 10_000}}
