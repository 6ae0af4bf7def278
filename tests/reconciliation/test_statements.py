"""Statements come in whole or not at all, once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from operations.models import AuditEntry
from payments.models import Seller
from reconciliation.models import Statement, StatementLine
from reconciliation.services import (
    ControlTotalMismatch,
    StatementKnown,
    StatementNotReady,
    StatementUnreadable,
    fetch_statement,
)
from reconciliation.services.statements import BEGINNING, LineOutsideInterval
from tests.payouts.steps import attack
from tests.reconciliation.files import DAY, NEXT_DAY, file_of, row
from tests.reconciliation.steps import fetch, line, moment, take_in
from tests.world import World

pytestmark = pytest.mark.django_db
DAY_S = 86_400


class TestImportStatement:
    def test_keeps_every_line_as_the_file_says_it(self) -> None:
        statement = take_in(row(), row(balance_transaction_id="txn_2"), interval_start=DAY, interval_end=NEXT_DAY)

        assert (statement.state, statement.line_count) == ("parsed", 2)
        assert statement.control_totals == {"EUR": 19_360}
        lines = list(statement.lines.order_by("line_no"))
        assert [(each.line_no, each.transaction_ref, each.net.text) for each in lines] == [
            (2, "txn_1", "96.80"),
            (3, "txn_2", "96.80"),
        ]
        assert AuditEntry.objects.get(action="reconciliation.statement.imported").facts["lines"] == 2

    def test_knows_the_same_file_again(self) -> None:
        first = take_in(line("ch_1"), content=file_of(row()), interval_start=DAY, interval_end=NEXT_DAY)

        with pytest.raises(StatementKnown, match=str(first.pk)):
            take_in(content=file_of(row()), interval_start=DAY, interval_end=NEXT_DAY)

        assert (Statement.objects.count(), StatementLine.objects.count()) == (1, 1)

    def test_refuses_a_file_with_any_error_whole(self) -> None:
        with pytest.raises(StatementUnreadable, match="line 3"):
            take_in(line("ch_1"), line("ch_2", gross="1,00"))

        assert not Statement.objects.exists()

    @pytest.mark.parametrize(
        ("stated", "message"),
        [
            ({"EUR": 9_681}, "EUR lines sum to 9680 .* given is 9681"),
            ({"EUR": 9_680, "USD": 1}, "USD lines sum to 0 .* given is 1"),
            ({"USD": 9_680}, "EUR lines sum to 9680 .* given is 0"),
            ({}, "EUR lines sum to 9680 .* given is 0"),
        ],
    )
    @pytest.mark.parametrize("dry_run", [False, True])
    def test_refuses_a_file_that_does_not_sum_to_its_control_totals(
        self, stated: dict[str, int], message: str, dry_run: bool
    ) -> None:
        with pytest.raises(ControlTotalMismatch, match=message):
            take_in(line("ch_1"), control_totals=stated, dry_run=dry_run)

        assert not Statement.objects.exists()
        assert not StatementLine.objects.exists()

    def test_takes_a_file_that_sums_to_its_control_totals(self) -> None:
        assert take_in(line("ch_1"), control_totals={"EUR": 9_680}).line_count == 1

    @pytest.mark.parametrize("created", [moment(DAY - timedelta(seconds=1)), moment(NEXT_DAY)])
    def test_refuses_a_line_outside_its_interval_naming_it(self, created: str) -> None:
        with pytest.raises(LineOutsideInterval, match="Line 3 "):
            take_in(
                row(), row(balance_transaction_id="txn_2", created=created), interval_start=DAY, interval_end=NEXT_DAY
            )

        assert not Statement.objects.exists()

    def test_takes_lines_on_both_edges_of_its_interval(self) -> None:
        last = moment(NEXT_DAY - timedelta(seconds=1))

        statement = take_in(
            row(created=moment(DAY)),
            row(balance_transaction_id="txn_2", created=last),
            interval_start=DAY,
            interval_end=NEXT_DAY,
        )

        assert statement.line_count == 2

    def test_only_checks_in_a_dry_run(self) -> None:
        with pytest.raises(AssertionError):
            take_in(line("ch_1"), dry_run=True)

        assert not Statement.objects.exists()
        assert not AuditEntry.objects.filter(action="reconciliation.statement.imported").exists()

    def test_says_in_a_dry_run_too_that_a_file_is_known(self) -> None:
        content = file_of(row())
        take_in(content=content, interval_start=DAY, interval_end=NEXT_DAY)

        with pytest.raises(StatementKnown):
            take_in(content=content, interval_start=DAY, interval_end=NEXT_DAY, dry_run=True)


class TestFetchStatement:
    def test_returns_nothing_where_nothing_moved(self, world: World) -> None:
        assert fetch_statement(actor="system:test", now=timezone.now()) is None
        assert not Statement.objects.exists()

    def test_returns_nothing_twice_within_a_second(self, world: World, charge: str) -> None:
        statement = fetch(world)

        assert fetch_statement(actor="system:test", now=statement.interval_end) is None

    def test_chains_intervals_without_gap_or_overlap(self, world: World, charge: str) -> None:
        first = fetch(world)
        world.provider.advance(60)
        world.sell("cart-2", {"ann": "10.00"})
        second = fetch(world, later=timedelta(minutes=2))

        assert first.interval_start == BEGINNING
        assert second.interval_start == first.interval_end
        assert (first.line_count, second.line_count) == (1, 1)
        sources = list(StatementLine.objects.order_by("id").values_list("source_ref", flat=True))
        assert sources[0] == charge
        assert len(set(sources)) == 2

    def test_goes_on_from_the_last_statement_when_nothing_moved_between(self, world: World, charge: str) -> None:
        first = fetch(world)
        assert fetch_statement(actor="system:test", now=timezone.now() + timedelta(minutes=1)) is None
        world.provider.advance(120)
        world.sell("cart-2", {"ann": "10.00"})

        second = fetch(world, later=timedelta(minutes=3))

        assert second.interval_start == first.interval_end

    def test_ends_where_the_provider_can_tell_no_more_yet(self, world: World, charge: str) -> None:
        world.provider.set_reports(start=int(BEGINNING.timestamp()), lag_s=DAY_S)

        today = fetch_statement(actor="system:test", now=timezone.now() + timedelta(seconds=2))
        tomorrow = fetch(world, later=timedelta(days=1))
        once_more = fetch_statement(actor="system:test", now=timezone.now() + timedelta(days=1, hours=1))

        assert (today, once_more, tomorrow.line_count) == (None, None, 1)
        assert abs(tomorrow.interval_end - timezone.now()) < timedelta(minutes=1)

    def test_takes_a_fee_in_that_is_of_no_payment(self, world: World, charge: str) -> None:
        fee = {"balance_transaction_id": "txn_fee", "reporting_category": "fee", "source_id": ""}
        world.provider.plan([{"op": "report", "action": "line_extra", "args": {"values": fee}}])

        assert fetch(world).line_count == 2

    def test_begins_where_the_provider_begins_to_tell(self, world: World, charge: str) -> None:
        long_ago = timezone.now().replace(microsecond=0) - timedelta(days=90)
        world.provider.set_reports(start=int(long_ago.timestamp()), lag_s=0)

        assert fetch(world).interval_start == long_ago + timedelta(seconds=1)

    def test_is_had_by_asking_again_while_the_provider_makes_it(self, world: World, charge: str) -> None:
        world.provider.plan([{"op": "report_run.create", "action": "pending", "args": {"after_s": 600}}])
        world.provider.set_reports(start=int(BEGINNING.timestamp()), lag_s=0)
        world.provider.freeze()
        world.provider.advance(5)

        with pytest.raises(StatementNotReady, match="pending"):
            fetch_statement(actor="system:test", now=timezone.now() + timedelta(minutes=1))
        world.provider.set_reports(start=int(BEGINNING.timestamp()), lag_s=600)
        world.provider.advance(600)
        found = fetch_statement(actor="system:test", now=timezone.now() + timedelta(minutes=11))

        assert found is not None
        assert found.line_count == 1
        runs = [call for call in world.provider.calls() if call["path"].endswith("report_runs")]
        assert [run["replayed"] for run in runs] == [False, True]

    @pytest.mark.parametrize("action", ["drop", "error_5xx", "garbage", "html"])
    def test_takes_nothing_while_the_provider_does_not_answer(self, world: World, charge: str, action: str) -> None:
        world.provider.plan([{"op": "report_run.create", "action": action, "args": {"when": "before"}}])

        with pytest.raises(StatementNotReady):
            fetch(world)

        assert not Statement.objects.exists()
        world.provider.plan()
        assert fetch(world).line_count == 1


class TestTheDatabase:
    """Raw SQL against statements."""

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE reconciliation_statementline SET net_minor = net_minor + 1, gross_minor = gross_minor + 1",
            "DELETE FROM reconciliation_statementline",
            "TRUNCATE reconciliation_statementline CASCADE",
        ],
    )
    def test_refuses_to_change_a_line(self, statement: str) -> None:
        take_in(line("ch_1"))

        attack(statement, match="is refused")

    def test_refuses_a_line_whose_net_is_not_gross_less_fee(self) -> None:
        take_in(line("ch_1"))

        attack(
            "INSERT INTO reconciliation_statementline (statement_id, line_no, transaction_ref, category, source_ref,"
            " currency, gross_minor, fee_minor, net_minor, created_at, available_on, description)"
            " SELECT id, 9, 'txn_9', 'charge', 'ch_9', 'EUR', 10, 1, 10, now(), now(), ''"
            " FROM reconciliation_statement",
            match="statement_line_net_is_gross_less_fee",
        )

    def test_refuses_two_current_dispositions_of_a_line(self) -> None:
        take_in(line("ch_1"))
        insert = (
            "INSERT INTO reconciliation_disposition (line_id, kind, rule, current, decided_at)"
            " SELECT id, '{kind}', 'by hand', true, now() FROM reconciliation_statementline{twice}"
        )

        attack(
            insert.format(
                kind="matched",
                twice=" UNION ALL SELECT id, 'ignored', 'x', true, now() FROM reconciliation_statementline",
            ),
            match="disposition_one_current",
        )

    @pytest.mark.parametrize("state", ["closed", "matched_by_hand"])
    def test_refuses_to_skip_a_state(self, state: str) -> None:
        take_in(line("ch_1"))

        attack(f"UPDATE reconciliation_statement SET state = '{state}'", match=f"cannot move from parsed to {state}")

    def test_refuses_the_same_file_twice(self, ann: Seller) -> None:
        take_in(line("ch_1"))

        attack(
            "INSERT INTO reconciliation_statement (psp, format, sha256, interval_start, interval_end, state,"
            " line_count, control_totals, imported_by, imported_at) SELECT psp, format, sha256, interval_start,"
            " interval_end, 'parsed', 0, '{}', 'x', now() FROM reconciliation_statement",
            match="sha256",
        )
