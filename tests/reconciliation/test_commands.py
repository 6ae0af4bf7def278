"""The nightly batch: commands whose exit codes and words a cron job and a person can rely on."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ledger.models import ClosedDay
from ledger.selectors import latest_proof
from operations.models import AuditEntry, Job
from operations.selectors import stopped_switches
from payments.models import Seller
from reconciliation.models import Statement
from tests.reconciliation.files import file_of, row
from tests.snapshot import nothing_changes
from tests.world import World

pytestmark = pytest.mark.django_db
INTERVAL = ("--start", "2026-11-20T00:00:00Z", "--end", "2026-11-21T00:00:00Z")


def run(*words: str) -> str:
    """Run a command as a shell would and return what it prints; a failing one raises."""
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def run_failing(*words: str) -> tuple[int | str | None, str]:
    """Run a command that ends with an exit code, and return the code and what it prints."""
    out = io.StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command(*words, stdout=out)
    return caught.value.code, out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good settlement file of one line."""
    path = tmp_path / "activity.csv"
    path.write_bytes(file_of(row()))
    return path


@pytest.fixture
def red(monkeypatch: pytest.MonkeyPatch) -> None:
    """Books that cannot be proved."""
    monkeypatch.setattr("ledger.proof.GUARDS", ("ledger_account a_guard_that_somebody_dropped",))


