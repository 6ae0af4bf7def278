"""Money in, event by event: each is booked as the accountant's table says, or refused by name."""

from datetime import date
from typing import Any

import pytest

from ledger import recipes
from ledger.money import CurrencyMismatch
from tests.ledger.cast import bobs_split, euros, sale, split, yen
from tests.ledger_text import assert_entry

PAID_ON = date(2026, 3, 14)


class TestPaymentCaptured:
    def test_gives_each_seller_all_but_our_commission_and_its_tax(self) -> None:
        bobs = recipes.Sale(order="ord_2", seller="bob", gross=euros(2_050), commission=euros(205))

        entry = recipes.payment_captured(
            psp="stripe", charge="ch_1", sales=[sale(), bobs], subject="checkout:chk_1", value_date=PAID_ON
        )

        assert (entry.recipe, entry.reference) == ("payment_captured", "ch_1")
        assert (entry.subject, entry.value_date) == ("checkout:chk_1", PAID_ON)
        assert_entry(
            entry,
            """
            debit   psp:stripe:clearing   120.50 EUR  ch_1
            credit  seller:ann:pending     87.70 EUR  ord_1
            credit  platform:commission    10.00 EUR  ord_1
            credit  tax:vat_pt              2.30 EUR  ord_1
            credit  seller:bob:pending     18.45 EUR  ord_2
            credit  platform:commission     2.05 EUR  ord_2
            """,
        )

    def test_leaves_out_what_is_zero(self) -> None:
        free = recipes.Sale(order="ord_1", seller="ann", gross=euros(10_000), commission=euros(0))
        ours = sale(gross=euros(1_230))

        entry = recipes.payment_captured(psp="stripe", charge="ch_1", sales=[free, ours])

        assert_entry(
            entry,
            """
            debit   psp:stripe:clearing   112.30 EUR  ch_1
            credit  seller:ann:pending    100.00 EUR  ord_1
            credit  platform:commission    10.00 EUR  ord_1
            credit  tax:vat_pt              2.30 EUR  ord_1
            """,
        )

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"commission": euros(9_771)}, "the seller's part of ord_1"),
            ({"commission": euros(-1)}, "the commission of ord_1"),
            ({"commission_tax": euros(-1)}, "the tax of ord_1"),
        ],
    )
    def test_refuses_what_is_below_zero(self, changes: dict[str, object], field: str) -> None:
        with pytest.raises(recipes.AmountNegative, match=f"payment_captured ch_1: {field} must not be negative"):
            recipes.payment_captured(psp="stripe", charge="ch_1", sales=[sale(**changes)])

    @pytest.mark.parametrize("minor", [0, -1])
    def test_refuses_a_sale_for_nothing(self, minor: int) -> None:
        bad = recipes.Sale(order="ord_1", seller="ann", gross=euros(minor), commission=euros(0))

        with pytest.raises(recipes.AmountNotPositive, match="the gross of ord_1"):
            recipes.payment_captured(psp="stripe", charge="ch_1", sales=[sale(), bad])

    def test_refuses_a_payment_without_a_sale(self) -> None:
        with pytest.raises(recipes.NothingToBook, match="there is no sale"):
            recipes.payment_captured(psp="stripe", charge="ch_1", sales=[])

    def test_refuses_a_tax_without_a_name(self) -> None:
        with pytest.raises(recipes.BadArgument, match="tax must name the tax of ord_1"):
            recipes.payment_captured(psp="stripe", charge="ch_1", sales=[sale(tax="")])

    @pytest.mark.parametrize("changes", [{"commission": yen(1)}, {"commission_tax": yen(1)}, {"gross": yen(10_000)}])
    def test_refuses_two_currencies_in_a_sale(self, changes: dict[str, object]) -> None:
        with pytest.raises(CurrencyMismatch):
            recipes.payment_captured(psp="stripe", charge="ch_1", sales=[sale(**changes)])

    def test_refuses_two_currencies_in_a_payment(self) -> None:
        bobs = recipes.Sale(order="ord_2", seller="bob", gross=yen(500), commission=yen(50))

        with pytest.raises(CurrencyMismatch):
            recipes.payment_captured(psp="stripe", charge="ch_1", sales=[sale(), bobs])


