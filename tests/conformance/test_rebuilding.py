"""The invariants of the Ledger Conformance Kit about what can be rebuilt and retraced: INV-03, INV-13 and INV-14."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from django.utils import timezone

from ledger import chart, recipes
from ledger.entries import Entry
from ledger.models import Balance, Checkpoint, Hold, Seal
from ledger.money import Money
from ledger.selectors import balance, trial_balance
from ledger.services import lock_day, seal_journal
from operations.edges import money_tx
from tests.conformance import rebuilt
from tests.conformance.adapter import APPLIED, Ledger
from tests.conformance.crowd import beside, crowd
from tests.ledger.test_proof import tamper

MONDAY = datetime(2026, 3, 30, 12, 0, tzinfo=UTC)


def seal() -> int | None:
    """Seal what is final."""
    return seal_journal(now=timezone.now())


def sealed_chain() -> list[dict[str, object]]:
    """Return the seals as they stand."""
    return [
        {"entries": seal.entries, "previous_hash": bytes(seal.previous_hash), "hash": bytes(seal.hash)}
        for seal in Seal.objects.order_by("pk")
    ]


def three_seals(ledger: Ledger) -> None:
    """Book seven entries, and seal them in three batches."""
    ledger.fund("ann", 10_000)
    for number in range(5):
        ledger.transfer("ann", "bob", 100, f"t{number}")
        if number % 2 == 0:
            seal()


class TestInv03HashChainIsIntact:
    """Our chain's links are seals, each over the entries of a batch: no posting waits for the one before."""

    def test_every_link_follows_from_the_entries_and_the_link_before(self, ledger: Ledger) -> None:
        three_seals(ledger)

        assert [link["entries"] for link in sealed_chain()] == [3, 2, 2]
        assert sealed_chain() == rebuilt.chain()

    @pytest.mark.parametrize(
        "edit",
        [
            "UPDATE ledger_journalline SET amount_minor = amount_minor * 2",
            "UPDATE ledger_journalline SET item = 'another'",
            *(
                f"UPDATE ledger_journalentry SET {fact} WHERE reference = 't0'"
                for fact in (
                    *("reference = 't9'", "recipe = 'deposit_sent'", "subject = 'x'", "description = 'x'"),
                    *("actor = 'user:anna'", "value_date = value_date - 1"),
                    "recorded_at = recorded_at - interval '1 second'",
                )
            ),
        ],
    )
    def test_no_fact_can_be_edited_without_breaking_it(self, ledger: Ledger, edit: str) -> None:
        three_seals(ledger)

        tamper(edit)

        assert sealed_chain() != rebuilt.chain()


class TestInv13StateRebuildsExactlyFromTheEventLog:
    def test_every_balance_hold_and_checkpoint_follows_from_the_lines(self, ledger: Ledger) -> None:
        for number in range(6):
            ledger.fund(f"s{number}", 20_000)

        with beside(seal):
            crowd(
                [partial(ledger.transfer, f"s{n % 6}", f"s{(n + 2) % 6}", 300, f"rb_{n}") for n in range(240)]
                + [partial(ledger.draw, f"s{n % 6}", 100, f"pay_{n}") for n in range(60)]
            )
        crowd([partial(pay, ledger, n) for n in range(0, 60, 2)])
        seal()
        ledger.credit("ann", 700, "after the last seal")

        assert_rebuilt(ledger)

    def test_where_days_were_closed_and_facts_came_late(self, ledger: Ledger) -> None:
        ledger.post(capture("ch_mon", 1_000), now=MONDAY)
        ledger.post(capture("ch_wed", 200), now=MONDAY + timedelta(days=2))
        seal()
        # Two clocks disagree, and a line comes late for its day: it belongs to the days after it as well.
        ledger.post(capture("ch_tue", 30), now=MONDAY + timedelta(days=1))
        seal()
        with money_tx("test"):
            lock_day(business_date=MONDAY.date() + timedelta(days=2), actor="user:oscar", now=MONDAY)
        ledger.post(capture("ch_late", 4), now=MONDAY)
        seal()

        assert_rebuilt(ledger)
        on = [balance(code=chart.clearing("stripe"), currency="EUR", on=day(n)).minor for n in range(4)]
        assert on == [1_000, 1_030, 1_230, 1_234]


class TestInv14PerAccountOrderingIsMonotonic:
    def test_150_movements_of_one_account_at_once_can_be_retraced_one_by_one(self, ledger: Ledger) -> None:
        ledger.fund("ann", 50_000)

        crowd([partial(ledger.transfer, "ann", "bob", 100, f"seq_{number}") for number in range(150)])

        steps = defaultdict(list)
        for row in ledger.journal():
            steps[row.account].append(row)
        for account, rows in steps.items():
            ids = [row.line_id for row in rows]
            assert ids == sorted(set(ids)), account
        for account in (chart.available("ann"), chart.available("bob"), chart.pending("ann")):
            before = 0
            for row in steps[account]:
                before -= row.minor
                assert row.after == before, account
            assert ledger.balance(account) == before

    def test_the_balance_at_each_instant_is_that_of_the_lines_recorded_by_then(self, ledger: Ledger) -> None:
        for number in range(5):
            ledger.post(capture(f"ch_{number}", 100), now=MONDAY + timedelta(minutes=number))
            seal()

        at = [MONDAY + timedelta(minutes=number, seconds=shift) for number in range(5) for shift in (-1, 0)]
        found = [balance(code=chart.clearing("stripe"), currency="EUR", at=moment).minor for moment in at]

        assert found == [0, 100, 100, 200, 200, 300, 300, 400, 400, 500]


def capture(charge: str, minor: int) -> Entry:
    """Return a sale of ann's without commission."""
    sale = recipes.Sale(order=charge, seller="ann", gross=Money(minor, "EUR"), commission=Money(0, "EUR"))
    return recipes.payment_captured(psp="stripe", charge=charge, sales=[sale])


def day(number: int) -> date:
    """Return a day of the week."""
    return (MONDAY + timedelta(days=number)).date()


def pay(ledger: Ledger, number: int) -> None:
    """Pay a payout that was drawn."""
    entry = recipes.payout_paid(psp="stripe", payout=f"pay_{number}", transfer=f"tr_{number}", amount=Money(100, "EUR"))
    assert ledger.post(entry).status is APPLIED


def assert_rebuilt(ledger: Ledger) -> None:
    """Assert that everything that is stored or read is what the lines alone make it."""
    rows, sealed = ledger.journal(), ledger.sealed()
    assert 0 < len(sealed) <= len(rows)
    read = {(found.code, found.currency): found.debit_minor for found in trial_balance()}
    assert {key: minor for key, minor in read.items() if minor} == rebuilt.balances(rows)
    balances = Balance.objects.select_related("account")
    assert {(b.account.code, b.account.currency): b.balance_minor for b in balances} == rebuilt.stored(rows)
    held = Hold.objects.select_related("account")
    assert {(h.account.code, h.account.currency, h.item): h.held_minor for h in held} == rebuilt.holds(rows)
    summed = Checkpoint.objects.select_related("account")
    assert {
        (c.account.code, c.account.currency, c.day): (c.debit_minor, c.value_debit_minor) for c in summed
    } == rebuilt.checkpoints(sealed)
    assert sealed_chain() == rebuilt.chain()
