"""How a provider says what it settled in another currency, and how exact that stays: rates, amounts, disputes."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from ledger.money import Money
from ledger.selectors import exchanges
from payments.gateway import Settlement, Succeeded, provider
from payments.gateway.currencies import rate_from_stripe
from payments.gateway.stripe_objects import Unreadable, dispute
from payments.models import Attempt, Seller
from tests.world import World

AT = 1_794_000_000


def settled(minor: int, *, currency: str = "EUR", rate: str | None = "0.92345", step: int = 1) -> Settlement:
    return Settlement(
        psp_ref="txn_1",
        amount=Money(minor, currency),
        fee=Money(0, currency),
        at=datetime.fromtimestamp(AT, UTC),
        rate=Decimal(rate) if rate else None,
        step=step,
    )


class TestARate:
    @pytest.mark.parametrize(
        ("sold", "bought", "shown", "usual"),
        [
            ("usd", "eur", "0.92345", "0.92345"),
            ("jpy", "eur", "0.6174", "0.006174"),
            ("eur", "jpy", "1.6197", "161.97"),
            ("bhd", "eur", "0.24512", "2.4512"),
            # What Stripe writes otherwise than ISO 4217: two decimals of krónur and shillings, none of ariary.
            ("isk", "eur", "0.0068", "0.0068"),
            ("ugx", "eur", "0.00024", "0.00024"),
            ("mga", "eur", "0.0195", "0.000195"),
        ],
    )
    def test_is_of_whole_units_whatever_decimals_amounts_are_written_with(
        self, sold: str, bought: str, shown: str, usual: str
    ) -> None:
        assert rate_from_stripe(Decimal(shown), sold=sold, bought=bought) == Decimal(usual)

    @pytest.mark.parametrize("rate", ["0.92345", "0.9234567890123456", "0.00001234567", "1.1"])
    def test_is_read_digit_for_digit_as_it_was_written(self, world: World, ann: Seller, rate: str) -> None:
        world.provider.settle_in("eur", {"usd": rate})
        world.sell("cart-1", {"ann": "900.00"}, currency="USD")

        outcome = provider().fetch_checkout(str(Attempt.objects.get().psp_ref))

        assert isinstance(outcome, Succeeded)
        assert outcome.value.settlement
        assert outcome.value.settlement.rate == Decimal(rate)

    def test_with_more_digits_than_the_books_keep_is_cut_to_those(self, world: World, ann: Seller) -> None:
        world.provider.settle_in("eur", {"jpy": "0.0061741234567890123"})

        world.sell("cart-1", {"ann": "10000"}, currency="JPY")

        today = timezone.now().date()
        [found] = exchanges(since=today, until=today).values()
        assert (found.ledger, found.rate.rate) == (Money(6_174, "EUR"), Decimal("0.006174123456789012"))

    def test_that_was_read_as_a_binary_number_is_not_believed(self) -> None:
        with pytest.raises(Unreadable, match="not read as it was written"):
            dispute(disputed(moved(-9_500, exchange_rate=0.95)))


class TestASettlement:
    @pytest.mark.parametrize("minor", [9_234, 9_235, 9_236, -9_235])
    def test_is_of_an_amount_that_comes_to_it_but_for_rounding(self, minor: int) -> None:
        assert settled(minor).is_of(Money(10_000, "USD"))

    @pytest.mark.parametrize("minor", [9_237, 9_233, 4_617, 0])
    def test_is_of_no_other_amount(self, minor: int) -> None:
        assert not settled(minor).is_of(Money(10_000, "USD"))

    def test_of_much_may_differ_by_what_a_shown_rate_leaves_out(self) -> None:
        assert settled(9_234_512_00).is_of(Money(10_000_000_00, "USD"))
        assert not settled(9_236_000_00).is_of(Money(10_000_000_00, "USD"))

    def test_may_differ_by_the_step_in_which_the_currency_moves(self) -> None:
        assert settled(1_230, currency="BHD", rate="0.3769", step=10).is_of(Money(324, "EUR"))
        assert not settled(1_230, currency="BHD", rate="0.3769").is_of(Money(324, "EUR"))

    def test_without_a_rate_is_of_what_it_is_said_to_be(self) -> None:
        assert settled(9_235, rate=None).is_of(Money(10_000, "USD"))
        assert not settled(0, rate=None).is_of(Money(10_000, "USD"))


def moved(minor: int, *, currency: str = "eur", fee: int = 0, exchange_rate: Any = Decimal("0.95")) -> dict[str, Any]:
    named = {"id": f"txn_{minor}", "created": AT, "exchange_rate": exchange_rate}
    return {**named, "amount": minor, "currency": currency, "fee": fee}


def disputed(*movements: dict[str, Any]) -> dict[str, Any]:
    """Return a dispute over 100.00 USD as Stripe shows it."""
    told = {"id": "du_1", "charge": "ch_1", "status": "needs_response", "created": AT, "reason": "fraudulent"}
    return {**told, "amount": 10_000, "currency": "usd", "balance_transactions": list(movements)}


def amounts(*movements: dict[str, Any]) -> list[Money]:
    return [movement.amount for movement in dispute(disputed(*movements)).movements]


class TestADispute:
    def test_says_its_movements_in_its_own_currency_and_fees_in_that_of_settlement(self) -> None:
        [withdrawn] = dispute(disputed(moved(-9_500, fee=2_000))).movements

        assert (withdrawn.amount, withdrawn.fee) == (Money(-10_000, "USD"), Money(2_000, "EUR"))
        assert withdrawn.settlement
        assert (withdrawn.settlement.amount, withdrawn.settlement.rate) == (Money(-9_500, "EUR"), Decimal("0.95"))

    def test_gives_back_all_that_is_withdrawn_at_another_rate(self) -> None:
        back = moved(9_001, exchange_rate=Decimal("0.90005"))

        assert amounts(moved(-9_500), back) == [Money(-10_000, "USD"), Money(10_000, "USD")]

    def test_gives_back_in_parts_what_is_left_to_the_cent(self) -> None:
        parts = [moved(3_333, exchange_rate=Decimal("0.99999")), moved(6_134, exchange_rate=Decimal("0.91999"))]

        first, second, third = amounts(moved(-9_500), *parts)

        assert (first + second + third, second) == (Money(0, "USD"), Money(3_333, "USD"))

    def test_of_another_amount_than_is_disputed_is_what_the_rate_says(self) -> None:
        assert amounts(moved(-4_750)) == [Money(-5_000, "USD")]

    def test_without_a_rate_moves_all_of_it(self) -> None:
        assert amounts(moved(-9_500, exchange_rate=None), moved(9_100, exchange_rate=None)) == [
            Money(-10_000, "USD"),
            Money(10_000, "USD"),
        ]

    def test_that_gives_back_more_than_was_withdrawn_without_a_rate_is_not_believed(self) -> None:
        with pytest.raises(Unreadable, match="has no rate"):
            dispute(disputed(moved(9_500, exchange_rate=None)))

    def test_moves_nothing_where_only_a_fee_comes_back(self) -> None:
        assert amounts(moved(0, fee=-2_000)) == [Money(0, "USD")]