class TestCashSaleReported:
    def test_makes_the_seller_owe_our_commission_and_its_tax(self) -> None:
        entry = recipes.cash_sale_reported(sale=sale())

        assert entry.reference == "ord_1"
        assert_entry(
            entry,
            """
            debit   seller:ann:receivable  12.30 EUR  ord_1
            credit  platform:commission    10.00 EUR  ord_1
            credit  tax:vat_pt              2.30 EUR  ord_1
            """,
        )

    def test_refuses_a_sale_of_which_nothing_is_ours(self) -> None:
        with pytest.raises(recipes.NothingToBook):
            recipes.cash_sale_reported(sale=sale(commission=euros(0), commission_tax=None))


class TestCashSaleCanceled:
    def test_ends_the_debt(self) -> None:
        assert_entry(
            recipes.cash_sale_canceled(sale=sale()),
            """
            debit   platform:commission    10.00 EUR  ord_1
            debit   tax:vat_pt              2.30 EUR  ord_1
            credit  seller:ann:receivable  12.30 EUR  ord_1
            """,
        )

    def test_gives_back_what_was_netted_already(self) -> None:
        assert_entry(
            recipes.cash_sale_canceled(sale=sale(), netted=euros(1_000)),
            """
            debit   platform:commission    10.00 EUR  ord_1
            debit   tax:vat_pt              2.30 EUR  ord_1
            credit  seller:ann:receivable   2.30 EUR  ord_1
            credit  seller:ann:available   10.00 EUR  ord_1
            """,
        )

    @pytest.mark.parametrize(("netted", "field"), [(1_231, "commission \\+ tax - netted"), (-1, "netted")])
    def test_refuses_more_netted_than_was_owed(self, netted: int, field: str) -> None:
        with pytest.raises(recipes.AmountNegative, match=f"cash_sale_canceled ord_1: {field}"):
            recipes.cash_sale_canceled(sale=sale(), netted=euros(netted))


class TestProviderFeeCharged:
    def test_is_kept_back_from_what_the_provider_holds(self) -> None:
        entry = recipes.provider_fee_charged(psp="stripe", balance_transaction="txn_1", source="ch_1", fee=euros(320))

        assert entry.reference == "txn_1"
        assert_entry(
            entry,
            """
            debit   psp:stripe:fees       3.20 EUR  ch_1
            credit  psp:stripe:clearing   3.20 EUR  ch_1
            """,
        )


class TestProviderFeeEstimated:
    def test_is_booked_as_if_it_were_known(self) -> None:
        entry = recipes.provider_fee_estimated(psp="stripe", charge="ch_1", fee=euros(320))

        assert entry.reference == "ch_1"
        assert_entry(
            entry,
            """
            debit   psp:stripe:fees       3.20 EUR  ch_1
            credit  psp:stripe:clearing   3.20 EUR  ch_1
            """,
        )


class TestProviderFeeTruedUp:
    def test_adds_what_is_missing(self) -> None:
        entry = recipes.provider_fee_trued_up(
            psp="stripe", balance_transaction="txn_1", charge="ch_1", estimated=euros(320), charged=euros(345)
        )

        assert entry.reference == "txn_1"
        assert_entry(
            entry,
            """
            debit   psp:stripe:fees       0.25 EUR  ch_1
            credit  psp:stripe:clearing   0.25 EUR  ch_1
            """,
        )

    def test_takes_back_what_was_too_much(self) -> None:
        entry = recipes.provider_fee_trued_up(
            psp="stripe", balance_transaction="txn_1", charge="ch_1", estimated=euros(320), charged=euros(0)
        )

        assert_entry(
            entry,
            """
            credit  psp:stripe:fees       3.20 EUR  ch_1
            debit   psp:stripe:clearing   3.20 EUR  ch_1
            """,
        )

    def test_refuses_a_fee_that_is_what_was_expected(self) -> None:
        with pytest.raises(recipes.NothingToBook, match=r"the fee of 3\.20 EUR is what was expected"):
            recipes.provider_fee_trued_up(
                psp="stripe", balance_transaction="txn_1", charge="ch_1", estimated=euros(320), charged=euros(320)
            )

    @pytest.mark.parametrize(("estimated", "charged"), [(-1, 5), (5, -1)])
    def test_refuses_a_fee_below_zero(self, estimated: int, charged: int) -> None:
        with pytest.raises(recipes.AmountNegative):
            recipes.provider_fee_trued_up(
                psp="stripe",
                balance_transaction="txn_1",
                charge="ch_1",
                estimated=euros(estimated),
                charged=euros(charged),
            )


