"""Batches: who is paid, of what a payout consists, and who decides."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger import recipes
from ledger.money import Money
from ledger.selectors import lines_of_account, open_items, wallet
from ledger.services import post, verify_books
from operations.edges import money_tx
from operations.models import Approval, AuditEntry
from operations.services import Stopped, pull_switch, reject_approval, release_switch
from payments.models import Seller
from payouts.models import Batch, Payout, PayoutItem
from payouts.selectors import proposed_totals, totals, unsettled_payouts
from payouts.services import NothingToPayOut, propose_batch
from tests.committed import at_once, committed_db, committed_world
from tests.ledger_text import assert_balances
from tests.payouts.steps import at_the_provider, available, in_transit, refund, states, transfer_posts, work_later
from tests.world import CHECKER, MAKER, World

__all__ = ["committed_db", "committed_world"]


def earn(world: World, checkout_id: str, baskets: dict[str, str], *, currency: str = "EUR") -> None:
    """Sell, deliver and release."""
    world.sell(checkout_id, baskets, currency=currency)
    for seller in baskets:
        world.deliver_goods(f"{checkout_id}.{seller}")
    world.release()


def assert_nothing_to_pay(world: World, *, currency: str = "EUR") -> None:
    """Nobody is eligible, and the attempt leaves nothing behind."""
    before = (Batch.objects.count(), Approval.objects.count())
    with pytest.raises(NothingToPayOut):
        world.propose(currency=currency)
    assert (Batch.objects.count(), Approval.objects.count()) == before


class TestProposeBatch:
    def test_reserves_what_is_available_and_asks_a_second_person(self, world: World, ann: Seller, bob: Seller) -> None:
        earn(world, "cart-1", {"ann": "100.00", "bob": "20.50"})

        batch = world.propose()

        assert (batch.state, batch.payouts_count, batch.total.text) == ("proposed", 2, "108.45")
        assert {payout.seller_id: payout.amount.text for payout in batch.payouts.all()} == {
            ann.id: "90.00",
            bob.id: "18.45",
        }
        assert (available(ann), available(bob), in_transit()) == ("0.00", "0.00", "108.45")
        assert [(count, total.text) for count, total in proposed_totals()] == [(1, "108.45")]
        approval = Approval.objects.get()
        assert (approval.maker, approval.kind, approval.payload) == (MAKER, "payouts.batch", {"batch": batch.pk})

    @pytest.mark.bad_input("B30")
    def test_promises_no_money_twice_to_six_who_propose_at_once(self, committed_world: World) -> None:
        ann = committed_world.open_seller("ann")
        earn(committed_world, "cart-1", {"ann": "100.00"})

        outcomes = at_once([committed_world.propose] * 6)

        assert [type(outcome) for outcome in outcomes if not isinstance(outcome, Batch)] == [NothingToPayOut] * 5
        assert (in_transit(), available(ann)) == ("90.00", "0.00")
        assert Payout.objects.get().amount.text == "90.00"

    @pytest.mark.bad_input("B30")
    def test_promises_no_money_twice(self, world: World, batch: Batch) -> None:
        with pytest.raises(NothingToPayOut):
            world.propose()

        assert Batch.objects.get() == batch
        assert in_transit() == "90.00"

    @pytest.mark.bad_input("B30")
    def test_leaves_out_a_seller_without_an_account_at_the_provider(self, world: World) -> None:
        world.provider.plan([{"op": "account.create", "action": "error_503", "times": 0}])
        seller = world.open_seller("cy")
        earn(world, "cart-1", {"cy": "100.00"})

        assert available(seller) == "90.00"
        assert_nothing_to_pay(world)

    def test_leaves_out_a_seller_whom_the_provider_does_not_let_be_paid(
        self, world: World, ann_with_90: Seller
    ) -> None:
        world.provider.set_account(ann_with_90.psp_account, capabilities={"transfers": "inactive"})
        world.settle()

        assert_nothing_to_pay(world)

    @pytest.mark.parametrize(("minimum", "paid"), [(9_000, True), (9_001, False)])
    def test_pays_from_the_minimum_on(
        self, world: World, ann_with_90: Seller, settings: Any, minimum: int, paid: bool
    ) -> None:
        settings.PAYOUT_MINIMUM_MINOR = minimum

        if paid:
            assert world.propose().total.minor == 9_000
        else:
            assert_nothing_to_pay(world)

    def test_leaves_out_a_seller_who_owes_us(self, world: World, ann_with_90: Seller) -> None:
        world.pay_out()
        refund(world, "cart-1.ann", "50.00")
        earn(world, "cart-2", {"ann": "40.00"})

        found = wallet(seller=ann_with_90.id, currency="EUR")
        assert (found.available.text, found.receivable.text) == ("0.00", "9.00")
        assert_nothing_to_pay(world)

    def test_pays_what_is_left_of_earnings_once_the_debt_is_paid(self, world: World, ann_with_90: Seller) -> None:
        world.pay_out()
        refund(world, "cart-1.ann", "50.00")
        earn(world, "cart-2", {"ann": "100.00"})

        assert world.propose().total.text == "45.00"

    def test_lets_debts_be_paid_the_oldest_first(self, world: World, ann_with_90: Seller) -> None:
        earn(world, "cart-2", {"ann": "100.00"})
        world.pay_out()
        for cart in ("cart-2.ann", "cart-1.ann"):
            refund(world, cart, "50.00")
        earn(world, "cart-3", {"ann": "60.00"})

        debts = open_items(code=f"seller:{ann_with_90.id}:receivable", currency="EUR")

        assert [(debt.item, debt.debit.text) for debt in debts] == [(world.payment_order("cart-1.ann").pk, "36.00")]

    def test_lets_a_debt_be_paid_by_what_was_available_before_it(self, world: World, ann_with_90: Seller) -> None:
        fee = recipes.dispute_fee_charged(psp="stripe", dispute="du_1", fee=Money(2_000, "EUR"), bearer=ann_with_90.id)
        with money_tx("test"):
            post(fee, actor="psp:stripe", now=timezone.now())

        assert world.propose().total.text == "70.00"

    def test_pays_one_currency_and_leaves_the_other(self, world: World, ann_with_90: Seller) -> None:
        earn(world, "cart-2", {"ann": "50.00"}, currency="USD")

        batch = world.propose(currency="USD")

        assert (batch.total.text, batch.total.currency) == ("45.00", "USD")
        assert (available(ann_with_90), available(ann_with_90, "USD")) == ("90.00", "0.00")
        assert_nothing_to_pay(world, currency="JPY")

    def test_can_be_limited_to_one_storefronts_sellers(self, world: World, ann_with_90: Seller) -> None:
        with pytest.raises(NothingToPayOut):
            propose_batch(currency="EUR", storefront="bolt", reason="test", actor=MAKER, now=timezone.now())

        batch = propose_batch(currency="EUR", storefront="acme", reason="test", actor=MAKER, now=timezone.now())
        assert batch.payouts_count == 1

    def test_is_refused_while_payouts_are_stopped(self, world: World, ann_with_90: Seller) -> None:
        pull_switch(name="payouts", reason="an audit", actor=CHECKER, now=timezone.now())

        with pytest.raises(Stopped, match="an audit"):
            world.propose()

        assert not Batch.objects.exists()
        release_switch(name="payouts", reason="audit over", actor=CHECKER, now=timezone.now())
        assert world.propose().payouts_count == 1


def items(payout: Payout) -> list[tuple[str, str]]:
    """Return what a payout settles: recipe and amount, in the order of the account's lines."""
    found = PayoutItem.objects.filter(payout=payout).order_by("line_id")
    return [(item.recipe, item.amount.text) for item in found]


