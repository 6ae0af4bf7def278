"""One writer: what it writes once, what it refuses, and how it names the reason."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from django.utils.timezone import now as clock

from ledger import recipes
from ledger.entries import Entry, NotBalanced, credit, debit
from ledger.models import JournalEntry
from ledger.money import Money
from ledger.posting import InsufficientFunds, ReferenceReused, UnknownRecipe, post, post_batch
from ledger.selectors import balance, lines_of_account, open_items, wallet, wallets
from ledger.services import DayToCome, TextNotApart, UnknownAccount, lock_day
from operations.edges import NotInTransaction, money_tx
from tests.ledger_text import assert_balances, assert_posted
from tests.snapshot import nothing_changes

pytestmark = pytest.mark.django_db
NAMES: dict[str, str] = {}


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def captured(charge: str = "ch_1", gross: int = 10_000, commission: int = 1_000) -> Entry:
    sale = recipes.Sale(order="ord_1", seller="ann", gross=euros(gross), commission=euros(commission))
    return recipes.payment_captured(psp="stripe", charge=charge, sales=[sale], subject="checkout:chk_1")


def released(minor: int = 5_000) -> Entry:
    return recipes.funds_released(seller="ann", order="ord_1", amount=euros(minor))


def reserved(payout: str = "pay_1", minor: int = 5_000) -> Entry:
    return recipes.payout_reserved(seller="ann", payout=payout, amount=euros(minor))


def book(entry: Entry) -> bool:
    with money_tx("test"):
        return post(entry, actor="system:test", now=clock()).created


class TestPost:
    def test_writes_a_balanced_entry_and_moves_the_sellers_balance(self) -> None:
        assert book(captured())

        assert_posted(
            "checkout:chk_1",
            {
                "payment_captured": """
                    debit   psp:stripe:clearing  100.00 EUR
                    credit  seller:ann:pending    90.00 EUR
                    credit  platform:commission   10.00 EUR
                """
            },
            names=NAMES,
        )
        assert wallet(seller="ann", currency="EUR").pending == euros(9_000)

    def test_writes_the_same_event_only_once(self) -> None:
        book(captured())

        assert not book(captured())
        assert JournalEntry.objects.count() == 1
        assert wallet(seller="ann", currency="EUR").pending == euros(9_000)

    @pytest.mark.parametrize(
        ("other", "field"),
        [
            (captured(gross=10_001), "amount in line 0"),
            (captured(commission=900), "amount in line 1"),
            (captured(commission=0), "number of lines"),
        ],
    )
    def test_refuses_other_content_under_the_same_reference_naming_the_field(self, other: Entry, field: str) -> None:
        book(captured())

        with pytest.raises(ReferenceReused, match=field) as caught:
            book(other)
        assert caught.value.facts["field"] == field

    def test_refuses_the_same_event_about_something_else_or_of_another_day(self) -> None:
        book(captured())

        for other, field in [
            (replace(captured(), subject="checkout:chk_2"), "subject"),
            (replace(captured(), value_date=date(2026, 3, 13)), "value_date"),
        ]:
            with pytest.raises(ReferenceReused, match=field) as caught:
                book(other)
            assert caught.value.facts["field"] == field
            with pytest.raises(ReferenceReused, match=field), money_tx("test"):
                post_batch([captured("ch_2"), other], actor="system:test", now=clock())
        assert JournalEntry.objects.count() == 1

    @pytest.mark.parametrize(
        "other",
        [
            captured("ch_1\x1fch_2"),
            replace(captured(), subject="ch_1\x1fch_2"),
            replace(captured(), description="ch_1\x1fch_2"),
        ],
        ids=["reference", "subject", "description"],
    )
    def test_refuses_a_text_that_could_run_into_the_next_one(self, other: Entry) -> None:
        with nothing_changes(), pytest.raises(TextNotApart, match=r"payment_captured 'ch_1.* holds U\+001F"):
            book(other)

    def test_takes_the_same_event_told_on_another_day_in_other_words_for_the_same(self) -> None:
        book(captured())
        tomorrow = clock() + timedelta(days=1)

        with money_tx("test"):
            again = post(replace(captured(), description="a sale"), actor="system:test", now=tomorrow)

        assert not again.created

    @pytest.mark.parametrize("hours", [-9, 9])
    def test_books_into_the_utc_day_whatever_clock_the_caller_has(self, hours: int) -> None:
        midnight = datetime(2026, 3, 14, tzinfo=timezone(timedelta(hours=hours)))
        now = midnight + timedelta(hours=3 if hours > 0 else 21)

        with money_tx("test"):
            post(captured(), actor="system:test", now=now)

        entry = JournalEntry.objects.get()
        assert entry.business_date == entry.value_date == now.astimezone(UTC).date() != now.date()

    def test_refuses_to_take_a_seller_below_zero(self) -> None:
        book(captured())

        with pytest.raises(InsufficientFunds):
            book(recipes.funds_released(seller="ann", order="ord_1", amount=euros(9_001)))
        assert_balances(
            """
            debit   psp:stripe:clearing  100.00 EUR
            credit  seller:ann:pending    90.00 EUR
            credit  platform:commission   10.00 EUR
            """,
            names=NAMES,
        )

    def test_refuses_what_is_not_balanced(self) -> None:
        lines = (debit("psp:stripe:clearing", euros(2)), credit("platform:commission", euros(1)))

        with pytest.raises(NotBalanced):
            book(Entry(recipe="payment_captured", reference="ch_x", lines=lines))

    def test_refuses_a_recipe_that_is_not_in_the_book(self) -> None:
        with pytest.raises(UnknownRecipe):
            book(Entry(recipe="gift", reference="g_1", lines=captured().lines))

    def test_refuses_an_account_that_is_not_in_the_chart(self) -> None:
        lines = (debit("petty:cash", euros(1)), credit("platform:commission", euros(1)))

        with pytest.raises(UnknownAccount):
            book(Entry(recipe="payment_captured", reference="ch_x", lines=lines))

    def test_refuses_to_work_outside_its_callers_transaction(self) -> None:
        with pytest.raises(NotInTransaction):
            post(captured(), actor="system:test", now=clock())

    def test_books_a_late_fact_into_the_first_open_day_with_its_true_value_date(self) -> None:
        today = clock().date()
        with money_tx("test"):
            lock_day(business_date=today, actor="user:oscar", now=clock())

        book(captured())

        entry = JournalEntry.objects.get()
        assert (entry.business_date, entry.value_date) == (today + timedelta(days=1), today)


class TestRecipes:
    """Each recipe's docstring is its table: what it makes balances, and its accounts are the ones it names."""

    def test_every_recipe_says_its_table(self) -> None:
        for name, recipe in recipes.RECIPES.items():
            assert "Dr  " in str(recipe.__doc__), name
            assert "Cr  " in str(recipe.__doc__), name

    def test_a_refund_is_borne_by_pending_then_available_then_a_debt(self) -> None:
        book(captured())
        book(recipes.funds_released(seller="ann", order="ord_1", amount=euros(4_000)))
        book(recipes.payout_reserved(seller="ann", payout="pay_1", amount=euros(3_000)))
        split = recipes.RefundSplit(
            seller="ann",
            order="ord_1",
            from_pending=euros(5_000),
            from_available=euros(1_000),
            from_receivable=euros(3_000),
            commission_back=euros(1_000),
        )

        book(recipes.refund_succeeded(psp="stripe", refund="re_1", amount=euros(10_000), split=split))

        assert_balances(
            """
            debit   seller:ann:receivable  30.00 EUR
            credit  payouts:in_transit     30.00 EUR
            """,
            names=NAMES,
        )

    def test_a_payout_that_is_not_paid_is_available_again(self) -> None:
        book(captured())
        book(recipes.funds_released(seller="ann", order="ord_1", amount=euros(9_000)))
        book(recipes.payout_reserved(seller="ann", payout="pay_1", amount=euros(9_000)))

        book(recipes.payout_not_paid(seller="ann", payout="pay_1", amount=euros(9_000)))

        assert wallet(seller="ann", currency="EUR").available == euros(9_000)
        assert balance(code="payouts:in_transit", currency="EUR") == euros(0)