class TestFundsReleased:
    def test_makes_what_was_pending_available(self) -> None:
        entry = recipes.funds_released(seller="ann", order="ord_1", amount=euros(9_000))

        assert entry.reference == "ord_1"
        assert_entry(
            entry,
            """
            debit   seller:ann:pending    90.00 EUR  ord_1
            credit  seller:ann:available  90.00 EUR  ord_1
            """,
        )

    def test_keeps_a_reserve_back(self) -> None:
        assert_entry(
            recipes.funds_released(seller="ann", order="ord_1", amount=euros(9_000), to_reserve=euros(900)),
            """
            debit   seller:ann:pending    90.00 EUR  ord_1
            credit  seller:ann:available  81.00 EUR  ord_1
            credit  seller:ann:reserved    9.00 EUR  ord_1
            """,
        )

    def test_may_keep_all_of_it_back(self) -> None:
        assert_entry(
            recipes.funds_released(seller="ann", order="ord_1", amount=euros(900), to_reserve=euros(900)),
            """
            debit   seller:ann:pending     9.00 EUR  ord_1
            credit  seller:ann:reserved    9.00 EUR  ord_1
            """,
        )

    def test_has_a_number_when_more_is_released_of_an_order(self) -> None:
        entry = recipes.funds_released(seller="ann", order="ord_1", amount=euros(900), number=2)

        assert (entry.reference, {line.item for line in entry.lines}) == ("ord_1:2", {"ord_1"})

    def test_counts_from_one(self) -> None:
        with pytest.raises(recipes.BadArgument, match="number counts from 1, and is 0"):
            recipes.funds_released(seller="ann", order="ord_1", amount=euros(900), number=0)

    @pytest.mark.parametrize(("reserve", "field"), [(9_001, "amount - to_reserve"), (-1, "to_reserve")])
    def test_refuses_a_reserve_that_is_no_part_of_it(self, reserve: int, field: str) -> None:
        with pytest.raises(recipes.AmountNegative, match=f"funds_released ord_1: {field}"):
            recipes.funds_released(seller="ann", order="ord_1", amount=euros(9_000), to_reserve=euros(reserve))


class TestReserveReleased:
    def test_makes_the_reserve_available(self) -> None:
        entry = recipes.reserve_released(seller="ann", order="ord_1", amount=euros(900))

        assert entry.reference == "ord_1"
        assert_entry(
            entry,
            """
            debit   seller:ann:reserved   9.00 EUR  ord_1
            credit  seller:ann:available  9.00 EUR  ord_1
            """,
        )


BORNE = """
    debit   seller:ann:pending     40.00 EUR  ord_1
    debit   seller:ann:reserved     5.00 EUR  ord_1
    debit   seller:ann:available   10.00 EUR  ord_1
    debit   seller:ann:receivable  32.70 EUR  ord_1
    debit   platform:commission    10.00 EUR  ord_1
    debit   tax:vat_pt              2.30 EUR  ord_1
"""


