"""Disputes: withdrawn is not lost, each movement is booked once, and somebody bears what is lost."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.money import Money
from ledger.selectors import balance, count_entries, wallet
from ledger.services import verify_books
from operations.edges import money_tx
from operations.models import Job
from operations.selectors import history
from payments.gateway import DisputeMovement, Succeeded, provider
from payments.models import Dispute, Refund, Seller
from payments.services.dispute_money import DisputeInAnotherCurrency
from payments.services.dispute_returns import DisputeOverReturned
from payments.services.disputes import record_facts
from payouts.services import NothingToPayOut
from tests.api.problems import assert_problem
from tests.ledger_text import assert_balances
from tests.payments.dispute_steps import TEXTS, charge_of, days, decide, open_dispute, pay_ann_out, told
from tests.payments.faults import UNCLEAR, rule
from tests.payments.test_refunds import refund
from tests.snapshot import nothing_changes
from tests.world import World


def events_of(dispute: Dispute) -> list[str]:
    """Return the moves of a dispute."""
    return [move.event for move in history(machine="dispute", subject_id=dispute.pk)]


def owed(seller: Seller) -> tuple[str, str, str]:
    """Return what a seller has pending and available, and owes."""
    found = wallet(seller=seller.id, currency="EUR")
    return found.pending.text, found.available.text, found.receivable.text


def green() -> bool:
    """Tell whether the books are proved."""
    return verify_books(actor="system:test", now=timezone.now()).green


class TestAnOpenDispute:
    def test_is_withdrawn_and_not_lost(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)

        assert (dispute.state, dispute.withdrawn.text, dispute.fee.text) == ("needs_response", "100.00", "20.00")
        assert told() == ["dispute.opened"]
        assert_balances(
            """
            debit   disputes:open        100.00 EUR
            debit   psp:stripe:fees       23.20 EUR
            credit  psp:stripe:clearing   23.20 EUR
            credit  seller:ann:pending    90.00 EUR
            credit  platform:commission   10.00 EUR
            """,
            names={sold.id: "ann"},
        )

    def test_is_booked_once_under_every_event(self, world: World, sold: Seller) -> None:
        open_dispute(world)
        entries = count_entries()

        assert world.provider.hold_again() > 0
        world.settle()

        assert (Dispute.objects.count(), count_entries()) == (1, entries)

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_is_booked_once_however_the_answer_was_lost(self, world: World, sold: Seller, fault: str) -> None:
        world.provider.plan([rule("dispute.retrieve", fault)])

        world.provider.open_dispute(charge_of(world))
        world.settle()
        world.work(later=days(1))

        assert balance(code="disputes:open", currency="EUR").text == "100.00"

    def test_is_followed_by_the_poll_when_webhooks_are_lost(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        world.provider.decide_dispute(dispute.psp_ref, won=True)
        world.provider.take_webhooks()

        world.work(later=days(1))

        assert Dispute.objects.get().state == "won"
        assert Job.objects.get(kind="payments.sync_dispute").state == "done"

    def test_keeps_the_order_from_being_released(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        world.deliver_goods("cart-1.ann")

        assert (world.release(), owed(sold)) == (0, ("90.00", "0.00", "0.00"))

        decide(world, dispute, won=True)
        assert (world.release(), owed(sold)) == (1, ("0.00", "90.00", "0.00"))

    def test_keeps_what_was_released_from_being_paid_out(self, world: World, sold: Seller) -> None:
        world.deliver_goods("cart-1.ann")
        world.release()
        dispute = open_dispute(world)

        with pytest.raises(NothingToPayOut):
            world.propose()

        decide(world, dispute, won=True)
        assert world.propose().total.text == "90.00"

    def test_lets_other_sales_be_paid_out_while_its_own_is_pending(self, world: World, sold: Seller) -> None:
        open_dispute(world)
        world.sell("cart-2", {"ann": "50.00"})
        world.deliver_goods("cart-2.ann")
        world.release()

        assert world.propose().total.text == "45.00"

    @pytest.mark.bad_input("B29")
    def test_refuses_a_refund(self, world: World, sold: Seller) -> None:
        open_dispute(world)

        with nothing_changes():
            assert_problem(refund(world, "10.00"), 422, "payment_disputed")


class TestADisputeThatIsWon:
    def test_gives_back_exactly_what_was_taken_but_the_fee(self, world: World, sold: Seller) -> None:
        dispute = decide(world, open_dispute(world), won=True)

        assert (dispute.state, dispute.withdrawn_minor) == ("won", 0)
        assert (told()[0], told()[-1]) == ("dispute.opened", "dispute.won")
        assert_balances(
            """
            debit   psp:stripe:clearing   76.80 EUR
            debit   psp:stripe:fees       23.20 EUR
            credit  seller:ann:pending    90.00 EUR
            credit  platform:commission   10.00 EUR
            """,
            names={sold.id: "ann"},
        )

    def test_can_be_refunded_again(self, world: World, sold: Seller) -> None:
        decide(world, open_dispute(world), won=True)

        assert refund(world).status_code == 201
        world.settle()

        assert Refund.objects.get().state == "succeeded"

    def test_may_have_a_second_round_that_is_booked_by_itself(self, world: World, sold: Seller) -> None:
        dispute = decide(world, open_dispute(world), won=True)

        world.provider.reopen_dispute(dispute.psp_ref)
        world.settle()

        again = Dispute.objects.get()
        assert (again.state, again.withdrawals, again.fee.text) == ("appeal_needs_response", 2, "40.00")
        assert balance(code="disputes:open", currency="EUR").text == "100.00"
        lost = decide(world, again, won=False)
        assert (lost.state, owed(sold)) == ("lost", ("0.00", "0.00", "0.00"))
        assert green()

    def test_is_asked_for_in_its_second_round_too(self, world: World, sold: Seller) -> None:
        dispute = decide(world, open_dispute(world), won=True)
        world.provider.reopen_dispute(dispute.psp_ref)
        world.settle()
        world.provider.decide_dispute(dispute.psp_ref, won=False)
        world.provider.take_webhooks()

        world.work(later=timedelta(days=1))

        assert (Dispute.objects.get().state, green()) == ("lost", True)

    def test_stays_won_when_an_older_answer_arrives_late(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        old = provider().fetch_dispute(dispute.psp_ref)
        assert isinstance(old, Succeeded)
        decide(world, dispute, won=True)

        with money_tx("test"):
            record_facts(old.value, psp="stripe", now=timezone.now())

        assert (Dispute.objects.get().state, balance(code="disputes:open", currency="EUR").minor) == ("won", 0)


class TestADisputeThatIsLost:
    def test_is_borne_by_the_seller_and_our_commission(self, world: World, sold: Seller) -> None:
        decide(world, open_dispute(world), won=False)

        assert told()[-1] == "dispute.lost"
        assert_balances(
            """
            debit   psp:stripe:fees       23.20 EUR
            credit  psp:stripe:clearing   23.20 EUR
            """,
            names={sold.id: "ann"},
        )

    def test_is_owed_to_us_once_the_money_was_paid_out(self, world: World, sold: Seller) -> None:
        pay_ann_out(world)

        decide(world, open_dispute(world), won=False)

        assert owed(sold) == ("0.00", "0.00", "90.00")
        assert green()

    def test_is_ours_where_policy_says_so(self, world: World, sold: Seller, settings: Any) -> None:
        settings.DISPUTES_BORNE_BY = "platform"

        decide(world, open_dispute(world), won=False)

        assert owed(sold) == ("90.00", "0.00", "0.00")
        assert balance(code="losses:disputes", currency="EUR").text == "100.00"

    def test_is_ours_where_the_seller_agreed_to_it(self, world: World, sold: Seller) -> None:
        Seller.objects.update(disputes_borne_by="platform")

        decide(world, open_dispute(world), won=False)

        assert owed(sold) == ("90.00", "0.00", "0.00")

    def test_is_borne_as_was_agreed_when_it_opened(self, world: World, sold: Seller, settings: Any) -> None:
        dispute = open_dispute(world)
        settings.DISPUTES_BORNE_BY = "platform"

        decide(world, dispute, won=False)

        assert owed(sold) == ("0.00", "0.00", "0.00")

    def test_with_a_fee_for_the_seller_leaves_it_owing_the_fee(self, world: World, sold: Seller, settings: Any) -> None:
        settings.DISPUTE_FEES_BORNE_BY = "seller"

        decide(world, open_dispute(world), won=False)

        assert owed(sold) == ("0.00", "0.00", "20.00")

    def test_is_divided_over_the_sellers_by_what_is_left_of_their_sales(
        self, world: World, ann: Seller, bob: Seller
    ) -> None:
        world.sell("cart-1", {"ann": "100.00", "bob": "20.00"})
        refund(world, "60.00")
        world.settle()

        dispute = decide(world, open_dispute(world, amount=3_000), won=False)

        assert sorted(share.amount.text for share in dispute.shares.all()) == ["10.00", "20.00"]
        assert (owed(ann)[0], owed(bob)[0]) == ("18.00", "9.00")

    def test_over_two_orders_of_one_seller_takes_what_is_available_once(self, world: World, ann: Seller) -> None:
        orders = [
            {"payment_order_id": f"two.{n}", "seller_account": "ann", "amount": amount, "currency": "EUR"}
            for n, amount in ((1, "60.00"), (2, "40.00"))
        ]
        body = {"checkout_id": "two", "buyer_info": {}, "payment_orders": orders}
        world.pay(world.shop.post("/v1/payments", body, key="two"))
        world.settle()
        for number in (1, 2):
            world.deliver_goods(f"two.{number}")
        world.release()
        refund(world, "20.00", order="two.1")
        world.settle()

        decide(world, open_dispute(world), won=False)

        assert owed(ann) == ("0.00", "0.00", "0.00")
        assert green()

    def test_for_more_than_was_paid_is_ours_beyond_it(self, world: World, sold: Seller) -> None:
        decide(world, open_dispute(world, amount=10_350), won=False)

        assert owed(sold) == ("0.00", "0.00", "0.00")
        assert balance(code="losses:disputes", currency="EUR").text == "3.50"
        assert green()

    def test_refuses_a_refund(self, world: World, sold: Seller) -> None:
        decide(world, open_dispute(world), won=False)

        assert_problem(refund(world, "10.00"), 422, "payment_disputed")

    def test_is_lost_by_silence(self, world: World, sold: Seller) -> None:
        open_dispute(world)

        world.provider.advance(12 * 24 * 3600)
        world.settle()

        assert Dispute.objects.get().state == "lost"


class TestWhatAPersonMustLookAt:
    """What no provider should say is booked by nobody, and names itself."""

    def hear(self, dispute: Dispute, *, minor: int, fee: int = 0, currency: str = "EUR") -> None:
        """Take over one more movement of a dispute."""
        found = provider().fetch_dispute(dispute.psp_ref)
        assert isinstance(found, Succeeded)
        moved = DisputeMovement(
            psp_ref="txn_odd", amount=Money(minor, currency), fee=Money(fee, currency), created_at=timezone.now()
        )
        with money_tx("test"):
            facts = replace(found.value, movements=(*found.value.movements, moved))
            record_facts(facts, psp="stripe", now=timezone.now())

    def test_is_more_money_than_was_lost(self, world: World, sold: Seller) -> None:
        dispute = decide(world, open_dispute(world), won=False)

        with nothing_changes(), pytest.raises(DisputeOverReturned, match=r"100\.01 EUR .* of which 100\.00 EUR"):
            self.hear(dispute, minor=10_001)

    def test_is_money_that_comes_back_twice_after_it_was_won(self, world: World, sold: Seller) -> None:
        dispute = decide(world, open_dispute(world), won=True)

        with nothing_changes(), pytest.raises(DisputeOverReturned, match="of which nothing was left"):
            self.hear(dispute, minor=10_000)

    def test_is_a_movement_in_another_currency(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)

        with nothing_changes(), pytest.raises(DisputeInAnotherCurrency, match=r"100\.00 USD"):
            self.hear(dispute, minor=10_000, currency="USD")

    def test_is_a_larger_fee_than_was_charged(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)

        with nothing_changes(), pytest.raises(DisputeOverReturned, match=r"20\.01 EUR in fees .* 20\.00 EUR was left"):
            self.hear(dispute, minor=10_000, fee=-2_001)


class TestAnInquiry:
    def test_moves_no_money(self, world: World, sold: Seller) -> None:
        entries = count_entries()

        dispute = open_dispute(world, inquiry=True)

        assert (dispute.state, count_entries()) == ("warning_needs_response", entries)
        assert refund(world, "10.00").status_code == 201

    def test_is_over_without_a_loss(self, world: World, sold: Seller) -> None:
        entries = count_entries()

        dispute = decide(world, open_dispute(world, inquiry=True), won=False)

        assert (dispute.state, events_of(dispute), count_entries()) == (
            "warning_closed",
            ["warn", "close_warning"],
            entries,
        )


class TestDisputesOfAStorefront:
    def test_are_listed_newest_first_page_by_page(self, world: World, ann: Seller) -> None:
        made = []
        for cart in ("cart-1", "cart-2", "cart-3"):
            world.sell(cart, {"ann": "10.00"})
            made.append(open_dispute(world).pk)

        first = world.shop.get("/v1/disputes?limit=2").json()
        second = world.shop.get(f"/v1/disputes?limit=2&cursor={first['next_cursor']}").json()

        assert [each["id"] for each in (*first["data"], *second["data"])] == made[::-1]
        assert second["next_cursor"] is None

    def test_are_found_by_order_and_by_status(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)

        def found(query: str) -> list[str]:
            return [each["id"] for each in world.shop.get(f"/v1/disputes?{query}").json()["data"]]

        assert found("payment_order_id=cart-1.ann") == found("status=needs_response") == [dispute.pk]
        assert found("payment_order_id=cart-9.ann") == found("status=won") == []

    @pytest.mark.bad_input("B31")
    def test_are_nobody_elses(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        path = f"/v1/disputes/{dispute.pk}"

        assert world.other_shop.get("/v1/disputes").json()["data"] == []
        assert_problem(world.other_shop.get(path), 404, "unknown_dispute")
        answer = world.other_shop.post(f"{path}/evidence", {"evidence": TEXTS}, key="e1")
        assert_problem(answer, 404, "unknown_dispute")

    @pytest.mark.bad_input("B32")
    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "status=open", "sort=amount", "cursor="])
    def test_refuse_a_filter_that_they_do_not_know(self, world: World, query: str) -> None:
        assert world.shop.get(f"/v1/disputes?{query}").status_code == 400