def assert_itemised() -> None:
    """Every payout is the sum of its items, and every line of money earned is settled at most once."""
    for payout in Payout.objects.all():
        assert sum(item.amount_minor for item in payout.items.all()) == payout.amount_minor
    lines = list(PayoutItem.objects.values_list("line_id", flat=True))
    assert len(lines) == len(set(lines))


class TestItems:
    def test_are_the_orders_and_the_refunds_that_the_payout_settles(self, world: World, ann: Seller) -> None:
        earn(world, "cart-1", {"ann": "100.00"})
        earn(world, "cart-2", {"ann": "0.99"})
        refund(world, "cart-1.ann", "40.00")

        world.propose()

        [payout] = Payout.objects.all()
        assert payout.amount.text == "54.89"
        assert items(payout) == [
            ("funds_released", "90.00"),
            ("funds_released", "0.89"),
            ("refund_succeeded", "-36.00"),
        ]
        orders = {item.order_id for item in payout.items.all()}
        assert orders == {world.payment_order("cart-1.ann").pk, world.payment_order("cart-2.ann").pk}
        assert_itemised()

    def test_are_what_came_since_the_payout_before(self, world: World, ann_with_90: Seller) -> None:
        world.pay_out()
        earn(world, "cart-2", {"ann": "10.00"})

        world.pay_out()

        _, second = Payout.objects.order_by("batch__proposed_at")
        assert items(second) == [("funds_released", "9.00")]
        assert_itemised()

    def test_still_sum_to_the_cent_after_a_payout_failed_and_is_paid_again(
        self, world: World, ann_with_90: Seller
    ) -> None:
        world.provider.plan([{"op": "transfer.create", "action": "fail", "args": {"code": "account_closed"}}])
        world.pay_out()
        earn(world, "cart-2", {"ann": "10.00"})
        world.provider.plan()

        world.pay_out()

        failed, paid = Payout.objects.order_by("batch__proposed_at")
        assert (failed.state, items(failed)) == ("failed", [("funds_released", "90.00")])
        assert paid.state == "paid"
        assert items(paid) == [("payout_not_paid", "90.00"), ("funds_released", "9.00")]
        assert_itemised()

    def test_still_sum_to_the_cent_after_a_batch_was_rejected(self, world: World, batch: Batch) -> None:
        reject_approval(approval_id=Approval.objects.get().pk, checker=CHECKER, now=timezone.now(), note="not today")

        paid = world.pay_out()

        assert [items(payout) for payout in paid.payouts.all()] == [[("payout_not_paid", "90.00")]]
        assert_itemised()

    def test_account_for_every_line_of_the_sellers_available_account(self, world: World, ann_with_90: Seller) -> None:
        world.pay_out()
        earn(world, "cart-2", {"ann": "10.00"})
        world.propose()

        lines = lines_of_account(code=f"seller:{ann_with_90.id}:available", currency="EUR")

        settled = set(PayoutItem.objects.values_list("line_id", flat=True))
        assert {line.recipe for line in lines if line.line_id not in settled} == {"payout_reserved"}

    def test_tell_what_of_some_orders_was_paid_out(self, world: World, ann_with_90: Seller) -> None:
        order = world.payment_order("cart-1.ann").pk
        before = totals(orders=[order])

        world.pay_out()

        after = totals(orders=[order])
        assert (before.released_minor, before.paid_out_minor) == (9_000, 0)
        assert (after.released_minor, after.paid_out_minor) == (9_000, 9_000)


