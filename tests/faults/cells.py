"""The cells of the matrix: where a story crashes and when, what the provider does wrong, how its messages arrive.

The whole product is thousands of cells, for `make matrix`: each failpoint, with every fault, every way of arriving and
every moment, in the first story that has it; or, three times as many, in all of them. What runs every time is a part of
it, drawn without chance: each failpoint meets every kind of fault in the first story that has it, and each of its
moments in every other that is no detour; what all stories share, one of them. Faults of a kind, moments and ways of
arriving take turns; what then has not met yet is added, so that all of `PAIRS` do.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from tests.faults.processes import Crash
from tests.faults.recovery import RULES, Webhooks
from tests.faults.stories import STORIES
from tests.faults.story import Story
from tests.payments.faults import DONE, UNCLEAR

T = TypeVar("T")

WELL = "well"
WRONG_AMOUNT = "wrong amount"
UNLISTED = "cut after, unlisted"
#: Left out of the provider's menu: `delay`, which is an answer like any other, and `fee_later`, which is no fault but
#: how fees are often told, and is booked otherwise (`tests/payments/test_fees.py`).
KINDS = (
    (WELL,),
    ("cut before", "500 before"),
    ("429", "503", "409"),
    ("cut after", "500 after", UNLISTED),
    ("garbage", "html", "truncated"),
    (WRONG_AMOUNT,),
)
FAULTS = tuple(fault for kind in KINDS for fault in kind)


class Hit(StrEnum):
    """When a failpoint crashes."""

    FIRST = "first"
    SECOND = "second"
    RECOVERING = "recovering"


# Which passes of its failpoint a process does not survive.
_PASSES = {Hit.FIRST: (1,), Hit.SECOND: (2,), Hit.RECOVERING: (1, 2)}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One story that goes wrong in one way."""

    story: Story
    point: str
    hit: Hit
    fault: str
    webhooks: Webhooks
    #: A point that only the recovery passes, or passes again, where it crashes once more.
    then: str = ""

    @property
    def name(self) -> str:
        """The cell in words, by which it can be run again."""
        then = f"/{self.then}" if self.then else ""
        return f"{self.story.name}/{self.point}/{self.hit}/{self.fault}/{self.webhooks}{then}".replace(" ", "-")

    @property
    def crashes(self) -> set[Crash]:
        """Where processes are killed."""
        return {(self.point, nth) for nth in _PASSES[self.hit]} | ({(self.then, 1)} if self.then else set())

    @property
    def plan(self) -> list[dict[str, Any]]:
        """The provider's fault plan."""
        arriving = [RULES[self.webhooks]] if self.webhooks in RULES else []
        return [*_wrong(self.story, self.fault), *arriving]


# Where a story breaks, and where its recovery breaks in turn: looking up what became of a call, or noting that.
_AGAIN = (
    ("sale", "psp.call:checkout.register:after_response", WELL, "psp.call:checkout.find:before_send"),
    ("sale", "psp.call:checkout.register:after_response", WELL, "psp.call:checkout.find:after_response"),
    ("sale", "money_tx:sellers.register:after_commit", "500 after", "psp.call:account.find:after_response"),
    ("refund", "psp.call:refund.create:after_response", WELL, "psp.call:refund.find:after_response"),
    ("paid-twice", "money_tx:surplus.claim:after_commit", WELL, "psp.call:refund.find:after_response"),
    ("evidence-file", "psp.call:file.upload:after_response", WELL, "psp.call:file.find:after_response"),
    ("capture", "money_tx:captures.intend:after_commit", "cut after", "money_tx:instructions.lose_sight:before_commit"),
    ("run-out", "money_tx:checkouts.expire:after_commit", "500 after", "money_tx:instructions.lose_sight:after_commit"),
)

# What must meet in the part that runs every time, wherever it meets at all.
PAIRS: list[Callable[[Cell], tuple[Any, ...]]] = [
    lambda cell: (cell.point, next(kind for kind in KINDS if cell.fault in kind)),
    lambda cell: (cell.point, cell.webhooks),
    lambda cell: (cell.point, cell.hit),
    lambda cell: (cell.fault, cell.webhooks),
    lambda cell: (cell.fault, cell.hit),
    lambda cell: (cell.story.name, cell.fault),
]


def again() -> list[Cell]:
    """Return the cells in which the recovery breaks at a point of its own."""
    return [
        Cell(story=STORIES[name], point=point, hit=Hit.FIRST, fault=fault, webhooks=Webhooks.NONE, then=then)
        for name, point, fault, then in _AGAIN
    ]


def full() -> Iterator[Cell]:
    """Every cell."""
    yield from again()
    for story in STORIES.values():
        for point in story.points():
            for hit in _hits(story, point):
                for fault in FAULTS:
                    for webhooks in Webhooks:
                        cell = Cell(story=story, point=point, hit=hit, fault=fault, webhooks=webhooks)
                        if possible(cell):
                            yield cell


