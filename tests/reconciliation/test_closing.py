"""The close of day: nothing red, then a lock."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from ledger.models import ClosedDay, JournalEntry
from ledger.services import DayAlreadyClosed, verify_books
from reconciliation.models import Statement
from reconciliation.services import ChecklistNotGreen, DayNotOver, checklist, close_day
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
        assert_refused(today, "statement in (no statement yet)")

    def test_wants_a_statement_that_was_matched(self, world: World, charge: str, today: date) -> None:
        fetch(world)

        assert_refused(today, "statement in (no statement yet)")

    def test_wants_a_statement_that_reaches_the_day(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))

        assert list(reds(today + timedelta(days=1))) == ["statement in"]
        assert f"statements reach {today}" in reds(today + timedelta(days=1))["statement in"]

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

        assert {item.name: item.green for item in found}["statement in"] == green

    def test_wants_proved_books(self, world: World, charge: str, today: date, monkeypatch: pytest.MonkeyPatch) -> None:
        match(fetch(world))
        monkeypatch.setattr("ledger.proof.GUARDS", ("a_guard_that_somebody_dropped",))

        assert_refused(today, "books proved (1 findings)")

    def test_wants_nothing_unexplained(self, world: World, charge: str, today: date) -> None:
        match(fetch(world))
        world.sell("cart-2", {"ann": "10.00"})

        assert reds(today, later=DAY_LATER)["nothing unexplained"] == "941 minor units"

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