class TestACommand:
    """Whatever changes something says in the trail which user of the machine it was."""

    @pytest.fixture(autouse=True)
    def olga(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Olga is at the keyboard."""
        monkeypatch.setenv("LOGNAME", "olga")

    def test_that_stops_payouts_names_its_user(self, charge: str, red: None) -> None:
        run_failing("verify_books")

        assert AuditEntry.objects.get(subject="switch:payouts", action__endswith="stopped").actor == "os:olga"

    def test_that_takes_a_statement_in_names_its_user(self, file: Path) -> None:
        run("import_statement", str(file), *INTERVAL)

        assert Statement.objects.get().imported_by == "os:olga"

    def test_that_fetches_a_statement_names_its_user(self, world: World, charge: str) -> None:
        _pass_a_second(world)

        run("reconcile")

        assert Statement.objects.get().imported_by == "os:olga"

    def test_that_closes_a_day_names_its_user(self, world: World, charge: str, red: None) -> None:
        with pytest.raises(CommandError, match="cannot be closed"):
            run("close_day", str(timezone.now().date()))

        # Once by the checklist that is shown, once by the one that closing asks for itself.
        stopped = AuditEntry.objects.filter(subject="switch:payouts", action__endswith="stopped")
        assert [entry.actor for entry in stopped] == ["os:olga", "os:olga"]


class TestVerifyBooks:
    def test_says_that_the_books_are_proved(self, charge: str) -> None:
        assert run("verify_books").startswith("The books are proved: 2 entries in ")

    def test_says_it_as_json(self, charge: str) -> None:
        verdict = json.loads(run("verify_books", "--json"))

        assert verdict.pop("duration_ms") >= 0
        assert verdict == {"proved": True, "full": True, "entries": 2, "findings": []}

    def test_exits_with_1_names_what_is_wrong_and_stops_payouts(self, charge: str, red: None) -> None:
        code, text = run_failing("verify_books")

        assert code == 1
        assert "a guard of the database is missing or switched off: {'on_table': 'ledger_account', " in text
        assert "'name': 'a_guard_that_somebody_dropped'}" in text
        assert "The books are NOT proved; payouts are stopped" in text
        assert stopped_switches() == ["payouts"]
        proof = latest_proof()
        assert proof is not None
        assert not proof.green

    def test_exits_with_1_as_json_too(self, charge: str, red: None) -> None:
        code, text = run_failing("verify_books", "--json")

        assert code == 1
        [finding] = json.loads(text)["findings"]
        assert finding["proof"] == "prove_guards"


class TestImportStatement:
    def test_takes_a_file_in_and_says_how_its_lines_ended(self, file: Path) -> None:
        text = run("import_statement", str(file), *INTERVAL)

        statement = Statement.objects.get()
        assert f"Statement {statement.pk}: 1 lines." in text
        assert "Open discrepancies: " in text

    def test_only_checks_in_a_dry_run(self, file: Path) -> None:
        text = run("import_statement", str(file), *INTERVAL, "--dry-run")

        assert text == "The file is good; nothing was imported.\n"
        assert not Statement.objects.exists()

    @pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
    def test_lists_every_error_by_line(self, tmp_path: Path, dry_run: tuple[str, ...]) -> None:
        path = tmp_path / "bad.csv"
        path.write_bytes(file_of(row(gross="1,00"), row(), row(currency="zzz")))

        with pytest.raises(CommandError) as caught:
            run("import_statement", str(path), *INTERVAL, *dry_run)

        text = str(caught.value)
        assert text.startswith("Nothing was imported.\n")
        assert "line 2, " in text
        assert "line 4, currency" in text
        assert not Statement.objects.exists()

    def test_refuses_a_file_twice(self, file: Path) -> None:
        run("import_statement", str(file), *INTERVAL)

        with pytest.raises(CommandError, match="imported already, as statement"):
            run("import_statement", str(file), *INTERVAL)

    def test_refuses_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="cannot be read: No such file"):
            run("import_statement", str(tmp_path / "none.csv"), *INTERVAL)

    @pytest.mark.parametrize("start", ["2026-11-20", "2026-11-20T00:00:00", "2026-02-30T00:00:00Z", "soon"])
    def test_refuses_an_interval_without_its_offset(self, file: Path, start: str) -> None:
        with pytest.raises(CommandError, match="--start"):
            run("import_statement", str(file), "--start", start, "--end", "2026-11-21T00:00:00Z")

    def test_refuses_a_format_that_nobody_reads(self, file: Path) -> None:
        with pytest.raises(CommandError, match="pigeon"):
            run("import_statement", str(file), *INTERVAL, "--format", "pigeon")


class TestReconcile:
    def test_fetches_and_matches(self, world: World, charge: str) -> None:
        _pass_a_second(world)

        text = run("reconcile")

        assert text == "1 new lines; open discrepancies: 0; unexplained: 0 minor units.\n"
        assert Statement.objects.get().state == "matched"

    def test_does_nothing_new_the_second_time(self, world: World, charge: str) -> None:
        _pass_a_second(world)
        run("reconcile")

        assert run("reconcile") == "no new lines; open discrepancies: 0; unexplained: 0 minor units.\n"

    def test_matches_without_fetching(self, world: World, charge: str) -> None:
        assert run("reconcile", "--no-fetch").startswith("no new lines;")
        assert not Statement.objects.exists()

    def test_exits_with_1_while_anything_is_unexplained(
        self, world: World, charge: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        later = timezone.now() + timedelta(days=2)
        monkeypatch.setattr("reconciliation.management.commands.reconcile.timezone.now", lambda: later)

        code, text = run_failing("reconcile", "--no-fetch")

        assert (code, text) == (1, "no new lines; open discrepancies: 0; unexplained: 9680 minor units.\n")

    def test_waits_while_the_provider_makes_the_statement(
        self, world: World, charge: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.provider.plan([{"op": "report_run.create", "action": "pending", "args": {"after_s": 40}}])
        monkeypatch.setattr("reconciliation.management.commands.reconcile.sleep", world.provider.advance)
        _pass_a_second(world)

        text = run("reconcile")

        assert text.startswith("1 new lines;")
        assert [call["replayed"] for call in world.provider.calls() if call["path"].endswith("report_runs")] == [
            False,
            *[True] * 3,
        ]

    def test_says_that_the_provider_has_nothing_yet(self, world: World, charge: str) -> None:
        world.provider.plan([{"op": "report_run.create", "action": "drop"}])
        _pass_a_second(world)

        with pytest.raises(CommandError, match="no statement for us yet"):
            run("reconcile", "--wait", "0")


class TestCloseDay:
    def test_shows_the_checklist_and_closes(self, world: World, charge: str) -> None:
        _pass_a_second(world)
        run("reconcile")
        today = timezone.now().date()

        text = run("close_day", str(today))

        assert text.count("[x] ") == 6
        assert f"{today} is closed. Journal digest: {ClosedDay.objects.get().digest}" in text

    def test_only_shows_the_checklist_in_a_dry_run(self, world: World, charge: str) -> None:
        text = run("close_day", str(timezone.now().date()), "--dry-run")

        assert "[ ] statement of stripe in: no statement yet" in text
        assert "[x] books proved: 0 findings" in text
        assert not ClosedDay.objects.exists()

    def test_fails_with_every_reason_while_something_is_red(self, world: World, charge: str) -> None:
        with pytest.raises(CommandError, match=r"cannot be closed: statement of stripe in \(no statement yet\)"):
            run("close_day", str(timezone.now().date()))

        assert not ClosedDay.objects.exists()

    def test_refuses_what_is_no_date(self) -> None:
        with pytest.raises(CommandError, match="date"):
            run("close_day", "2026-02-30")


class TestJobsDead:
    @pytest.fixture
    def dead(self, db: None) -> Job:
        """A dead letter."""
        job = Job.objects.create(
            kind="payouts.send_payout",
            key="pay_1",
            args={"payout": "pay_1"},
            attempts=3,
            next_at=timezone.now(),
            last_error="PayoutUnclear: a person must look",
        )
        for state in ("doing", "dead"):
            Job.objects.filter(pk=job.pk).update(state=state)
        return job

    def test_lists_what_was_given_up_and_why(self, dead: Job) -> None:
        text = run("jobs_dead")

        assert text == f"{dead.pk}  payouts.send_payout pay_1: PayoutUnclear: a person must look\n1 dead letter.\n"

    def test_lists_it_as_json(self, dead: Job) -> None:
        assert json.loads(run("jobs_dead", "--json")) == {
            "id": dead.pk,
            "kind": "payouts.send_payout",
            "key": "pay_1",
            "attempts": 3,
            "error": "PayoutUnclear: a person must look",
        }

    def test_puts_one_back_on_the_table_with_a_reason(self, dead: Job) -> None:
        assert run("jobs_dead", "--replay", str(dead.pk), "--dry-run").endswith("would be due again.\n")
        dead.refresh_from_db()
        assert dead.state == "dead"
        text = run("jobs_dead", "--replay", str(dead.pk), "--reason", "found at the provider")

        dead.refresh_from_db()
        assert (text, dead.state) == (f"Job {dead.pk} is due again.\n", "todo")
        assert AuditEntry.objects.get(action="operations.job.replayed").facts == {"reason": "found at the provider"}

    def test_gives_one_up_for_good_with_a_reason(self, dead: Job) -> None:
        with nothing_changes():
            text = run("jobs_dead", "--discard", str(dead.pk), "--dry-run")
        assert text == f"Job {dead.pk} (payouts.send_payout pay_1) would be discarded.\n"

        text = run("jobs_dead", "--discard", str(dead.pk), "--reason", "paid by hand")

        dead.refresh_from_db()
        assert (text, dead.state) == (f"Job {dead.pk} is discarded.\n", "discarded")
        assert AuditEntry.objects.get(action="operations.job.discarded").facts == {"reason": "paid by hand"}
        assert run("jobs_dead") == "0 dead letters.\n"

    @pytest.mark.parametrize(("option", "state"), [("--replay", "todo"), ("--discard", "discarded")])
    def test_tells_a_decision_as_json(self, dead: Job, option: str, state: str) -> None:
        facts = {"id": dead.pk, "kind": "payouts.send_payout", "key": "pay_1", "decision": option.strip("-")}

        with nothing_changes():
            assert json.loads(run("jobs_dead", option, str(dead.pk), "--dry-run", "--json")) == {**facts, "done": False}
        text = run("jobs_dead", option, str(dead.pk), "--reason", "mended", "--json")

        dead.refresh_from_db()
        assert (json.loads(text), dead.state) == ({**facts, "done": True}, state)

    def test_shows_one_whole_with_who_decided_about_it(self, dead: Job, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOGNAME", "olga")
        run("jobs_dead", "--replay", str(dead.pk), "--reason", "found at the provider")

        shown = json.loads(run("jobs_dead", "--show", str(dead.pk)))

        assert (shown["args"], shown["state"], shown["attempts"]) == ({"payout": "pay_1"}, "todo", 0)
        [decided] = shown["decided"]
        assert (decided["action"], decided["actor"]) == ("operations.job.replayed", "os:olga")
        assert decided["reason"] == "found at the provider"
        line = run("jobs_dead", "--show", str(dead.pk), "--json")
        assert (json.loads(line), line.count("\n")) == (shown, 1)

    def test_shows_no_job_that_is_not_there(self, dead: Job) -> None:
        with pytest.raises(CommandError, match="There is no job"):
            run("jobs_dead", "--show", str(dead.pk + 1_000_000))

    def test_lists_only_the_kind_that_is_asked_for(self, dead: Job) -> None:
        assert run("jobs_dead", "--kind", "payouts.send_payout").endswith("1 dead letter.\n")
        assert run("jobs_dead", "--kind", "payments.send_refund") == "0 dead letters.\n"

    def test_takes_one_decision_at_a_time(self, dead: Job) -> None:
        with nothing_changes(), pytest.raises(CommandError, match="not allowed with"):
            run("jobs_dead", f"--replay={dead.pk}", f"--discard={dead.pk}", "--reason", "whichever")

    def test_wants_a_reason(self, dead: Job) -> None:
        with pytest.raises(CommandError, match="--reason"):
            run("jobs_dead", "--replay", str(dead.pk))

        dead.refresh_from_db()
        assert dead.state == "dead"

    @pytest.mark.bad_input("B35")
    def test_takes_no_card_number_as_a_reason(self, dead: Job) -> None:
        for decision in ("--replay", "--discard"):
            with pytest.raises(CommandError, match="The reason looks like a card number"):
                run("jobs_dead", decision, str(dead.pk), "--reason", "paid with 4242 4242 4242 4242")

        dead.refresh_from_db()
        assert dead.state == "dead"

    def test_knows_only_dead_jobs(self, dead: Job, ann: Seller) -> None:
        with pytest.raises(CommandError, match="no dead job"):
            run("jobs_dead", "--replay", str(dead.pk + 1_000_000), "--reason", "why not")


def _pass_a_second(world: World) -> None:
    """Wait until the second in which something happened is over, here and at the provider."""
    moved: Any = timezone.now().replace(microsecond=0)
    while timezone.now().replace(microsecond=0) == moved:
        pass
    world.provider.advance(1)