class TestRefundSucceeded:
    def test_is_borne_by_the_seller_and_gives_commission_and_tax_back(self) -> None:
        entry = recipes.refund_succeeded(psp="stripe", refund="re_1", amount=euros(10_000), split=split())

        assert entry.reference == "re_1"
        assert_entry(entry, f"{BORNE} credit psp:stripe:clearing 100.00 EUR re_1")

    def test_may_span_several_sellers(self) -> None:
        splits = [split(), bobs_split(2_050)]

        entry = recipes.refund_succeeded(psp="stripe", refund="re_1", amount=euros(12_050), split=splits)

        bobs = "debit seller:bob:pending 20.50 EUR ord_2"
        assert_entry(entry, f"{BORNE} {bobs}\n credit psp:stripe:clearing 120.50 EUR re_1")

    def test_is_ours_where_a_lost_dispute_took_the_sale_back(self) -> None:
        assert_entry(
            recipes.refund_succeeded(
                psp="stripe",
                refund="re_1",
                amount=euros(5_000),
                split=bobs_split(2_050),
                platform_loss=euros(2_950),
            ),
            """
            debit   seller:bob:pending    20.50 EUR  ord_2
            debit   losses:disputes       29.50 EUR  re_1
            credit  psp:stripe:clearing   50.00 EUR  re_1
            """,
        )

    def test_refuses_a_loss_below_zero(self) -> None:
        with pytest.raises(recipes.AmountNegative, match="platform_loss"):
            recipes.refund_succeeded(
                psp="stripe", refund="re_1", amount=euros(9_999), split=split(), platform_loss=euros(-1)
            )

    @pytest.mark.parametrize("minor", [9_999, 10_001])
    def test_refuses_parts_that_are_not_the_refund(self, minor: int) -> None:
        with pytest.raises(recipes.SplitDoesNotSum, match=r"refund_succeeded re_1: the parts sum to 100\.00 EUR"):
            recipes.refund_succeeded(psp="stripe", refund="re_1", amount=euros(minor), split=split())

    @pytest.mark.parametrize(
        "part", ["from_pending", "from_reserved", "from_available", "from_receivable", "commission_back", "tax_back"]
    )
    def test_refuses_a_part_below_zero(self, part: str) -> None:
        with pytest.raises(recipes.AmountNegative, match=f"{part} of ord_1"):
            recipes.refund_succeeded(
                psp="stripe", refund="re_1", amount=euros(10_000), split=split(**{part: euros(-1)})
            )

    def test_refuses_a_refund_of_nothing(self) -> None:
        with pytest.raises(recipes.AmountNotPositive, match="amount must be more than zero"):
            recipes.refund_succeeded(psp="stripe", refund="re_1", amount=euros(0), split=[])

    def test_refuses_two_currencies(self) -> None:
        with pytest.raises(CurrencyMismatch):
            recipes.refund_succeeded(psp="stripe", refund="re_1", amount=yen(10_000), split=split())

    def test_refuses_a_tax_without_a_name(self) -> None:
        with pytest.raises(recipes.BadArgument, match="tax must name the tax of ord_1"):
            recipes.refund_succeeded(psp="stripe", refund="re_1", amount=euros(10_000), split=split(tax=""))


class TestRefundFailedLate:
    def test_books_back_exactly_what_the_refund_took(self) -> None:
        borne: dict[str, Any] = {"split": [split(), bobs_split(2_050)], "platform_loss": euros(100)}
        refund = recipes.refund_succeeded(psp="stripe", refund="re_1", amount=euros(12_150), **borne)

        failure = recipes.refund_failed_late(psp="stripe", refund="re_1", amount=euros(12_150), **borne)

        assert (failure.recipe, failure.reference) == ("refund_failed_late", "re_1")
        moved = [(line.account, line.amount, line.item) for line in refund.lines]
        assert sorted((line.account, -line.amount, line.item) for line in failure.lines) == sorted(moved)

    def test_shows_the_providers_side_first(self) -> None:
        assert_entry(
            recipes.refund_failed_late(psp="stripe", refund="re_1", amount=euros(2_050), split=bobs_split(2_050)),
            """
            debit   psp:stripe:clearing   20.50 EUR  re_1
            credit  seller:bob:pending    20.50 EUR  ord_2
            """,
        )

    def test_refuses_another_split_than_the_whole(self) -> None:
        with pytest.raises(recipes.SplitDoesNotSum, match="refund_failed_late re_1"):
            recipes.refund_failed_late(psp="stripe", refund="re_1", amount=euros(2_050), split=bobs_split(2_049))
