"""Rate limits: exact across processes, and refilled by the clock of the database."""

from typing import Any

import pytest
from django.db import connection

from operations.rates import Rate, take
from operations.services import forget_buckets as forget_full_buckets
from tests.committed import at_once, committed_db

__all__ = ["committed_db"]


def age_buckets(seconds: int) -> None:
    """Make every bucket that much older, as if nobody had asked meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE operations_ratebucket SET filled_at = filled_at - make_interval(secs => %s)", [seconds])


def forget_buckets() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM operations_ratebucket")


@pytest.mark.django_db
class TestTake:
    RATE = Rate(per_second=1, burst=3)

    def test_lets_a_burst_through_and_then_says_how_long_to_wait(self) -> None:
        waits = [take(client="ann", kind="read", rate=self.RATE) for _ in range(5)]

        assert waits == [0, 0, 0, 1, 1]

    def test_gives_back_a_token_each_second_up_to_the_burst(self) -> None:
        for _ in range(4):
            take(client="ann", kind="read", rate=self.RATE)
        age_buckets(2)
        assert [take(client="ann", kind="read", rate=self.RATE) for _ in range(3)] == [0, 0, 1]

        age_buckets(1_000_000)

        assert [take(client="ann", kind="read", rate=self.RATE) for _ in range(4)] == [0, 0, 0, 1]

    def test_keeps_clients_and_kinds_apart(self) -> None:
        for _ in range(4):
            take(client="ann", kind="read", rate=self.RATE)

        assert take(client="ann", kind="write", rate=self.RATE) == 0
        assert take(client="bob", kind="read", rate=self.RATE) == 0


@pytest.mark.django_db
class TestForgetBuckets:
    RATE = Rate(per_second=1, burst=3)

    def test_forgets_the_buckets_that_are_full_again_so_that_strangers_leave_nothing(self) -> None:
        for number in range(3):
            take(client=f"ip:192.0.2.{number}", kind="unauthorized", rate=self.RATE)
        age_buckets(3601)
        take(client="ip:192.0.2.0", kind="unauthorized", rate=self.RATE)

        assert (forget_full_buckets(), forget_full_buckets()) == (2, 0)

    def test_keeps_one_that_could_have_saved_up_no_more_than_it_has(self, settings: Any) -> None:
        settings.API_UNAUTHORIZED_BURST, settings.API_UNAUTHORIZED_PER_MINUTE = 1_000, 10
        take(client="ip:192.0.2.1", kind="unauthorized", rate=self.RATE)

        age_buckets(5_990)
        assert forget_full_buckets() == 0
        age_buckets(20)
        assert forget_full_buckets() == 1


class TestFortyAtOnce:
    def test_get_exactly_the_burst_through(self, committed_db: None) -> None:
        forget_buckets()
        rate = Rate(per_second=1, burst=10)

        waits = at_once([lambda: take(client="ann", kind="read", rate=rate)] * 40)
        forget_buckets()

        # A second or two may pass while forty threads start.
        assert 10 <= waits.count(0) <= 13
        assert all(wait in (0, 1) for wait in waits)
