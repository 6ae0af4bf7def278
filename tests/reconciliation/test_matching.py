"""Matching: each line ends in exactly one place, and what disagrees is named."""

import pytest
from django.utils import timezone

from ledger import recipes
from ledger.selectors import count_entries
from operations.lifecycle import IllegalTransition
from operations.models import AuditEntry
from payments.models import Seller
from payouts.models import Payout
from reconciliation.models import Discrepancy, Disposition
from reconciliation.selectors import lines_reconciled, money_at_risk, open_discrepancies, unexplained_minor
from reconciliation.services import assign_discrepancy, resolve_discrepancy
from tests.ledger.cast import euros
from tests.ledger.test_posting import book
from tests.payouts.steps import at_the_provider, attack, refund
from tests.reconciliation.steps import (
    DAY_LATER,
    assert_disposed,
    charge_of,
    discrepancies,
    fetch,
    line,
    match,
    take_in,
)
from tests.world import CHECKER, MAKER, World

pytestmark = pytest.mark.django_db


class TestAgreement:
    def test_of_everything_that_moves_money(self, world: World, charge: str) -> None:
        refund(world, "cart-1.ann", "40.00")
        world.deliver_goods("cart-1.ann")
        world.release()
        world.pay_out()
        at_the_provider(world, f"/v1/transfers/{Payout.objects.get().psp_ref}/reversals", amount=1_000)
        world.settle()

        statement = fetch(world)
        result = match(statement)

        assert (result.lines, result.open_discrepancies) == ({"matched": 4}, 0)
        assert {each.category for each in statement.lines.all()} == {
            "charge",
            "refund",
            "transfer",
            "transfer_reversal",
        }
        assert unexplained_minor(now=timezone.now() + DAY_LATER) == 0
        assert lines_reconciled() == 4
        assert lines_reconciled(sources=[charge]) == 1
        assert_disposed(statement)

    def test_is_found_once_and_posts_nothing(self, world: World, charge: str) -> None:
        statement = fetch(world)
        match(statement)
        before = (Disposition.objects.count(), Discrepancy.objects.count(), count_entries())

        for _ in range(3):
            match(statement, later=DAY_LATER)

        assert (Disposition.objects.count(), Discrepancy.objects.count(), count_entries()) == before


class TestAProvisionalFee:
    """A fee that we estimated, and trued up when the provider said it, is a fee as much as one known at once."""

    @pytest.fixture(autouse=True)
    def a_captured_charge(self, db: None) -> None:
        sale = recipes.Sale(order="ord_1", seller="ann", gross=euros(10_000), commission=euros(1_000))
        book(recipes.payment_captured(psp="stripe", charge="ch_1", sales=[sale]))

    @pytest.mark.parametrize("estimated", [320, 300, 350])
    def test_agrees_once_the_books_have_what_the_provider_kept(self, estimated: int) -> None:
        estimate(estimated)
        if estimated != 320:
            true_up(estimated, 320)

        result = match(take_in(line("ch_1")))

        assert (result.lines, result.open_discrepancies) == ({"matched": 1}, 0)

    def test_that_was_estimated_wrong_is_a_difference_in_the_fee(self) -> None:
        estimate(300)

        match(take_in(line("ch_1")))

        [found] = Discrepancy.objects.all()
        assert (found.kind, found.klass, found.at_risk_minor) == ("fee", "automatic", 20)


def estimate(minor: int) -> None:
    book(recipes.provider_fee_estimated(psp="stripe", charge="ch_1", fee=euros(minor)))


def true_up(estimated: int, charged: int) -> None:
    book(
        recipes.provider_fee_trued_up(
            psp="stripe",
            balance_transaction="txn_1",
            charge="ch_1",
            estimated=euros(estimated),
            charged=euros(charged),
        )
    )


