"""Disputes, debts and payouts, event by event: each is booked as the accountant's table says, or refused by name."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import recipes
from ledger.chart import UnknownAccount
from ledger.money import CurrencyMismatch
from ledger.recipes import Debt, net_oldest_first
from tests.ledger.cast import NOON, bobs_split, euros, split, yen
from tests.ledger_text import assert_entry


class TestDisputeOpened:
    def test_moves_what_was_withdrawn_aside_and_loses_nothing_yet(self) -> None:
        entry = recipes.dispute_opened(psp="stripe", dispute="dp_1", amount=euros(10_000))

        assert entry.reference == "dp_1"
        assert_entry(
            entry,
            """
            debit   disputes:open        100.00 EUR  dp_1
            credit  psp:stripe:clearing  100.00 EUR  dp_1
            """,
        )

    def test_is_booked_again_for_a_second_round_under_the_same_item(self) -> None:
        entry = recipes.dispute_opened(psp="stripe", dispute="dp_1", amount=euros(10_000), dispute_round=2)

        assert entry.reference == "dp_1:2"
        assert {line.item for line in entry.lines} == {"dp_1"}

    @pytest.mark.parametrize("dispute_round", [0, -1])
    def test_refuses_a_round_before_the_first(self, dispute_round: int) -> None:
        with pytest.raises(recipes.BadArgument, match="dispute_round counts from 1"):
            recipes.dispute_opened(psp="stripe", dispute="dp_1", amount=euros(1), dispute_round=dispute_round)


class TestDisputeFeeCharged:
    def test_is_our_expense(self) -> None:
        assert_entry(
            recipes.dispute_fee_charged(psp="stripe", dispute="dp_1", fee=euros(2_000)),
            """
            debit   psp:stripe:fees      20.00 EUR  dp_1
            credit  psp:stripe:clearing  20.00 EUR  dp_1
            """,
        )

    def test_is_the_debt_of_the_seller_who_bears_it(self) -> None:
        entry = recipes.dispute_fee_charged(
            psp="stripe", dispute="dp_1", fee=euros(2_000), bearer="ann", dispute_round=2
        )

        assert entry.reference == "dp_1:2"
        assert_entry(
            entry,
            """
            debit   seller:ann:receivable  20.00 EUR  dp_1
            credit  psp:stripe:clearing    20.00 EUR  dp_1
            """,
        )


class TestDisputeWon:
    def test_restores_exactly_what_was_taken(self) -> None:
        opened = recipes.dispute_opened(psp="stripe", dispute="dp_1", amount=euros(10_000))

        won = recipes.dispute_won(psp="stripe", dispute="dp_1", amount=euros(10_000))

        assert won.reference == "dp_1"
        taken = {(line.account, line.amount, line.item) for line in opened.lines}
        assert {(line.account, -line.amount, line.item) for line in won.lines} == taken
        assert_entry(
            won,
            """
            debit   psp:stripe:clearing  100.00 EUR  dp_1
            credit  disputes:open        100.00 EUR  dp_1
            """,
        )


class TestDisputeRecovered:
    def test_is_the_mirror_of_the_loss_under_the_providers_movement(self) -> None:
        splits = [split(), bobs_split(2_050)]
        facts: Any = {"dispute": "dp_1", "amount": euros(12_100), "splits": splits, "platform_loss": euros(50)}
        lost = recipes.dispute_lost(**facts)

        back = recipes.dispute_recovered(psp="stripe", movement="txn_9", **facts)

        assert back.reference == "txn_9"
        borne = {(line.account, line.amount, line.item) for line in lost.lines if line.account != "disputes:open"}
        assert {(line.account, -line.amount, line.item) for line in back.lines[1:]} == borne
        assert_entry(
            back,
            """
            debit   psp:stripe:clearing    121.00 EUR  dp_1
            credit  seller:ann:pending      40.00 EUR  ord_1
            credit  seller:ann:reserved      5.00 EUR  ord_1
            credit  seller:ann:available    10.00 EUR  ord_1
            credit  seller:ann:receivable   32.70 EUR  ord_1
            credit  platform:commission     10.00 EUR  ord_1
            credit  tax:vat_pt               2.30 EUR  ord_1
            credit  seller:bob:pending      20.50 EUR  ord_2
            credit  losses:disputes          0.50 EUR  dp_1
            """,
        )

    def test_refuses_parts_that_are_not_the_whole(self) -> None:
        with pytest.raises(recipes.SplitDoesNotSum):
            recipes.dispute_recovered(
                psp="stripe", dispute="dp_1", movement="txn_9", amount=euros(10_001), splits=[split()]
            )


class TestDisputeFeeReturned:
    def test_is_ours_where_we_had_borne_it(self) -> None:
        assert_entry(
            recipes.dispute_fee_returned(psp="stripe", dispute="dp_1", movement="txn_9", fee=euros(2_000)),
            """
            debit   psp:stripe:clearing  20.00 EUR  dp_1
            credit  psp:stripe:fees      20.00 EUR  dp_1
            """,
        )

    def test_pays_first_what_the_seller_still_owes_of_it(self) -> None:
        fee, owed = euros(2_000), euros(1_500)

        entry = recipes.dispute_fee_returned(
            psp="stripe", dispute="dp_1", movement="txn_9", fee=fee, bearer="ann", owed=owed
        )

        assert entry.reference == "txn_9"
        assert_entry(
            entry,
            """
            debit   psp:stripe:clearing    20.00 EUR  dp_1
            credit  seller:ann:receivable  15.00 EUR  dp_1
            credit  seller:ann:available    5.00 EUR  dp_1
            """,
        )

    def test_refuses_a_debt_that_is_larger_than_the_fee(self) -> None:
        with pytest.raises(recipes.AmountNegative):
            recipes.dispute_fee_returned(
                psp="stripe", dispute="dp_1", movement="txn_9", fee=euros(1), bearer="ann", owed=euros(2)
            )


class TestDisputeLost:
    def test_is_borne_by_the_sellers_as_a_refund_is(self) -> None:
        splits = [split(), bobs_split(2_050)]

        entry = recipes.dispute_lost(dispute="dp_1", amount=euros(12_050), splits=splits, dispute_round=2)

        assert entry.reference == "dp_1:2"
        assert_entry(
            entry,
            """
            debit   seller:ann:pending     40.00 EUR  ord_1
            debit   seller:ann:reserved     5.00 EUR  ord_1
            debit   seller:ann:available   10.00 EUR  ord_1
            debit   seller:ann:receivable  32.70 EUR  ord_1
            debit   platform:commission    10.00 EUR  ord_1
            debit   tax:vat_pt              2.30 EUR  ord_1
            debit   seller:bob:pending     20.50 EUR  ord_2
            credit  disputes:open         120.50 EUR  dp_1
            """,
        )

    def test_is_our_loss_where_policy_says_so(self) -> None:
        assert_entry(
            recipes.dispute_lost(dispute="dp_1", amount=euros(10_000), platform_loss=euros(10_000)),
            """
            debit   losses:disputes  100.00 EUR  dp_1
            credit  disputes:open    100.00 EUR  dp_1
            """,
        )

    def test_is_our_loss_as_far_as_it_is_larger_than_the_payment(self) -> None:
        entry = recipes.dispute_lost(
            dispute="dp_1", amount=euros(2_100), splits=[bobs_split(2_050)], platform_loss=euros(50)
        )

        assert_entry(
            entry,
            """
            debit   seller:bob:pending  20.50 EUR  ord_2
            debit   losses:disputes      0.50 EUR  dp_1
            credit  disputes:open       21.00 EUR  dp_1
            """,
        )

    @pytest.mark.parametrize("loss", [49, 51])
    def test_refuses_parts_that_are_not_the_amount(self, loss: int) -> None:
        with pytest.raises(recipes.SplitDoesNotSum, match=r"dispute_lost dp_1: .* but amount is 21\.00 EUR"):
            recipes.dispute_lost(
                dispute="dp_1", amount=euros(2_100), splits=[bobs_split(2_050)], platform_loss=euros(loss)
            )

    def test_refuses_parts_below_zero(self) -> None:
        with pytest.raises(recipes.AmountNegative, match="platform_loss"):
            recipes.dispute_lost(
                dispute="dp_1", amount=euros(2_000), splits=[bobs_split(2_050)], platform_loss=euros(-50)
            )
        with pytest.raises(recipes.AmountNegative, match="from_pending of ord_2"):
            recipes.dispute_lost(dispute="dp_1", amount=euros(1), splits=[bobs_split(-1)], platform_loss=euros(2))

    def test_refuses_two_currencies(self) -> None:
        with pytest.raises(CurrencyMismatch):
            recipes.dispute_lost(dispute="dp_1", amount=euros(2_100), splits=[bobs_split(2_050)], platform_loss=yen(50))


def debt(item: str, minor: int, *, days: int = 0) -> Debt:
    return Debt(item=item, amount=euros(minor), since=NOON + timedelta(days=days))


class TestNetOldestFirst:
    def test_pays_the_oldest_debt_first_and_the_last_one_in_part(self) -> None:
        debts = [debt("ord_3", 500, days=3), debt("ord_1", 300, days=1), debt("ord_2", 400, days=2)]

        assert net_oldest_first(debts, euros(800)) == [
            ("ord_1", euros(300)),
            ("ord_2", euros(400)),
            ("ord_3", euros(100)),
        ]

    def test_takes_no_more_than_is_owed(self) -> None:
        assert net_oldest_first([debt("ord_1", 300)], euros(9_999)) == [("ord_1", euros(300))]

    def test_stops_where_the_money_ends(self) -> None:
        debts = [debt("ord_1", 300), debt("ord_2", 300, days=1)]

        assert net_oldest_first(debts, euros(300)) == [("ord_1", euros(300))]

    @pytest.mark.parametrize("available", [0, -5])
    def test_takes_nothing_where_nothing_is_available(self, available: int) -> None:
        assert net_oldest_first([debt("ord_1", 300)], euros(available)) == []

    def test_takes_debts_of_one_moment_in_the_order_of_their_items(self) -> None:
        assert net_oldest_first([debt("ord_2", 1), debt("ord_1", 1)], euros(1)) == [("ord_1", euros(1))]

    def test_refuses_a_debt_in_another_currency(self) -> None:
        with pytest.raises(CurrencyMismatch):
            net_oldest_first([debt("ord_1", 300)], yen(300))

    @given(owed=st.lists(st.integers(1, 500), max_size=6), available=st.integers(0, 2_000))
    def test_takes_all_that_is_available_or_all_that_is_owed(self, owed: list[int], available: int) -> None:
        debts = [debt(f"ord_{number}", minor, days=number) for number, minor in enumerate(owed)]

        parts = net_oldest_first(debts, euros(available))

        assert sum(part.minor for _, part in parts) == min(available, sum(owed))
        assert [item for item, _ in parts] == [debt.item for debt in debts[: len(parts)]]
        assert all(part.minor == minor for (_, part), minor in zip(parts[:-1], owed, strict=False))


class TestDebtNetted:
    def test_pays_each_debt_from_what_is_available(self) -> None:
        parts = net_oldest_first([debt("ord_1", 300), debt("dp_1", 2_000, days=1)], euros(1_000))

        entry = recipes.debt_netted(seller="ann", netting="net_1", amount=euros(1_000), parts=parts)

        assert entry.reference == "net_1"
        assert_entry(
            entry,
            """
            debit   seller:ann:available   10.00 EUR  net_1
            credit  seller:ann:receivable   3.00 EUR  ord_1
            credit  seller:ann:receivable   7.00 EUR  dp_1
            """,
        )

    def test_refuses_parts_that_are_not_the_amount(self) -> None:
        with pytest.raises(recipes.SplitDoesNotSum, match="debt_netted net_1"):
            recipes.debt_netted(seller="ann", netting="net_1", amount=euros(1_000), parts=[("ord_1", euros(999))])

    @pytest.mark.parametrize("minor", [0, -1])
    def test_refuses_a_part_of_nothing(self, minor: int) -> None:
        with pytest.raises(recipes.AmountNotPositive, match="the part of ord_1"):
            recipes.debt_netted(
                seller="ann",
                netting="net_1",
                amount=euros(1_000),
                parts=[("ord_1", euros(minor)), ("ord_2", euros(1_000 - minor))],
            )


class TestDebtWrittenOff:
    def test_is_our_loss(self) -> None:
        entry = recipes.debt_written_off(seller="ann", write_off="wo_1", item="ord_1", amount=euros(3_270))

        assert entry.reference == "wo_1"
        assert_entry(
            entry,
            """
            debit   losses:write_off       32.70 EUR  ord_1
            credit  seller:ann:receivable  32.70 EUR  ord_1
            """,
        )


class TestPayoutReserved:
    def test_takes_the_amount_out_of_what_is_available(self) -> None:
        entry = recipes.payout_reserved(seller="ann", payout="po_1", amount=euros(9_000))

        assert entry.reference == "po_1"
        assert_entry(
            entry,
            """
            debit   seller:ann:available  90.00 EUR  po_1
            credit  payouts:in_transit    90.00 EUR  po_1
            """,
        )


class TestPayoutPaid:
    def test_leaves_the_provider(self) -> None:
        entry = recipes.payout_paid(psp="stripe", payout="po_1", transfer="tr_1", amount=euros(9_000))

        assert entry.reference == "tr_1"
        assert_entry(
            entry,
            """
            debit   payouts:in_transit   90.00 EUR  po_1
            credit  psp:stripe:clearing  90.00 EUR  tr_1
            """,
        )

    def test_leaves_our_bank_where_the_bank_paid(self) -> None:
        assert_entry(
            recipes.payout_paid(source="bank:main", payout="po_1", transfer="e2e_1", amount=euros(9_000)),
            """
            debit   payouts:in_transit  90.00 EUR  po_1
            credit  bank:main           90.00 EUR  e2e_1
            """,
        )

    @pytest.mark.parametrize("where", [{}, {"psp": "stripe", "source": "bank:main"}])
    def test_refuses_none_or_two_places_that_the_money_left(self, where: dict[str, Any]) -> None:
        with pytest.raises(recipes.BadArgument, match="payout_paid tr_1: source and psp: give one of the two"):
            recipes.payout_paid(payout="po_1", transfer="tr_1", amount=euros(9_000), **where)

    def test_refuses_a_place_where_no_money_is(self) -> None:
        with pytest.raises(recipes.BadArgument, match="source must be one of"):
            recipes.payout_paid(payout="po_1", transfer="tr_1", amount=euros(1), source="seller:ann:available")
        with pytest.raises(UnknownAccount):
            recipes.payout_paid(payout="po_1", transfer="tr_1", amount=euros(1), source="petty:cash")


class TestPayoutNotPaid:
    def test_makes_the_amount_available_again(self) -> None:
        entry = recipes.payout_not_paid(seller="ann", payout="po_1", amount=euros(9_000))

        assert entry.reference == "po_1"
        assert_entry(
            entry,
            """
            debit   payouts:in_transit    90.00 EUR  po_1
            credit  seller:ann:available  90.00 EUR  po_1
            """,
        )


class TestPayoutReturned:
    def test_comes_back_to_the_provider(self) -> None:
        entry = recipes.payout_returned(
            psp="stripe", seller="ann", payout="po_1", reversal="trr_1", amount=euros(9_000)
        )

        assert entry.reference == "trr_1"
        assert_entry(
            entry,
            """
            debit   psp:stripe:clearing   90.00 EUR  trr_1
            credit  seller:ann:available  90.00 EUR  po_1
            """,
        )

    def test_comes_back_to_our_bank_where_the_bank_had_paid(self) -> None:
        assert_entry(
            recipes.payout_returned(
                source="bank:main", seller="ann", payout="po_1", reversal="rtn_1", amount=euros(9_000)
            ),
            """
            debit   bank:main             90.00 EUR  rtn_1
            credit  seller:ann:available  90.00 EUR  po_1
            """,
        )
