"""Money of disputes that comes back late: to whoever bore it, once, by the provider's own movement."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.money import Money
from ledger.selectors import balance, count_entries, wallet
from ledger.services import verify_books
from payments.models import Dispute, Seller
from payments.services import sync_dispute
from reconciliation.selectors import open_discrepancies
from reconciliation.services import fetch_statement, match_statement
from tests.database.attacks import attack
from tests.ledger_text import assert_balances, assert_posted
from tests.payments.dispute_steps import decide, open_dispute, pay_ann_out, told
from tests.world import World

ALL_BUT = (
    "payment_captured",
    "provider_fee_charged",
    "provider_fee_estimated",
    "provider_fee_trued_up",
    "dispute_opened",
    "dispute_fee_charged",
    "funds_released",
    "debt_netted",
)


def recover(world: World, dispute: Dispute, *, amount: int | None = None) -> Dispute:
    """Let the provider give money of a lost dispute back, and take it over."""
    world.provider.recover_dispute(dispute.psp_ref, amount=amount)
    world.settle()
    return Dispute.objects.get(pk=dispute.pk)


def return_fee(world: World, dispute: Dispute) -> Dispute:
    """Let the provider give its fee back, and take it over."""
    world.provider.return_dispute_fee(dispute.psp_ref)
    world.settle()
    return Dispute.objects.get(pk=dispute.pk)


def counter(world: World, dispute: Dispute) -> Dispute:
    """Let the provider charge its fee for a dispute that is countered, and take it over."""
    world.provider.charge_dispute_fee(dispute.psp_ref)
    world.settle()
    return Dispute.objects.get(pk=dispute.pk)


def owned(seller: Seller) -> tuple[str, str, str]:
    """Return what a seller has pending and available, and owes."""
    found = wallet(seller=seller.id, currency="EUR")
    return found.pending.text, found.available.text, found.receivable.text


@pytest.fixture(autouse=True)
def proved(world: World) -> Any:
    """After every story the books are proved, and the provider's statement agrees with them line by line."""
    yield
    world.provider.advance(1)
    now = timezone.now() + timedelta(seconds=2)
    statement = fetch_statement(actor="system:test", now=now)
    assert statement is not None
    assert set(match_statement(statement=statement.pk, now=now).lines) == {"matched"}
    assert open_discrepancies() == 0
    assert verify_books(actor="system:test", now=timezone.now()).green