class TestApproval:
    def test_has_the_payouts_sent(self, world: World, batch: Batch) -> None:
        world.approve(batch)
        assert (states(), unsettled_payouts()) == (["approved"], 1)

        world.settle()

        assert (states(), unsettled_payouts(), in_transit()) == (["paid"], 0, "0.00")
        batch.refresh_from_db()
        assert (batch.state, batch.decided_by) == ("completed", CHECKER)
        assert AuditEntry.objects.get(action="payouts.batch.approved").actor == CHECKER

    def test_sends_nothing_before_it_is_given(self, world: World, batch: Batch) -> None:
        work_later(world, days=2)

        assert transfer_posts(world) == []
        assert states() == ["draft"]

    def test_waits_while_payouts_are_stopped(self, world: World, batch: Batch) -> None:
        pull_switch(name="payouts", reason="an audit", actor=CHECKER, now=timezone.now())

        with pytest.raises(Stopped):
            world.approve(batch)

        assert Approval.objects.get().state == "requested"
        batch.refresh_from_db()
        assert batch.state == "proposed"


class TestRejection:
    def test_makes_everything_available_again_and_sends_nothing(self, world: World, ann: Seller, bob: Seller) -> None:
        earn(world, "cart-1", {"ann": "100.00", "bob": "20.50"})
        batch = world.propose()

        reject_approval(approval_id=Approval.objects.get().pk, checker=CHECKER, now=timezone.now(), note="not today")
        work_later(world, days=2)

        batch.refresh_from_db()
        assert (batch.state, states()) == ("canceled", ["canceled", "canceled"])
        assert transfer_posts(world) == []
        assert_balances(
            """
            debit   psp:stripe:clearing   116.71 EUR
            debit   psp:stripe:fees         3.79 EUR
            credit  seller:ann:available   90.00 EUR
            credit  seller:bob:available   18.45 EUR
            credit  platform:commission    12.05 EUR
            """,
            names={ann.id: "ann", bob.id: "bob"},
        )
        assert verify_books(actor="system:test", now=timezone.now()).green


class TestASellerWhoseBankAccountWasChanged:
    def change_bank(self, world: World, seller: Seller) -> None:
        """Change it at the provider, as whoever got hold of the seller's login there can."""
        at_the_provider(
            world,
            f"/v1/accounts/{seller.psp_account}",
            **{
                "external_account[account_number]": "DE89370400440532013000",
                "external_account[country]": "DE",
                "external_account[currency]": "eur",
            },
        )
        world.settle()

    @pytest.mark.bad_input("B30")
    def test_is_in_no_batch_for_a_day(self, world: World, ann_with_90: Seller) -> None:
        self.change_bank(world, ann_with_90)

        assert_nothing_to_pay(world)
        assert [entry.subject for entry in AuditEntry.objects.filter(action="payments.seller.bank_changed")] == [
            f"seller:{ann_with_90.pk}"
        ]

        tomorrow = timezone.now() + timedelta(hours=25)
        assert propose_batch(currency="EUR", reason="a day later", actor=MAKER, now=tomorrow).total.text == "90.00"

    @pytest.mark.bad_input("B30")
    def test_is_sent_nothing_that_was_approved_before(self, world: World, ann_with_90: Seller, batch: Batch) -> None:
        self.change_bank(world, ann_with_90)
        world.approve(batch)

        world.work()
        assert (states(), transfer_posts(world)) == (["approved"], [])

        world.work(later=timedelta(hours=25))
        assert len(transfer_posts(world)) == 1

    def test_is_paid_where_it_was_only_told_again(self, world: World, ann_with_90: Seller) -> None:
        world.provider.set_account(ann_with_90.psp_account, capabilities={"transfers": "active"})
        world.settle()

        assert world.propose().total.text == "90.00"
