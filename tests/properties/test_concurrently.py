"""Several workers at once, on committed data: nothing is spent twice, nothing is lost, everything ends exact."""

import threading
from collections import Counter
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from config.embedded.processes import wait_until
from ledger import recipes
from ledger.money import Money
from ledger.selectors import balance, wallet
from ledger.services import InsufficientFunds, lock_wallet, post, verify_books
from operations.edges import money_tx
from payments.models import Seller
from payouts.models import Batch, Delivery
from payouts.services import NothingToPayOut, propose_batch, release_due
from tests.committed import at_once, somebody_waits_for_a_lock
from tests.payouts.steps import refund
from tests.world import CHECKER, MAKER, World

pytestmark = pytest.mark.usefixtures("committed_db")
THREADS = 8


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def earn(gross: int, *, charge: str = "ch_1") -> None:
    """Let ann earn money that is available at once."""
    sale = recipes.Sale(order=charge, seller="ann", gross=euros(gross), commission=euros(0))
    with money_tx("test"):
        post(
            recipes.payment_captured(psp="stripe", charge=charge, sales=[sale]),
            actor="system:test",
            now=timezone.now(),
        )
        released = recipes.funds_released(seller="ann", order=charge, amount=euros(gross))
        post(released, actor="system:test", now=timezone.now())


def reserve(number: int, minor: int) -> bool:
    """Spend from ann's available money; true where it was written now."""
    with money_tx("test"):
        entry = recipes.payout_reserved(seller="ann", payout=f"pay_{number}", amount=euros(minor))
        return post(entry, actor="system:test", now=timezone.now()).created


def assert_proved() -> None:
    assert verify_books(actor="system:test", now=timezone.now()).findings == ()


class TestPosting:
    def test_never_lets_a_seller_be_drained_below_zero(self) -> None:
        earn(1_000)

        def drain(thread: int) -> Counter[Any]:
            outcomes: Counter[Any] = Counter()
            for number in range(10):
                try:
                    outcomes[reserve(thread * 100 + number, 30)] += 1
                except InsufficientFunds:
                    outcomes["refused"] += 1
            return outcomes

        found: Counter[Any] = sum(at_once([partial(drain, thread) for thread in range(THREADS)]), Counter())

        assert found == {True: 33, "refused": THREADS * 10 - 33}
        assert wallet(seller="ann", currency="EUR").available == euros(10)
        assert balance(code="payouts:in_transit", currency="EUR") == euros(990)
        assert_proved()

    def test_writes_one_event_once_that_everybody_reports_at_the_same_time(self) -> None:
        earn(1_000)

        found = at_once([partial(reserve, 7, 400)] * THREADS)

        assert Counter(found) == {True: 1, False: THREADS - 1}
        assert wallet(seller="ann", currency="EUR").available == euros(600)
        assert_proved()

    def test_opens_an_account_once(self) -> None:
        at_once([partial(earn, 10, charge=f"ch_{number}") for number in range(THREADS)])

        assert wallet(seller="ann", currency="EUR").available == euros(10 * THREADS)
        assert_proved()

    def test_does_not_deadlock_when_wallets_are_locked_from_both_ends(self) -> None:
        earn(1_000)

        def lock_then_spend(number: int) -> bool:
            with money_tx("test"):
                lock_wallet(seller="ann", currency="EUR")
                entry = recipes.payout_reserved(seller="ann", payout=f"pay_{number}", amount=euros(1))
                return post(entry, actor="system:test", now=timezone.now()).created

        found = at_once([partial(lock_then_spend, number) for number in range(THREADS)])

        assert found == [True] * THREADS
        assert wallet(seller="ann", currency="EUR").available == euros(1_000 - THREADS)


class TestLockWallet:
    def test_sees_an_account_that_was_opened_while_it_waited(self) -> None:
        sale = recipes.Sale(order="ch_1", seller="ann", gross=euros(100), commission=euros(0))
        with money_tx("test"):
            captured = recipes.payment_captured(psp="stripe", charge="ch_1", sales=[sale])
            post(captured, actor="system:test", now=timezone.now())
        posted = threading.Event()

        def release_slowly() -> None:
            with money_tx("test"):
                released = recipes.funds_released(seller="ann", order="ch_1", amount=euros(100))
                post(released, actor="system:test", now=timezone.now())
                posted.set()
                wait_until(somebody_waits_for_a_lock, timeout_s=10)

        def look() -> tuple[Money, Money]:
            posted.wait(timeout=10)
            with money_tx("test"):
                locked = lock_wallet(seller="ann", currency="EUR")
            return locked.pending, locked.available

        _, seen = at_once([release_slowly, look])

        assert seen == (euros(0), euros(100))


@pytest.fixture
def market(committed_world: World) -> World:
    """The cast's world, with a delivered sale of ann's."""
    committed_world.open_seller("ann")
    committed_world.sell("cart-1", {"ann": "100.00"})
    committed_world.deliver_goods("cart-1.ann")
    return committed_world


def available(world: World) -> str:
    return wallet(seller=Seller.objects.get().pk, currency="EUR").available.text


class TestReleaseDue:
    def test_releases_an_order_once_however_many_workers_try(self, market: World) -> None:
        release = partial(release_due, limit=10, actor="system:test", now=timezone.now())

        found = at_once([release] * THREADS)

        assert sum(found) == 1
        assert available(market) == "90.00"
        assert Delivery.objects.get().released_minor == 9_000
        assert_proved()

    def test_and_a_refund_at_the_same_time_end_exact(self, market: World) -> None:
        came = at_once([market.release, lambda: refund(market, "cart-1.ann", "40.00")])
        assert [each for each in came if isinstance(each, Exception)] == []
        market.release()
        market.settle()

        assert available(market) == "54.00"
        assert_proved()


class TestProposeBatch:
    def test_promises_the_same_money_once_however_many_propose(self, market: World) -> None:
        market.release()

        def propose() -> Batch:
            return propose_batch(currency="EUR", reason="test", actor=MAKER, now=timezone.now())

        found = at_once([propose] * THREADS)

        assert Counter(type(each) is Batch for each in found) == {True: 1, False: THREADS - 1}
        assert {type(each) for each in found} == {Batch, NothingToPayOut}
        assert available(market) == "0.00"
        assert Batch.objects.get().total == euros(9_000)
        assert_proved()


class TestApproval:
    def test_is_given_once_and_the_money_moves_once(self, market: World) -> None:
        market.release()
        batch = market.propose()

        def approve(who: str) -> None:
            market.approve(batch, by=who)

        found = at_once([partial(approve, f"{CHECKER}{number}") for number in range(4)])
        at_once([market.work] * 4)
        market.settle()

        assert found.count(None) == 1
        assert [transfer["amount"] for transfer in market.provider.ledger()["transfers"]] == [9_000]
        assert_proved()