class TestThePlannedFault:
    """The provider's report is wrong on purpose; each fault is named for what it is."""

    @pytest.mark.parametrize("delta", [-100, 1, 5])
    def test_of_another_amount(self, world: World, charge: str, delta: int) -> None:
        world.provider.plan([{"op": "report", "action": "line_alter", "args": {"delta_minor": delta}}])

        statement = fetch(world)
        assert unexplained_minor(now=timezone.now()) == abs(delta)
        result = match(statement)

        assert result.lines == {"discrepancy": 1}
        [found] = Discrepancy.objects.all()
        assert (found.kind, found.klass, found.reference, found.state) == ("amount", "manual", charge, "open")
        assert (found.expected_minor, found.found_minor, found.at_risk_minor) == (9_680, 9_680 + delta, abs(delta))
        assert found.subject.startswith("checkout:")
        assert unexplained_minor(now=timezone.now()) == 0
        assert [risk.minor for risk in money_at_risk()] == [abs(delta)]
        assert_disposed(statement)

    def test_of_another_fee(self, world: World, charge: str) -> None:
        world.provider.plan(
            [
                {"op": "report", "action": "line_alter", "args": {"column": "fee", "value": "3.30"}},
                {"op": "report", "action": "line_alter", "args": {"column": "net", "value": "96.70"}},
            ]
        )

        match(fetch(world))

        [found] = Discrepancy.objects.all()
        assert (found.kind, found.klass, found.reference, found.at_risk_minor) == ("fee", "automatic", charge, 10)

    def test_of_another_currency(self, world: World, charge: str) -> None:
        world.provider.plan([{"op": "report", "action": "line_alter", "args": {"column": "currency", "value": "usd"}}])

        match(fetch(world))

        assert discrepancies() == [("currency", charge)]

    def test_of_a_missing_line_once_it_is_overdue(self, world: World, charge: str) -> None:
        world.provider.plan([{"op": "report", "match": {"source_id": charge}, "action": "line_missing", "times": 0}])
        world.sell("cart-2", {"ann": "10.00"})
        early = match(fetch(world))
        assert (early.lines, early.open_discrepancies) == ({"matched": 1}, 0)

        assert unexplained_minor(now=timezone.now()) == 0
        assert unexplained_minor(now=timezone.now() + DAY_LATER) == 9_680
        world.provider.advance(int(DAY_LATER.total_seconds()))
        at_the_provider(world, "/v1/transfers", amount=1, currency="eur", destination=_account(world))
        match(fetch(world, later=2 * DAY_LATER), later=2 * DAY_LATER)

        assert ("missing_at_psp", charge) in discrepancies()
        [found] = Discrepancy.objects.filter(kind="missing_at_psp")
        assert (found.expected_minor, found.found_minor) == (9_680, 0)
        assert unexplained_minor(now=timezone.now() + 2 * DAY_LATER) == 0

    @pytest.mark.parametrize(
        ("category", "kind", "klass"),
        [
            ("charge", "missing_in_ledger", "investigate"),
            ("refund", "refund_without_charge", "manual"),
            ("dispute", "chargeback_unbooked", "manual"),
            ("topup", "unknown_deposit", "investigate"),
            ("other_adjustment", "unknown_deposit", "investigate"),
        ],
    )
    def test_of_an_extra_line_once_it_is_overdue(
        self, world: World, charge: str, category: str, kind: str, klass: str
    ) -> None:
        world.provider.plan(
            [{"op": "report", "action": "line_extra", "args": {"values": {"reporting_category": category}}}]
        )
        statement = fetch(world)
        assert match(statement).lines == {"matched": 1, "timing": 1}
        assert open_discrepancies() == 0

        result = match(statement, later=DAY_LATER)

        assert result.lines == {"matched": 1, "discrepancy": 1}
        [found] = Discrepancy.objects.all()
        assert (found.kind, found.klass, found.reference) == (kind, klass, "ch_unknown")
        assert (found.expected_minor, found.found_minor) == (0, 100)
        assert_disposed(statement)


class TestTiming:
    def test_ends_as_matched_when_the_books_catch_up(self, world: World, ann: Seller) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}))
        statement = fetch(world)
        assert match(statement).lines == {"timing": 1}
        assert unexplained_minor(now=timezone.now()) == 0

        world.settle()
        result = match(statement)

        assert (result.lines, result.open_discrepancies) == ({"matched": 1}, 0)
        assert Disposition.objects.filter(current=False, kind="timing").count() == 1
        assert_disposed(statement)

    def test_ends_as_a_discrepancy_when_they_do_not(self, world: World, ann: Seller) -> None:
        world.pay(world.order("cart-1", {"ann": "100.00"}))
        statement = fetch(world)
        match(statement)

        result = match(statement, later=DAY_LATER)

        assert (result.lines, result.open_discrepancies) == ({"discrepancy": 1}, 1)
        assert [kind for kind, _ in discrepancies()] == ["missing_in_ledger"]


