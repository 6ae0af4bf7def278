"""Every state machine, every (state, event) pair: on the model, and in PostgreSQL behind its back."""

import re
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from config import machines
from operations import database
from operations.edges import money_tx
from operations.lifecycle import IllegalTransition, Machine, move
from operations.models import StateChange
from payouts.models import Batch

MODELS = {model._meta.db_table: model for model in apps.get_models()}
MACHINES: dict[str, tuple[Machine, Any]] = {
    table: (machine, MODELS[table]) for table, machine in machines.MACHINES.items()
}
PAIRS = [
    pytest.param(table, state, row.event, id=f"{machine.name}-{state}-{row.event}")
    for table, (machine, _) in MACHINES.items()
    for state in machine.states.values
    for row in machine.transitions
]


def guard_source(table: str) -> str:
    row = database.fetch_one("SELECT pg_get_functiondef(%s::regproc) AS source", [f"guard_{table}_state"])
    return str(row["source"])


@pytest.mark.django_db
class TestTheDatabasesTable:
    @pytest.mark.parametrize("table", MACHINES)
    def test_allows_exactly_the_moves_of_the_python_table(self, table: str) -> None:
        machine, _ = MACHINES[table]

        moves = set(re.findall(r"\('([^']*)', '([^']*)'\)", guard_source(table).split("VALUES", 1)[1]))

        assert moves == {(str(old), str(new)) for old, new in machine.allowed()}

    @pytest.mark.parametrize("table", MACHINES)
    def test_is_a_trigger_that_is_switched_on(self, table: str) -> None:
        found = database.fetch_all(
            "SELECT tgenabled, tgtype & 20 AS moments FROM pg_trigger WHERE tgrelid = %s::regclass"
            " AND tgfoid = %s::regproc",
            [table, f"guard_{table}_state"],
        )

        # Before or after, of each row; on INSERT (4) and UPDATE (16).
        assert [(row["tgenabled"], row["moments"]) for row in found] == [("O", 20)]

    @pytest.mark.parametrize("table", MACHINES)
    def test_lets_a_row_begin_only_in_the_initial_state(self, table: str) -> None:
        machine, _ = MACHINES[table]

        [starts] = re.findall(r"NOT IN \(('[^)]*')\)", guard_source(table).split("ELSIF", 1)[0])

        assert starts == f"'{machine.initial}'"


class TestTheModelsTable:
    @pytest.mark.parametrize(("table", "state", "event"), PAIRS)
    def test_is_the_machines_table(self, table: str, state: str, event: str) -> None:
        machine, model = MACHINES[table]
        row = machine.row(event)
        found = {
            (transition.source, transition.name, transition.target)
            for transition in model(state=state).get_all_state_transitions()
        }

        assert ((state, event, row.target) in found) == (state in row.sources)

    @pytest.mark.parametrize("table", MACHINES)
    def test_leads_from_the_initial_state_to_every_other(self, table: str) -> None:
        machine, _ = MACHINES[table]
        reached = {str(machine.initial)}
        for _ in machine.states.values:
            reached |= {str(new) for old, new in machine.allowed() if old in reached}

        assert reached == set(machine.states.values)


@pytest.mark.django_db
class TestMove:
    def batch(self) -> Batch:
        now = timezone.now()
        return Batch.objects.create(currency="EUR", proposed_by="user:oscar", proposed_at=now)

    def test_logs_who_moved_what_from_where_to_where(self) -> None:
        batch = self.batch()
        now = timezone.now()

        with money_tx("test"):
            move(batch, "approve", actor="user:anna", now=now, reason="fine", decided_by="user:anna", decided_at=now)

        [change] = StateChange.objects.filter(subject_id=batch.pk)
        assert (change.machine, change.event, change.from_state, change.to_state, change.actor, change.reason) == (
            "payout_batch",
            "approve",
            "proposed",
            "approved",
            "user:anna",
            "fine",
        )
        batch.refresh_from_db()
        assert batch.state == "approved"

    def test_refuses_what_the_table_does_not_allow(self) -> None:
        batch = self.batch()

        with pytest.raises(IllegalTransition, match="complete is not possible"), money_tx("test"):
            move(batch, "complete", actor="user:anna", now=timezone.now())

    def test_lets_only_one_of_two_racing_movers_win(self) -> None:
        batch = self.batch()
        stale = Batch.objects.get(pk=batch.pk)
        now = timezone.now()
        with money_tx("test"):
            move(batch, "approve", actor="user:anna", now=now, decided_by="user:anna", decided_at=now)

        with pytest.raises(IllegalTransition, match="elsewhere"), money_tx("test"):
            move(stale, "cancel", actor="user:anna", now=now, decided_by="user:anna", decided_at=now)

    def test_protects_the_state_from_assignment_even_after_a_reload_failed(self) -> None:
        batch = self.batch()
        ghost = Batch(currency="EUR", proposed_by="user:oscar", proposed_at=timezone.now())
        with pytest.raises(Batch.DoesNotExist):
            ghost.refresh_from_db()

        with pytest.raises(AttributeError):
            batch.state = "approved"
