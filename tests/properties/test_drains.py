"""Crowds: hundreds of callers on one seller's money, and whole plans of events split over threads.

Nothing goes below zero at any moment that anybody can see, everything ends exact, and nobody ever deadlocks.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pytest
from django.db import OperationalError
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger import chart, recipes
from ledger.entries import Entry
from ledger.models import Hold, JournalEntry
from ledger.money import Money
from ledger.selectors import trial_balance
from ledger.services import InsufficientFunds, post_batch, seal_journal, verify_books
from operations import database
from operations.edges import money_tx
from tests.committed import at_once, wipe
from tests.conformance.adapter import APPLIED, CLEARING, DUPLICATE, REFUSED, Ledger, transfer
from tests.conformance.crowd import beside, crowd, deadlocks
from tests.properties.books import apply

pytestmark = pytest.mark.usefixtures("committed_db")

ANN = chart.available("ann")


@pytest.fixture
def no_deadlocks(committed_db: None) -> Iterator[None]:
    """Assert that whatever the test does, nobody deadlocks."""
    before = deadlocks()
    yield
    assert deadlocks() - before == 0


@pytest.fixture
def ledger(committed_db: None) -> Ledger:
    """Our books, empty."""
    return Ledger()


def read_all() -> dict[str, int]:
    """Return every balance at one moment, debits positive."""
    return {account.code: account.debit_minor for account in trial_balance(currency="EUR")}


def assert_proved() -> None:
    """Assert that the one proof finds nothing."""
    assert verify_books(actor="system:test", now=timezone.now()).findings == ()


def draw_together(number: int) -> int:
    """Draw 10.00 from ann's money in one batch of ten payouts, all of them or none; return what was drawn."""
    entries = [
        recipes.payout_reserved(seller="ann", payout=f"batch_{number}.{part}", amount=Money(100, "EUR"))
        for part in range(10)
    ]
    try:
        with money_tx("test"):
            post_batch(entries, actor="system:test", now=timezone.now())
    except InsufficientFunds:
        return 0
    return 1_000


def draw_alone(number: int) -> int:
    """Draw 0.90 from ann's money, and return what was drawn."""
    return 90 if Ledger().draw("ann", 90, f"pay_{number}").status is APPLIED else 0


@pytest.mark.usefixtures("no_deadlocks")
class TestOneSeller:
    def test_drained_by_500_at_once_is_never_below_zero_and_ends_exact(self, ledger: Ledger) -> None:
        ledger.fund("ann", 100_000)

        with beside(read_all) as readings:
            found = crowd([partial(ledger.draw, "ann", 300, f"pay_{number}") for number in range(500)])

        assert Counter(outcome.status for outcome in found) == {APPLIED: 333, REFUSED: 167}
        assert (ledger.balance(ANN), ledger.balance(chart.IN_TRANSIT)) == (100, 99_900)
        assert len({reading[ANN] for reading in readings}) > 2, "nobody looked while it was drained"
        for reading in readings:
            assert -100_000 <= reading[ANN] <= 0
            assert reading[ANN] + reading.get(chart.IN_TRANSIT, 0) == -100_000
            assert reading[CLEARING] == 100_000
        assert_proved()

    def test_drained_by_batches_and_by_single_payouts_ends_exact(self, ledger: Ledger) -> None:
        ledger.fund("ann", 20_000)

        batches = [partial(draw_together, number) for number in range(30)]
        taken = sum(crowd([*batches[:10], *(partial(draw_alone, n) for n in range(150)), *batches[10:]]))

        assert ledger.balance(ANN) == 20_000 - taken
        # Whoever wanted 0.90 last was refused because there was less.
        assert 0 <= ledger.balance(ANN) < 90
        assert ledger.balance(chart.IN_TRANSIT) == taken
        assert_proved()


@pytest.mark.usefixtures("no_deadlocks")
class TestManySellers:
    def test_paying_each_other_in_every_direction_at_once_wait_for_nobody_in_a_circle(self, ledger: Ledger) -> None:
        people = ("ann", "bob", "cid", "dan")
        for who in people:
            ledger.fund(who, 10_000)
        pairs = [(one, other) for one in people for other in people if one != other]

        found = crowd(
            [partial(ledger.transfer, *pairs[n % len(pairs)], 10, f"t_{n}") for n in range(240)],
        )

        assert {outcome.status for outcome in found} == {APPLIED}
        assert [ledger.balance(chart.available(who)) for who in people] == [10_000] * 4
        assert_proved()


class TestTheCountOfDeadlocks:
    def test_counts_one(self) -> None:
        before = deadlocks()

        def lock(first: int, second: int) -> None:
            with money_tx("test"):
                database.fetch_one("SELECT pg_advisory_xact_lock(%s)::text", [first])
                database.fetch_one("SELECT pg_sleep(0.2)::text")
                database.fetch_one("SELECT pg_advisory_xact_lock(%s)::text", [second])

        found = at_once([partial(lock, 1, 2), partial(lock, 2, 1)])

        assert Counter(type(each) for each in found) == {type(None): 1, OperationalError: 1}
        assert deadlocks() - before == 1


@dataclass(frozen=True)
class Event:
    """Something that happens: what, to whom, and how much. What is `twice` is reported by two callers."""

    kind: str
    seller: str
    minor: int
    twice: bool


EVENTS = st.builds(
    Event,
    kind=st.sampled_from(["sale", "release", "refund", "transfer", "draw", "draw", "paid", "not paid", "fee"]),
    seller=st.sampled_from(["ann", "bob"]),
    minor=st.integers(1, 900),
    twice=st.booleans(),
)


