"""The books against a small model in plain Python: whatever is posted, in whatever order, both agree."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from ledger import recipes
from tests.properties.books import PSP, overdrawn
from tests.properties.books_treasury import Books

# Fifty stories of 25 steps, however slow the machine is.
pytestmark = pytest.mark.timeout(300)

BANK = {"source": "bank:main"}
NO_SHARES = [0] * 6


class Newest:
    """Chooses what was added last, where the machine would choose by chance."""

    def choice(self, options: Sequence[object]) -> object:
        return options[-1]


NEWEST = Newest()


class TestTheBooks:
    @pytest.mark.django_db
    def test_agree_with_a_small_model_whatever_is_posted(self) -> None:
        run_state_machine_as_test(
            Books,
            settings=settings(
                max_examples=50, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )

    def test_have_a_model_that_knows_an_overdraft(self) -> None:
        assert overdrawn("seller:ann:available", 1)
        assert overdrawn("seller:ann:receivable", -1)
        assert overdrawn("payouts:in_transit", 1)
        assert overdrawn("disputes:open", -1)
        assert overdrawn("deposits:in_transit", -1)
        assert not overdrawn("psp:stripe:clearing", -1)


@pytest.mark.django_db
class TestTheRules:
    """The machine's own rules, played by hand: chance may never try an event, but every event can be tried."""

    @pytest.fixture
    def books(self) -> Iterator[Books]:
        books = Books()
        books.fund(funded=True)
        yield books
        books.teardown()

    def test_book_every_event_of_the_recipe_book(self, books: Books) -> None:
        _money_in(books)
        _money_out(books)
        _treasury(books)

        assert {recipe for recipe, _ in books.posted} == set(recipes.RECIPES)
        books.balances_are_the_models()
        books.open_items_are_the_models()
        books.books_are_proved()

    def test_are_refused_what_is_not_there(self, books: Books) -> None:
        before = dict(books.posted)

        books.release(seller="ann", currency="EUR", share=110, reserve=0)
        books.release_a_reserve(seller="ann", currency="EUR", share=110)
        books.refund(seller="ann", other="", currency="EUR", shares=[105, *NO_SHARES[1:]], ours=0)
        books.write_a_debt_off(seller="ann", currency="EUR", share=100)
        books.pay_out(seller="ann", currency="EUR", share=110, source=BANK, end="paid")

        assert books.posted == before
        books.balances_are_the_models()


def _money_in(books: Books) -> None:
    books.capture(seller="ann", other="bob", currency="EUR", gross=500, bps=1_000, tax_bps=2_300)
    for _ in range(2):
        books.sell_for_cash(seller="ann", currency="EUR", gross=400, bps=5_000, tax_bps=0)
    books.cancel_a_cash_sale(pick=NEWEST, percent=50)
    books.charge_a_fee(currency="EUR", fee=7)
    books.estimate_a_fee(currency="EUR", fee=7)
    books.true_a_fee_up(pick=NEWEST, missing=-2)
    books.release(seller="ann", currency="EUR", share=50, reserve=10)
    books.release_a_reserve(seller="ann", currency="EUR", share=50)
    books.refund(seller="ann", other="bob", currency="EUR", shares=[10, 10, 10, 10, 10, 10], ours=700)
    books.fail_a_refund_late(pick=NEWEST)


def _money_out(books: Books) -> None:
    for ends in (["won", "lost"], ["recovered"], [""]):
        books.dispute(
            seller="bob", currency="EUR", amount=50, ends=ends, bearer="ann", shares=[5, 5, 5, 5, 5, 5], ours=False
        )
    books.pass_a_loss_on(seller="bob", currency="EUR", shares=[5, 5, 5, 5, 5, 5])
    books.write_a_debt_off(seller="ann", currency="EUR", share=10)
    books.net_debts(seller="ann", currency="EUR", share=10)
    for end in ("paid", "not paid", "paid twice", "returned", ""):
        books.pay_out(seller="bob", currency="EUR", share=20, source=BANK if end else {"psp": PSP}, end=end)


def _treasury(books: Books) -> None:
    for end in ("failed", "arrived", "both", ""):
        books.deposit(currency="EUR", amount=100, was_sent=True, end=end)
    books.deposit(currency="EUR", amount=100, was_sent=False, end="both")
    for end in ("in parts", "both", "returned"):
        books.receive_unidentified(currency="EUR", amount=9, seller="bob", end=end)
    books.round(account="bank:main", currency="EUR", lost=-1)
    books.exchange(sold=3, hundredths=16_255, fee=2, over=1)
    books.exchange_back(euros=3, hundredths=16_255, over=1)
    books.write_a_journal(currency="EUR", moves=[("equity:opening", -50)])
    books.reverse(pick=NEWEST)
