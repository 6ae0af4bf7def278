"""The close of day: nothing red, then a lock."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger import recipes
from ledger.models import ClosedDay, JournalEntry
from ledger.services import DayAlreadyClosed, lock_day, post, verify_books
from reconciliation.models import Statement
from reconciliation.services import ChecklistNotGreen, DayNotOver, checklist, close_day
from tests.ledger.cast import euros
from tests.ledger.test_posting import book
from tests.reconciliation.steps import DAY_LATER, fetch, line, match, take_in
from tests.world import MAKER, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def today() -> date:
    """The business day of now."""
    return timezone.now().date()


def close(day: date) -> str:
    return close_day(business_date=day, actor=MAKER, now=timezone.now())


def reds(day: date, *, later: timedelta = timedelta(0)) -> dict[str, str]:
    """Return what is red on a day's checklist, with its reason."""
    items = checklist(business_date=day, actor=MAKER, now=timezone.now() + later)
    return {item.name: item.detail for item in items if not item.green}


def assert_refused(day: date, *reasons: str) -> None:
    """The day cannot be closed, for each of these reasons, and stays open."""
    with pytest.raises(ChecklistNotGreen) as caught:
        close(day)
    for reason in reasons:
        assert reason in str(caught.value)
    assert not ClosedDay.objects.exists()


class TestTheChecklist:
    def test_is_green_after_a_day_that_went_well(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))

        assert reds(today) == {}

    def test_wants_a_statement(self, world: World, charge: str, today: date) -> None:
        assert_refused(today, "statement of stripe in (no statement yet)")

    def test_wants_a_statement_that_was_matched(self, world: World, charge: str, today: date) -> None:
        fetch(world)

        assert_refused(today, "statement of stripe in (no statement yet)")

    def test_wants_a_statement_that_reaches_the_day(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))

        assert list(reds(today + timedelta(days=1))) == ["statement of stripe in"]
        assert f"statements reach {today}" in reds(today + timedelta(days=1))["statement of stripe in"]

    @pytest.mark.parametrize(
        ("reaching", "closed_after", "green"),
        [
            (timedelta(0), timedelta(hours=23), False),
            (timedelta(hours=10), timedelta(hours=23), True),
            (timedelta(hours=10), timedelta(hours=25), False),
            (timedelta(hours=24), timedelta(hours=25), True),
        ],
    )
    def test_wants_statements_of_a_whole_day_that_is_over_and_of_some_of_one_that_is_cut_off(
        self, reaching: timedelta, closed_after: timedelta, green: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        midnight = datetime(2026, 3, 14, tzinfo=UTC)
        monkeypatch.setattr("reconciliation.selectors.covered_until", lambda psp: midnight + reaching)

        found = checklist(business_date=midnight.date(), actor=MAKER, now=midnight + closed_after)

        assert {item.name: item.green for item in found}["statement of stripe in"] == green

    def test_wants_proved_books(self, world: World, charge: str, today: date, monkeypatch: pytest.MonkeyPatch) -> None:
        match(fetch(world))
        monkeypatch.setattr("ledger.proof.GUARDS", ("a_guard_that_somebody_dropped",))

        assert_refused(today, "books proved (1 finding)")

    def test_wants_nothing_unexplained(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))
        world.sell("cart-2", {"ann": "10.00"})

        assert reds(today, later=DAY_LATER)["nothing unexplained at stripe"] == "941 minor units"

    def test_wants_no_open_discrepancy(self, world: World, charge: str, today: date) -> None:
        world.provider.plan([{"op": "report", "action": "line_alter", "args": {"delta_minor": 1}}])
        match(fetch(world))

        assert_refused(today, "no open discrepancy (1 open)")

    def test_wants_no_order_whose_outcome_is_unknown(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))
        world.provider.plan([{"op": "checkout.session.create", "action": "drop", "times": 0}])
        world.order("cart-2", {"ann": "10.00"})
        world.work()

        assert_refused(today, "no unknown order (1 unknown)")

    def test_wants_no_payout_under_way(self, world: World, charge: str, today: date) -> None:
        world.deliver_goods("cart-1.ann")
        world.release()
        world.approve(world.propose())
        match(fetch(world))

        assert_refused(today, "no payout under way (1 under way)")

    def test_asks_for_every_provider_that_has_money_of_ours(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))
        self.sold_at_another_provider()

        assert reds(today) == {"statement of adyen in": "no statement yet"}
        assert reds(today, later=DAY_LATER)["nothing unexplained at adyen"] == "1000 minor units"

    def test_asks_for_every_provider_that_is_configured(
        self, world: World, charge: str, today: date, settings: Any
    ) -> None:
        match(fetch(world))
        settings.PSP_ROUTES = {"*": ["stripe"], "bolt": ["mollie"]}

        assert reds(today) == {"statement of mollie in": "no statement yet"}

    def test_compares_each_provider_with_its_own_statements(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))
        self.sold_at_another_provider()
        theirs = line("py_1", balance_transaction_id="a_1", gross="10.00", fee="0.00", net="10.00")

        result = match(take_in(theirs, psp="adyen"))

        assert result.lines == {"matched": 1}
        assert not any(name.startswith("nothing unexplained") for name in reds(today, later=DAY_LATER))

    def sold_at_another_provider(self) -> None:
        sale = recipes.Sale(order="ord_a", seller="ann", gross=euros(1_000), commission=euros(100))
        book(recipes.payment_captured(psp="adyen", charge="py_1", sales=[sale]))

    def test_names_every_reason_at_once(self, world: World, charge: str, today: date) -> None:
        world.deliver_goods("cart-1.ann")
        world.release()
        world.approve(world.propose())

        assert_refused(today, "no statement yet", "1 under way")


class TestCloseDay:
    def test_locks_the_day_and_what_it_covered(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))

        digest = close(today)

        day = ClosedDay.objects.get()
        assert (day.business_date, day.closed_by, day.digest, day.entries) == (today, MAKER, digest, 2)
        assert Statement.objects.get().state == "closed"

    def test_refuses_what_a_posting_under_way_changed_after_the_list_was_asked(
        self, world: World, charge: str, today: date, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        match(fetch(world))
        fee = recipes.provider_fee_charged(psp="stripe", balance_transaction="txn_x", source=charge, fee=euros(5))

        def commits_before_the_lock(**facts: Any) -> str:
            post(fee, actor="system:test", now=timezone.now())
            return lock_day(**facts)

        monkeypatch.setattr("reconciliation.services.closing.lock_day", commits_before_the_lock)

        assert_refused(today, "nothing unexplained at stripe (5 minor units)")
        assert Statement.objects.get().state == "matched"

    def test_refuses_a_day_that_is_closed_already(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))
        close(today)

        with pytest.raises(DayAlreadyClosed):
            close(today)
        with pytest.raises(DayAlreadyClosed):
            close(today - timedelta(days=1))
        assert ClosedDay.objects.count() == 1

    def test_refuses_a_day_that_has_not_begun(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))

        with pytest.raises(DayNotOver):
            close(today + timedelta(days=1))

    def test_has_later_facts_booked_into_the_next_open_day(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))
        digest = close(today)

        world.sell("cart-2", {"ann": "10.00"})

        late = JournalEntry.objects.filter(recipe="payment_captured").latest("id")
        assert (late.business_date, late.value_date) == (today + timedelta(days=1), today)
        assert ClosedDay.objects.get().digest == digest
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_leaves_a_statement_that_came_later_open(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))
        close(today)

        late = take_in(line("ch_unknown"))
        result = match(late)

        late.refresh_from_db()
        assert (late.state, result.lines) == ("matched", {"timing": 1})
