"""Identifiers of our own."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from operations import ids


class TestNewId:
    def test_is_greater_than_every_one_before_within_a_millisecond_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operations.ids.time.time_ns", lambda: 1_790_000_000_000_000_000)
        made = [ids.new_id("ord") for _ in range(1_000)]
        assert made == sorted(set(made))

    def test_goes_on_upwards_when_the_clock_is_set_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operations.ids.time.time_ns", lambda: 1_790_000_000_000_000_000)
        before = ids.new_id("ord")
        monkeypatch.setattr("operations.ids.time.time_ns", lambda: 1_780_000_000_000_000_000)
        assert ids.new_id("ord") > before

    def test_is_never_made_twice_by_threads(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: ids.new_id("ord"), range(4_000)))
        assert len(set(made)) == 4_000

    def test_cannot_be_guessed_from_the_one_before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("operations.ids.time.time_ns", lambda: 1_790_000_000_000_000_000)
        made = [_number(ids.new_id("ord")) for _ in range(20)]
        assert min(second - first for first, second in pairwise(made)) > 2**32


def _number(made: str) -> int:
    value = 0
    for digit in made.removeprefix("ord_"):
        value = value * 32 + ids._ALPHABET.index(digit)
    return value