def entry_of(event: Event, number: int) -> Entry:
    """Return the entry of an event; payouts are resolved under few names, so that callers race for one hold."""
    seller, name, amount, nothing = event.seller, f"e_{number}", Money(event.minor, "EUR"), Money(0, "EUR")
    payout = f"pay_{number % 5}"
    match event.kind:
        case "sale":
            sold = recipes.Sale(order=name, seller=seller, gross=amount, commission=Money(event.minor // 10, "EUR"))
            return recipes.payment_captured(psp="stripe", charge=name, sales=[sold])
        case "release":
            kept = Money(event.minor // 4, "EUR")
            return recipes.funds_released(seller=seller, order=name, amount=amount, to_reserve=kept)
        case "refund":
            split = recipes.RefundSplit(
                seller=seller,
                order=name,
                from_pending=amount,
                from_available=amount,
                from_receivable=amount,
                commission_back=nothing,
            )
            total = amount + amount + amount
            return recipes.refund_succeeded(psp="stripe", refund=name, amount=total, split=split)
        case "transfer":
            return transfer(seller, "bob" if seller == "ann" else "ann", event.minor, name)
        case "draw":
            # The same payout for two sellers, or for two amounts, is a contradiction: each has its own name.
            return recipes.payout_reserved(seller=seller, payout=f"{payout}_{seller}_{event.minor}", amount=amount)
        case "paid":
            return recipes.payout_paid(psp="stripe", payout=f"hold_{number % 2}", transfer=name, amount=amount)
        case "not paid":
            held = f"hold_{number % 2}"
            return recipes.manual_journal(
                journal=name,
                lines=recipes.payout_not_paid(seller=seller, payout=held, amount=amount).lines,
                description="not paid, in parts",
            )
    return recipes.provider_fee_charged(psp="stripe", balance_transaction=name, source="ch", fee=amount)


def opening() -> list[Entry]:
    """Return what there is to begin with: money everywhere, and two holds that many will want to resolve."""
    amount = Money(4_000, "EUR")
    entries = []
    for seller in ("ann", "bob"):
        sold = recipes.Sale(order="o", seller=seller, gross=amount + amount, commission=Money(0, "EUR"))
        entries.append(recipes.payment_captured(psp="stripe", charge=f"open_{seller}", sales=[sold]))
        entries.append(recipes.funds_released(seller=seller, order=f"open_{seller}", amount=amount))
    for number, seller in enumerate(("ann", "bob")):
        entries.append(recipes.payout_reserved(seller=seller, payout=f"hold_{number}", amount=Money(1_500, "EUR")))
    return entries


def play(entries: Sequence[Entry]) -> list[tuple[Entry, list[str]]]:
    """Submit entries from six threads, while another one seals, and return each with what came of its submissions."""
    ledger = Ledger()
    with beside(partial(seal_journal, now=timezone.now())):
        outcomes = crowd([partial(ledger.post, entry) for entry in entries], size=6)
    answers: dict[tuple[str, str], list[str]] = {}
    for entry, outcome in zip(entries, outcomes, strict=True):
        answers.setdefault((entry.recipe, entry.reference), []).append(outcome.status)
    by_key = {(entry.recipe, entry.reference): entry for entry in entries}
    return [(by_key[key], sorted(found)) for key, found in answers.items()]


class TestEveryPlan:
    @pytest.mark.usefixtures("no_deadlocks")
    @settings(
        max_examples=8,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.reuse, Phase.generate],
    )
    @given(events=st.lists(EVENTS, min_size=25, max_size=60))
    def test_split_over_threads_ends_where_the_model_ends(self, events: list[Event]) -> None:
        wipe()
        ledger = Ledger()
        debits: Counter[tuple[str, str]] = Counter()
        items: Counter[tuple[str, str, str]] = Counter()
        written = opening()
        for entry in written:
            assert ledger.post(entry).status is APPLIED
        plan = [entry_of(event, number) for number, event in enumerate(events) for _ in range(1 + event.twice)]

        played = play(plan)

        # A second caller is told the truth: that the first one was there, or that there was no money again.
        for entry, answers in played:
            assert answers.count(APPLIED) <= 1, entry
            assert (DUPLICATE in answers) <= (APPLIED in answers), entry
            written.extend([entry] * answers.count(APPLIED))
        for entry in written:
            for line in entry.lines:
                debits[line.account, line.amount.currency] += line.amount.minor
                items[line.account, line.amount.currency, line.item] += line.amount.minor
        assert_is_the_model(debits, items, written)
        # Whatever was refused is judged once more, by the model and by the books, now that nobody interferes.
        for entry, answers in played:
            if APPLIED not in answers:
                after = debits.copy(), items.copy()
                refused = apply(entry.lines, *after)
                assert (ledger.post(entry).status is REFUSED) == (refused is not None), entry
                debits, items = (debits, items) if refused else after
                written.extend([] if refused else [entry])
        assert_is_the_model(debits, items, written)


def assert_is_the_model(
    debits: Counter[tuple[str, str]], items: Counter[tuple[str, str, str]], written: Sequence[Entry]
) -> None:
    """Assert that balances, holds and the journal are what the model says, and that the books are proved."""
    read = {(account.code, account.currency): account.debit_minor for account in trial_balance()}
    assert {key: minor for key, minor in read.items() if minor} == {key: n for key, n in debits.items() if n}
    held = {(hold.account.code, hold.item): hold.held_minor for hold in Hold.objects.select_related("account")}
    assert {key: minor for key, minor in held.items() if minor} == {
        (code, item): -minor for (code, _, item), minor in items.items() if minor and code == chart.IN_TRANSIT
    }
    keys = sorted(JournalEntry.objects.values_list("recipe", "reference"))
    assert keys == sorted((entry.recipe, entry.reference) for entry in written)
    assert_proved()