class TestMoneyThatComesBackAfterALoss:
    def test_is_the_sellers_again_and_our_commission_ours(self, world: World, sold: Seller) -> None:
        lost = decide(world, open_dispute(world), won=False)
        assert owned(sold) == ("0.00", "0.00", "0.00")

        found = recover(world, lost)

        assert (found.state, found.withdrawn.text, owned(sold)) == ("lost", "0.00", ("90.00", "0.00", "0.00"))
        assert_posted(
            f"checkout:{found.checkout_id}",
            {
                "dispute_lost": """
                    debit   seller:ann:pending   90.00 EUR
                    debit   platform:commission  10.00 EUR
                    credit  disputes:open       100.00 EUR
                """,
                "dispute_recovered": """
                    debit   psp:stripe:clearing 100.00 EUR
                    credit  seller:ann:pending   90.00 EUR
                    credit  platform:commission  10.00 EUR
                """,
            },
            names={sold.id: "ann"},
            ignoring=ALL_BUT,
        )
        assert told()[-1] == "dispute.updated"

    def test_is_ours_where_we_bore_it(self, world: World, sold: Seller, settings: Any) -> None:
        settings.DISPUTES_BORNE_BY = "platform"
        lost = decide(world, open_dispute(world), won=False)
        # What was agreed when it opened counts, whatever is usual by now.
        settings.DISPUTES_BORNE_BY = "seller"

        found = recover(world, lost)

        assert_posted(
            f"checkout:{found.checkout_id}",
            {
                "dispute_lost": """
                    debit   losses:disputes     100.00 EUR
                    credit  disputes:open       100.00 EUR
                """,
                "dispute_recovered": """
                    debit   psp:stripe:clearing 100.00 EUR
                    credit  losses:disputes     100.00 EUR
                """,
            },
            names={sold.id: "ann"},
            ignoring=ALL_BUT,
        )

    def test_pays_the_debt_that_the_loss_had_made(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-0", {"bob": "200.00"})
        world.sell("cart-1", {"ann": "100.00"})
        pay_ann_out(world)
        lost = decide(world, open_dispute(world), won=False)
        assert owned(ann) == ("0.00", "0.00", "90.00")

        recover(world, lost)

        assert owned(ann) == ("0.00", "0.00", "0.00")

    def test_is_available_where_the_debt_was_paid_meanwhile(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-0", {"bob": "200.00"})
        world.sell("cart-1", {"ann": "100.00"})
        pay_ann_out(world)
        lost = decide(world, open_dispute(world), won=False)
        world.sell("cart-2", {"ann": "50.00"})
        world.deliver_goods("cart-2.ann")
        world.release()
        assert owned(ann) == ("0.00", "0.00", "45.00")

        recover(world, lost)

        assert owned(ann) == ("0.00", "45.00", "0.00")

    def test_is_divided_as_the_loss_was(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "60.00", "bob": "40.00"})
        lost = decide(world, open_dispute(world, amount=10_350), won=False)
        assert (owned(ann)[0], owned(bob)[0]) == ("0.00", "0.00")

        recover(world, lost)

        assert (owned(ann)[0], owned(bob)[0]) == ("54.00", "36.00")
        assert_balances(
            """
            debit   psp:stripe:clearing    76.80 EUR
            debit   psp:stripe:fees        23.20 EUR
            credit  seller:ann:pending     54.00 EUR
            credit  seller:bob:pending     36.00 EUR
            credit  platform:commission    10.00 EUR
            """,
            names={ann.id: "ann", bob.id: "bob"},
        )

    def test_may_come_in_parts_that_never_sum_to_more(self, world: World, ann: Seller, bob: Seller) -> None:
        world.sell("cart-1", {"ann": "60.00", "bob": "40.00"})
        lost = decide(world, open_dispute(world, amount=10_350), won=False)

        recover(world, lost, amount=3_333)
        recover(world, lost, amount=3_334)
        assert Dispute.objects.get().withdrawn.text == "36.83"
        recover(world, lost)

        assert (owned(ann)[0], owned(bob)[0]) == ("54.00", "36.00")

    def test_is_booked_once_however_often_it_is_heard_of(self, world: World, sold: Seller) -> None:
        lost = decide(world, open_dispute(world), won=False)
        recover(world, lost)
        entries = count_entries()

        for _ in range(3):
            sync_dispute(psp_ref=lost.psp_ref, now=timezone.now(), poll=False)

        assert (count_entries(), owned(sold)[0]) == (entries, "90.00")

    def test_of_a_second_round_undoes_that_rounds_loss(self, world: World, sold: Seller) -> None:
        won = decide(world, open_dispute(world), won=True)
        world.provider.reopen_dispute(won.psp_ref)
        world.settle()
        lost = decide(world, won, won=False)

        found = recover(world, lost)

        assert (found.state, owned(sold)[0], found.withdrawn.text) == ("lost", "90.00", "0.00")

    def test_is_released_where_the_order_was_delivered_meanwhile(self, world: World, sold: Seller) -> None:
        lost = decide(world, open_dispute(world), won=False)
        world.deliver_goods("cart-1.ann")
        assert world.release() == 1
        assert owned(sold) == ("0.00", "0.00", "0.00")

        recover(world, lost)
        world.release()

        assert owned(sold) == ("0.00", "90.00", "0.00")


class TestAFeeForCounteringADispute:
    """Another one than the withdrawal's; it comes back where the dispute is won."""

    def test_is_ours_as_the_first_one_is(self, world: World, sold: Seller) -> None:
        counter(world, open_dispute(world))

        assert balance(code="psp:stripe:fees", currency="EUR") == Money(4_320, "EUR")

    def test_is_the_sellers_who_bears_the_first_one(self, world: World, sold: Seller, settings: Any) -> None:
        settings.DISPUTE_FEES_BORNE_BY = "seller"
        dispute = counter(world, open_dispute(world))
        assert owned(sold)[2] == "40.00"

        return_fee(world, decide(world, dispute, won=True))

        assert owned(sold) == ("90.00", "0.00", "20.00")

    def test_is_booked_once_however_often_it_is_heard_of(self, world: World, sold: Seller) -> None:
        dispute = counter(world, open_dispute(world))
        entries = count_entries()

        for _ in range(3):
            sync_dispute(psp_ref=dispute.psp_ref, now=timezone.now(), poll=False)

        assert count_entries() == entries


class TestAFeeThatComesBack:
    def test_is_ours_where_we_had_borne_it(self, world: World, sold: Seller) -> None:
        dispute = return_fee(world, decide(world, open_dispute(world), won=True))

        assert dispute.fee.text == "0.00"
        assert_balances(
            """
            debit   psp:stripe:clearing    96.80 EUR
            debit   psp:stripe:fees         3.20 EUR
            credit  seller:ann:pending     90.00 EUR
            credit  platform:commission    10.00 EUR
            """,
            names={sold.id: "ann"},
        )

    def test_ends_what_the_seller_owes_of_it(self, world: World, sold: Seller, settings: Any) -> None:
        settings.DISPUTE_FEES_BORNE_BY = "seller"
        dispute = open_dispute(world)
        assert owned(sold) == ("90.00", "0.00", "20.00")
        settings.DISPUTE_FEES_BORNE_BY = "platform"

        return_fee(world, decide(world, dispute, won=True))

        assert owned(sold) == ("90.00", "0.00", "0.00")

    def test_is_available_to_the_seller_who_has_paid_it(self, world: World, sold: Seller, settings: Any) -> None:
        settings.DISPUTE_FEES_BORNE_BY = "seller"
        dispute = decide(world, open_dispute(world), won=True)
        world.deliver_goods("cart-1.ann")
        world.release()
        assert owned(sold) == ("0.00", "70.00", "0.00")

        return_fee(world, dispute)

        assert owned(sold) == ("0.00", "90.00", "0.00")

    def test_is_booked_once_however_often_it_is_heard_of(self, world: World, sold: Seller) -> None:
        dispute = return_fee(world, decide(world, open_dispute(world), won=True))
        entries = count_entries()

        for _ in range(3):
            sync_dispute(psp_ref=dispute.psp_ref, now=timezone.now(), poll=False)

        assert count_entries() == entries

    def test_comes_beside_money_that_comes_back(self, world: World, sold: Seller) -> None:
        lost = decide(world, open_dispute(world), won=False)

        recover(world, lost)
        return_fee(world, lost)

        assert owned(sold) == ("90.00", "0.00", "0.00")


class TestPostgresql:
    def test_refuses_that_something_came_back_which_was_never_withdrawn(self, world: World, sold: Seller) -> None:
        open_dispute(world, inquiry=True)

        attack("UPDATE payments_dispute SET reinstatements = 1", match="dispute_counts_agree")