class TestTheSameMovementAgain:
    def test_on_an_overlapping_statement_is_superseded(self, world: World, charge: str) -> None:
        first = take_in(line(charge))
        match(first)
        second = take_in(
            line(charge, description="again"),
            line(charge, balance_transaction_id="txn_2", gross="5.00", fee="5.00", net="0.00"),
        )

        result = match(second)

        assert result.lines == {"superseded": 1, "discrepancy": 1}
        assert_disposed(first)
        assert_disposed(second)

    def test_changes_nothing_of_what_is_explained(self, world: World, charge: str) -> None:
        match(take_in(line(charge)))

        result = match(take_in(line(charge, description="again")))

        assert (result.lines, result.open_discrepancies) == ({"superseded": 1}, 0)
        assert unexplained_minor(now=timezone.now() + DAY_LATER) == 0

    def test_within_one_statement_is_a_discrepancy(self, world: World, charge: str) -> None:
        statement = take_in(line(charge), line(charge))

        result = match(statement)

        assert result.lines == {"matched": 1, "discrepancy": 1}
        assert discrepancies() == [("duplicate_at_psp", charge)]
        assert_disposed(statement)

    def test_with_other_amounts_is_a_discrepancy(self, world: World, charge: str) -> None:
        match(take_in(line(charge)))

        result = match(take_in(line(charge, gross="99.00", net="95.80")))

        assert result.lines == {"discrepancy": 1}
        assert discrepancies() == [("duplicate_at_psp", charge)]


class TestUnexplained:
    def test_is_exactly_the_money_that_nobody_named(self, world: World, charge: str) -> None:
        world.sell("cart-2", {"ann": "10.00"})
        take_in(
            line(charge, gross="99.00", net="95.80"),
            line(charge_of("cart-2"), balance_transaction_id="txn_2", gross="10.00", fee="0.59", net="9.41"),
            line("ch_stranger", balance_transaction_id="txn_3", gross="7.00", fee="0.00", net="7.00"),
        )

        assert unexplained_minor(now=timezone.now()) == 100 + 700


class TestADiscrepancy:
    @pytest.fixture
    def found(self, world: World, charge: str) -> Discrepancy:
        """A discrepancy of 1.00 EUR."""
        match(take_in(line(charge, gross="99.00", net="95.80")))
        return Discrepancy.objects.get()

    def test_belongs_to_somebody_until_it_is_settled(self, found: Discrepancy) -> None:
        assign_discrepancy(discrepancy=found.pk, owner=MAKER, actor=CHECKER, now=timezone.now())
        found.refresh_from_db()
        assert (found.state, found.owner, open_discrepancies()) == ("assigned", MAKER, 1)
        assign_discrepancy(discrepancy=found.pk, owner=CHECKER, actor=MAKER, now=timezone.now())
        told = AuditEntry.objects.filter(action="reconciliation.discrepancy.assigned").order_by("id")
        assert {entry.subject for entry in told} == {f"discrepancy:{found.pk}"}
        assert [(entry.actor, entry.facts) for entry in told] == [
            (CHECKER, {"from": "", "to": MAKER}),
            (MAKER, {"from": MAKER, "to": CHECKER}),
        ]

        resolve_discrepancy(discrepancy=found.pk, note="a typing error there", actor=MAKER, now=timezone.now())

        found.refresh_from_db()
        assert (found.state, found.note, open_discrepancies()) == ("resolved", "a typing error there", 0)
        entry = AuditEntry.objects.get(action="reconciliation.discrepancy.resolved")
        assert (entry.actor, entry.facts) == (MAKER, {"note": "a typing error there"})

    def test_is_settled_once(self, found: Discrepancy) -> None:
        resolve_discrepancy(discrepancy=found.pk, note="fine", actor=MAKER, now=timezone.now())

        with pytest.raises(IllegalTransition):
            resolve_discrepancy(discrepancy=found.pk, note="again", actor=MAKER, now=timezone.now())
        with pytest.raises(IllegalTransition):
            assign_discrepancy(discrepancy=found.pk, owner=MAKER, actor=CHECKER, now=timezone.now())

    def test_is_not_opened_again_by_another_run_once_it_was_settled(self, found: Discrepancy) -> None:
        resolve_discrepancy(discrepancy=found.pk, note="fine", actor=MAKER, now=timezone.now())
        assert found.line is not None

        match(found.line.statement, later=DAY_LATER)

        assert Discrepancy.objects.count() == 1

    def test_cannot_be_reopened_by_raw_sql(self, found: Discrepancy) -> None:
        resolve_discrepancy(discrepancy=found.pk, note="fine", actor=MAKER, now=timezone.now())

        attack("UPDATE reconciliation_discrepancy SET state = 'open'", match="cannot move from resolved to open")


def _account(world: World) -> str:
    return str(Seller.objects.exclude(psp_account="").values_list("psp_account", flat=True)[0])