def each() -> Iterator[Cell]:
    """Every cell of each failpoint in the first story that has it."""
    first = first_stories()
    for cell in full():
        if first[cell.point] == cell.story.name or cell.then:
            yield cell


def first_stories() -> dict[str, str]:
    """Return which story is the first to have a failpoint."""
    first: dict[str, str] = {}
    for story in STORIES.values():
        for point in story.points():
            first.setdefault(point, story.name)
    return first


_SHARE = re.compile(r"(each|full)(?::(\d+)/(\d+))?")


def chosen(which: str) -> list[Cell]:
    """Return the cells that COUNTERFOIL_MATRIX asks for.

    None named, `each`, `full`, a share of either such as `each:3/12`, or one by its name.
    """
    if not which:
        return covering()
    share = _SHARE.fullmatch(which)
    if share is None:
        return [cell for cell in full() if cell.name == which]
    product, number, of = share.groups()
    cells = list(each() if product == "each" else full())
    return cells[int(number) - 1 :: int(of)] if number else cells


def possible(cell: Cell) -> bool:
    """Tell whether a cell can come to its crash at all."""
    _, name, moment = cell.point.split(":")
    if cell.fault == WRONG_AMOUNT and not _wrong(cell.story, cell.fault):
        return False
    # What was done without a usable answer is looked up, or told by a webhook: it is never asked for again.
    unanswered = cell.fault in DONE or cell.fault == UNLISTED
    if moment == "after_response" and name in cell.story.acts and unanswered:
        return False
    believed = not unanswered and cell.fault != WRONG_AMOUNT
    if cell.hit is Hit.SECOND and not believed and not name.startswith(("jobs.", "webhooks.")):
        # A webhook may have told it meanwhile, so that there was nothing to ask for a second time.
        return False
    if cell.webhooks is Webhooks.LATE:
        # What comes in the end finds here what it is about, unless the provider's own list of events was quicker.
        return cell.story.tells and (name != "webhooks.parked" or cell.fault in UNCLEAR)
    if cell.webhooks is not Webhooks.NONE:
        return True
    # The list of events is read in one go, and has none of the sellers' accounts.
    return name not in cell.story.by_webhook and not (name.startswith("webhooks.") and cell.hit is Hit.SECOND)


def covering() -> list[Cell]:
    """The part that runs every time."""
    drawn = [*(cell for story in STORIES.values() for cell in _drawn(story)), *again()]
    for pair in PAIRS:
        met = {pair(cell) for cell in drawn}
        for cell in full():
            if pair(cell) not in met:
                met.add(pair(cell))
                drawn.append(cell)
    return drawn


def _drawn(story: Story) -> Iterator[Cell]:
    before, first = list(STORIES).index(story.name), first_stories()
    for row, point in enumerate(story.points()):
        if first[point] == story.name:
            yield from _with_every_kind(story, point, row)
        elif not story.detour:
            yield from _in_short(story, point, row + before)


def _with_every_kind(story: Story, point: str, row: int) -> Iterator[Cell]:
    for column, kind in enumerate(KINDS):
        # Turns of different paces: each kind of fault, each moment and each way of arriving meet.
        turns = [
            Cell(story=story, point=point, hit=hit, fault=kind[row % len(kind)], webhooks=webhooks)
            for webhooks in _from(list(Webhooks), row // 3 + column)
            for hit in _from(_hits(story, point), row + column)
        ]
        yield from [cell for cell in turns if possible(cell)][:1]


def _in_short(story: Story, point: str, row: int) -> Iterator[Cell]:
    """Draw a cell for each moment of a failpoint that an earlier story has crossed with everything."""
    hits = _hits(story, point)
    # What every story shares, the first one has crossed in every moment.
    for column, hit in enumerate(_from(hits, row)[:1] if point in story.common() else hits):
        turns = [
            Cell(story=story, point=point, hit=hit, fault=fault, webhooks=webhooks)
            for webhooks in _from(list(Webhooks), row + 2 * column)
            for fault in _from(list(FAULTS), 3 * row + column)
        ]
        yield from [cell for cell in turns if possible(cell)][:1]


def _from(choices: list[T], start: int) -> list[T]:
    """Return the choices in their order, beginning with the one whose turn it is."""
    start %= len(choices)
    return choices[start:] + choices[:start]


def _hits(story: Story, point: str) -> list[Hit]:
    return list(Hit) if point in story.twice() else [Hit.FIRST, Hit.RECOVERING]


def _wrong(story: Story, fault: str) -> list[dict[str, Any]]:
    """Return the rules by which the first call of each of a story's operations goes wrong."""
    every = (*story.writes, *story.reads)
    match fault:
        case "well":
            return []
        case "wrong amount":
            return [{"op": op, "action": "wrong_amount"} for op in every if op not in story.unchecked]
        case "cut after, unlisted":
            silent = [{"op": op, "action": "timeout_after_commit"} for op in story.writes]
            return [*silent, *({"op": op, "action": "empty_list"} for op in story.reads if op.endswith(".list"))]
        case _:
            return [{"op": op, **UNCLEAR[fault]} for op in every]