class TestWallets:
    def test_of_one_seller_are_no_other_sellers_whose_id_is_alike(self) -> None:
        for seller in ("ann_1", "ann-1", "ann_1.2"):
            sale = recipes.Sale(order=f"ord_{seller}", seller=seller, gross=euros(700), commission=euros(0))
            book(recipes.payment_captured(psp="stripe", charge=f"ch_{seller}", sales=[sale]))

        assert [found.seller for found in wallets(seller="ann_1")] == ["ann_1"]
        assert wallet(seller="ann%", currency="EUR").pending == euros(0)
        assert {found.seller for found in wallets()} == {"ann_1", "ann-1", "ann_1.2"}


class TestOpenItems:
    def test_decompose_the_clearing_balance_into_the_providers_objects(self) -> None:
        book(captured("ch_1"))
        book(captured("ch_2", gross=500, commission=50))
        fee = recipes.provider_fee_charged(psp="stripe", balance_transaction="txn_1", source="ch_1", fee=euros(320))
        book(fee)

        items = open_items(code="psp:stripe:clearing", currency="EUR")

        assert [(item.item, item.debit.text) for item in items] == [("ch_1", "96.80"), ("ch_2", "5.00")]


class TestLinesOfAccount:
    def test_carry_the_balance_on_from_line_to_line(self) -> None:
        book(captured("ch_1"))
        book(captured("ch_2", gross=500, commission=50))

        lines = lines_of_account(code="seller:ann:pending", currency="EUR")

        assert [line.debit.text for line in lines] == ["-90.00", "-4.50"]


class TestLockDay:
    def test_seals_the_journal_with_a_digest_that_depends_on_it(self) -> None:
        yesterday = clock().date() - timedelta(days=1)
        with money_tx("test"):
            empty = lock_day(business_date=yesterday, actor="user:oscar", now=clock())
        book(captured())

        with money_tx("test"):
            full = lock_day(business_date=clock().date(), actor="user:oscar", now=clock())

        assert empty != full
        assert len(full) == 64

    def test_refuses_a_day_that_is_to_come_whatever_clock_the_caller_has(self) -> None:
        in_two_days = clock() + timedelta(days=2)

        with pytest.raises(DayToCome), money_tx("test"):
            lock_day(business_date=in_two_days.date(), actor="user:oscar", now=in_two_days)
