"""Balances, now and as of any past moment, are the same from checkpoints as from the lines."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import recipes
from ledger.money import Money
from ledger.selectors import balance, last_closed_day, trial_balance
from ledger.services import lock_day, post, seal_journal
from operations import database
from operations.edges import money_tx
from tests.committed import wipe

pytestmark = pytest.mark.usefixtures("committed_db")

CLEARING = "psp:stripe:clearing"
FIRST = datetime(2026, 3, 30, 12, 0, tzinfo=UTC)


def capture(charge: str, minor: int, *, at: datetime, value_date: date | None = None) -> None:
    sale = recipes.Sale(order=charge, seller="ann", gross=Money(minor, "EUR"), commission=Money(0, "EUR"))
    entry = recipes.payment_captured(psp="stripe", charge=charge, sales=[sale], value_date=value_date)
    with money_tx("test"):
        post(entry, actor="system:test", now=at)


def close(day: date, *, at: datetime) -> None:
    with money_tx("test"):
        lock_day(business_date=day, actor="user:oscar", now=at)


def cleared(**moment: date | datetime) -> str:
    return balance(code=CLEARING, currency="EUR", **moment).text  # type: ignore[arg-type]


@pytest.fixture(params=["sealed never", "sealed halfway", "sealed last"])
def a_week(request: pytest.FixtureRequest, committed_db: None) -> None:
    """Three captures on three days, the last one recorded late for its value date, with a seal somewhere between."""
    capture("ch_monday", 1_000, at=FIRST)
    capture("ch_tuesday", 200, at=FIRST + timedelta(days=1))
    if request.param == "sealed halfway":
        assert seal_journal(now=FIRST)
    capture("ch_wednesday", 30, at=FIRST + timedelta(days=2), value_date=FIRST.date())
    if request.param == "sealed last":
        assert seal_journal(now=FIRST)


@pytest.mark.usefixtures("a_week")
class TestBalance:
    def test_is_the_sum_of_all_lines_now(self) -> None:
        assert cleared() == "12.30"

    @pytest.mark.parametrize(
        ("days", "expected"), [(-1, "0.00"), (0, "10.00"), (1, "12.00"), (2, "12.30"), (9, "12.30")]
    )
    def test_on_a_business_day_counts_what_was_booked_up_to_it(self, days: int, expected: str) -> None:
        assert cleared(on=FIRST.date() + timedelta(days=days)) == expected

    @pytest.mark.parametrize(
        ("hours", "expected"),
        [(-1, "0.00"), (0, "10.00"), (23, "10.00"), (24, "12.00"), (47, "12.00"), (48, "12.30"), (500, "12.30")],
    )
    def test_at_an_instant_counts_what_was_recorded_by_then(self, hours: int, expected: str) -> None:
        assert cleared(at=FIRST + timedelta(hours=hours)) == expected

    @pytest.mark.parametrize(("days", "expected"), [(-1, "0.00"), (0, "10.30"), (1, "12.30"), (2, "12.30")])
    def test_effective_on_a_day_counts_what_moved_by_then(self, days: int, expected: str) -> None:
        assert cleared(effective_on=FIRST.date() + timedelta(days=days)) == expected

    def test_at_an_instant_counts_what_was_booked_ahead_because_its_day_was_closed(self) -> None:
        wednesday = FIRST.date() + timedelta(days=2)
        close(wednesday, at=FIRST + timedelta(days=2, hours=1))
        capture("ch_late", 4_000, at=FIRST + timedelta(days=2, hours=2))

        assert cleared(on=wednesday) == "12.30"
        assert cleared(on=wednesday + timedelta(days=1)) == "52.30"
        assert cleared(at=FIRST + timedelta(days=2, hours=1)) == "12.30"
        assert cleared(at=FIRST + timedelta(days=2, hours=2)) == "52.30"

    def test_refuses_two_moments_at_once(self) -> None:
        with pytest.raises(ValueError, match="one moment"):
            balance(code=CLEARING, currency="EUR", on=FIRST.date(), at=FIRST)


class TestTrialBalance:
    def test_sums_to_zero_at_every_moment(self, a_week: None) -> None:
        for day in range(4):
            when = FIRST + timedelta(days=day)
            for moment in ({"on": when.date()}, {"at": when}, {"effective_on": when.date()}):
                assert sum(found.debit_minor for found in trial_balance(**moment)) == 0


FACT = st.tuples(
    st.integers(0, 30),  # hours since the step before
    st.integers(-3, 2),  # its value date, in days from the day on which it is recorded
    st.integers(1, 999),
)
STEP = st.one_of(FACT, st.just("seal"), st.just("close"))


class TestEveryHistory:
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(STEP, min_size=1, max_size=12))
    def test_reads_the_same_from_checkpoints_as_from_the_lines(self, steps: list[tuple[int, ...] | str]) -> None:
        wipe()
        clock = FIRST
        for number, step in enumerate(steps):
            if step == "seal":
                seal_journal(now=clock)
            elif step == "close":
                if last_closed_day() is None or last_closed_day() < clock.date():  # type: ignore[operator]
                    close(clock.date(), at=clock)
            else:
                hours, shift, minor = (int(part) for part in step)
                clock += timedelta(hours=hours)
                capture(f"ch_{number}", minor, at=clock, value_date=clock.date() + timedelta(days=shift))

        for day in range(-4, 18):
            when = FIRST + timedelta(days=day)
            for moment, clause in (
                ({}, "true"),
                ({"on": when.date()}, "business_date <= %(day)s"),
                ({"at": when}, "recorded_at <= %(when)s"),
                ({"effective_on": when.date()}, "value_date <= %(day)s"),
            ):
                summed = database.fetch_all(
                    "SELECT a.code, sum(l.amount_minor)::bigint AS minor FROM ledger_journalline AS l"
                    f" JOIN ledger_account AS a ON a.id = l.account_id WHERE {clause} GROUP BY a.code",
                    {"day": when.date(), "when": when},
                )
                expected = {row["code"]: row["minor"] for row in summed if row["minor"]}
                read = trial_balance(**moment)
                assert {found.code: found.debit_minor for found in read if found.debit_minor} == expected, moment
                assert cleared(**moment) == Money(expected.get(CLEARING, 0), "EUR").text
