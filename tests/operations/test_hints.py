"""Hints: the first goes at once, those that come soon after go together."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from operations.edges import hint
from operations.edges import hints as module
from operations.edges.hints import GATHERED_MS, LEFT_ALONE_MS, SLOW_MS, TOGETHER, Gatherer

PATIENCE_S = 10


class Broker:
    """What reached a broker: the ids of each message."""

    def __init__(self) -> None:
        self.messages: list[list[int]] = []
        self.down = False
        self.asked = 0
        self.hangs: Callable[[], None] | None = None

    def send_task(self, _task: str, *, kwargs: dict[str, Any], **_: Any) -> None:
        self.asked += 1
        if self.hangs:
            self.hangs()
        if self.down:
            raise OSError("nobody there")
        self.messages.append(kwargs["row_ids"])

    def hears(self, number: int) -> list[list[int]]:
        """Wait until so many hints have come; return the messages."""
        until = time.monotonic() + PATIENCE_S
        while sum(map(len, self.messages)) < number and time.monotonic() < until:
            time.sleep(0.005)
        return self.messages


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A clock in milliseconds that stands still until a test moves it."""
    now = [1_000_000]
    monkeypatch.setattr(module, "now_ms", lambda: now[0])
    return now


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, settings: Any, clock: list[int]) -> Iterator[Broker]:
    made = Broker()
    settings.HINTS_ENABLED = True
    monkeypatch.setattr(module, "current_app", made)
    monkeypatch.setattr(module, "_gatherer", Gatherer())
    yield made
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()


class TestAHint:
    @pytest.mark.django_db
    def test_goes_once_the_transaction_commits(
        self, broker: Broker, django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[Any]]
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            hint("a.task", row_id=7)
            assert broker.messages == []

        assert broker.messages == [[7]]

    def test_goes_at_once_where_none_went_of_late(self, broker: Broker, clock: list[int]) -> None:
        gatherer = Gatherer()

        gatherer.take("a.task", 1)
        clock[0] += GATHERED_MS
        gatherer.take("a.task", 2)

        assert broker.messages == [[1], [2]]

    def test_waits_for_others_soon_after_one_went(self, broker: Broker) -> None:
        gatherer = Gatherer()

        for row_id in (1, 2, 3):
            gatherer.take("a.task", row_id)

        assert broker.messages == [[1]]
        assert broker.hears(3) == [[1], [2, 3]]

    def test_is_shared_out_where_there_are_many(self, broker: Broker) -> None:
        gatherer = Gatherer()
        many = range(2 * TOGETHER + 2)

        for row_id in many:
            gatherer.take("a.task", row_id)

        messages = broker.hears(len(many))
        assert [len(message) for message in messages] == [1, TOGETHER, TOGETHER, 1]
        assert [row_id for message in messages for row_id in message] == [*many]

    def test_is_not_lost_among_many_threads(self, broker: Broker) -> None:
        gatherer = Gatherer()
        threads = [threading.Thread(target=gatherer.take, args=("a.task", row_id)) for row_id in range(40)]

        for thread in threads:
            thread.start()

        assert sorted(row_id for message in broker.hears(40) for row_id in message) == [*range(40)]

    def test_is_only_logged_where_the_broker_is_down(self, broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
        broker.down = True

        Gatherer().take("a.task", 1)

        assert "the sweeper will find" in caplog.text


class TestABrokerThatHangs:
    @pytest.fixture
    def gatherer(self, broker: Broker, clock: list[int]) -> Gatherer:
        """Hints of a process that has just waited for the broker, in vain."""

        def hang() -> None:
            clock[0] += SLOW_MS

        broker.down, broker.hangs = True, hang
        made = Gatherer()
        made.take("a.task", 1)
        return made

    def test_is_waited_for_once_and_then_left_alone(self, broker: Broker, gatherer: Gatherer, clock: list[int]) -> None:
        for _ in range(5):
            clock[0] += GATHERED_MS
            gatherer.take("a.task", 2)

        assert broker.asked == 1

    def test_is_tried_by_one_alone_after_a_while(self, broker: Broker, gatherer: Gatherer, clock: list[int]) -> None:
        others = []

        def hang() -> None:
            broker.hangs = None
            clock[0] += GATHERED_MS
            # While this one waits, somebody else hints.
            gatherer.take("a.task", 4)
            others.append(broker.asked)
            clock[0] += SLOW_MS

        broker.hangs = hang
        clock[0] += LEFT_ALONE_MS
        gatherer.take("a.task", 3)

        assert (others, broker.asked) == ([2], 2)

    def test_gets_hints_again_once_it_answers(self, broker: Broker, gatherer: Gatherer, clock: list[int]) -> None:
        broker.down, broker.hangs = False, None
        clock[0] += LEFT_ALONE_MS

        for row_id in (3, 4):
            gatherer.take("a.task", row_id)
            clock[0] += GATHERED_MS

        assert broker.messages == [[3], [4]]
