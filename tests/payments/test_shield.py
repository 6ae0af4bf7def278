"""A provider that is down is not asked again and again, and one that is slow does not hold every thread."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.gateway import Declined, Outcome, Succeeded, Unknown, provider
from payments.gateway.shield import Shield
from tests.world import World

SILENCE = Unknown(reason="timeout")
SLOW_DOWN = Unknown(reason="rate limited", retry_after_s=1, heard=True)
NO = Declined(code="card_declined", message="no")
YES = Succeeded("yes")


class Clock:
    """A clock that stands still until it is moved."""

    now = 1_000_000

    def __call__(self) -> int:
        return self.now


class Provider:
    """A provider that says what it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.says: Outcome[str] = YES
        self.asked = 0

    def __call__(self) -> Outcome[str]:
        self.asked += 1
        return self.says


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shield(clock: Clock) -> Shield:
    return Shield(name="stripe", failures=3, rest_s=15, at_once=2, clock=clock)


@pytest.fixture
def asked() -> Provider:
    return Provider()


def ask(shield: Shield, asked: Provider, *outcomes: Outcome[str]) -> list[Outcome[str]]:
    """Ask once for each outcome, which is what the provider would say."""
    answers = []
    for outcome in outcomes:
        asked.says = outcome
        answers.append(shield.around(asked))
    return answers


class TestTheBreaker:
    def test_passes_everything_on_while_the_provider_answers(self, shield: Shield, asked: Provider) -> None:
        told: list[Outcome[str]] = [YES, NO, SLOW_DOWN, SILENCE, SILENCE, YES, SILENCE, SILENCE, NO]

        assert ask(shield, asked, *told) == told

    def test_opens_after_some_silences_in_a_row_and_says_that_nothing_was_sent(
        self, shield: Shield, asked: Provider
    ) -> None:
        ask(shield, asked, SILENCE, SILENCE, SILENCE)

        [answer] = ask(shield, asked, YES)

        assert asked.asked == 3
        assert isinstance(answer, Unknown)
        assert (answer.sent, answer.reason) == (False, "stripe does not answer")
        assert answer.retry_after_s is not None
        assert 0 < answer.retry_after_s <= 16

    def test_lets_one_try_when_the_rest_is_over_and_closes_when_that_is_answered(
        self, shield: Shield, asked: Provider, clock: Clock
    ) -> None:
        ask(shield, asked, SILENCE, SILENCE, SILENCE)
        clock.now += 15_000

        assert ask(shield, asked, NO, YES) == [NO, YES]

    def test_rests_again_when_the_one_that_tries_hears_nothing(
        self, shield: Shield, asked: Provider, clock: Clock
    ) -> None:
        ask(shield, asked, SILENCE, SILENCE, SILENCE)
        clock.now += 15_000

        ask(shield, asked, SILENCE, YES)

        assert asked.asked == 4

    def test_lets_nobody_else_pass_while_one_tries(self, shield: Shield, asked: Provider, clock: Clock) -> None:
        ask(shield, asked, SILENCE, SILENCE, SILENCE)
        clock.now += 15_000
        meanwhile: list[Outcome[str]] = []

        def trying() -> Outcome[str]:
            meanwhile.extend(ask(shield, asked, YES))
            return YES

        assert shield.around(trying) == YES
        [answer] = meanwhile
        assert isinstance(answer, Unknown)
        assert not answer.sent

    def test_is_not_stuck_by_a_try_that_broke(self, shield: Shield, asked: Provider, clock: Clock) -> None:
        ask(shield, asked, SILENCE, SILENCE, SILENCE)
        clock.now += 15_000

        def broken() -> Outcome[str]:
            raise RuntimeError("a bug of ours")

        with pytest.raises(RuntimeError):
            shield.around(broken)
        assert ask(shield, asked, YES) == [YES]

    def test_never_opens_where_it_is_switched_off(self, asked: Provider) -> None:
        off = Shield(name="stripe", failures=0, rest_s=15, at_once=2)

        told: list[Outcome[str]] = [SILENCE] * 20

        assert ask(off, asked, *told) == told


class TestTheBulkhead:
    def test_answers_at_once_when_all_places_are_taken(self, shield: Shield, asked: Provider) -> None:
        taken, go_on = threading.Barrier(3), threading.Event()

        def slow() -> Outcome[str]:
            taken.wait(10)
            go_on.wait(10)
            return YES

        threads = [threading.Thread(target=shield.around, args=(slow,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        taken.wait(10)

        [answer] = ask(shield, asked, YES)

        assert isinstance(answer, Unknown)
        assert (answer.sent, asked.asked) == (False, 0)
        go_on.set()
        for thread in threads:
            thread.join(10)
        assert ask(shield, asked, YES) == [YES]


class TestTheProvidersGateway:
    @pytest.fixture
    def asking(self, world: World, settings: Any) -> Callable[[], Any]:
        settings.PSP_BREAKER_FAILURES = 3
        # A rest of its own makes this gateway one that no other test has used.
        settings.PSP_BREAKER_REST_S = 1234
        since = timezone.now() - timedelta(minutes=1)
        return lambda: provider().list_events(["charge.captured"], since=since, until=timezone.now())

    def test_leaves_a_provider_alone_that_answers_nothing_but_errors(
        self, world: World, asking: Callable[[], Any]
    ) -> None:
        world.provider.plan([{"op": "event.list", "action": "error_503", "times": 0}])
        before = len(world.provider.calls())

        answers = [asking() for _ in range(10)]

        assert [answer.sent for answer in answers] == [True] * 3 + [False] * 7
        assert len(world.provider.calls()) == before + 3

    @pytest.mark.parametrize(("fault", "rest_s"), [("error_429", 1235), ("error_409", 1236)])
    def test_keeps_asking_a_provider_that_only_wants_us_to_slow_down(
        self, world: World, asking: Callable[[], Any], settings: Any, fault: str, rest_s: int
    ) -> None:
        settings.PSP_BREAKER_REST_S = rest_s
        world.provider.plan([{"op": "event.list", "action": fault, "times": 0}])

        assert all(asking().sent for _ in range(10))
