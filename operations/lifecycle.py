"""State machines as tables.

A machine is written once, as a table of transitions. From it come the django-fsm transitions on the model,
the trigger in PostgreSQL, the diagram in the documentation and a test of every (state, event) pair.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from django.db import models
from django_fsm import FSMField, TransitionNotAllowed, transition

from operations.edges import require_transaction
from operations.errors import DomainError
from operations.models import StateChange
from operations.prepared import ask_prepared

M = TypeVar("M", bound=models.Model)


class IllegalTransition(DomainError):
    """{machine} {subject_id} is {state}: {event} is not possible."""

    code = "illegal_transition"


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One row of a machine's table: what happens, from where, to where, and a phrase for people."""

    event: str
    sources: tuple[str, ...]
    target: str
    phrase: str


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A closed set of states and the only ways between them."""

    name: str
    states: type[models.TextChoices]
    initial: str
    transitions: tuple[Transition, ...]

    def allowed(self) -> set[tuple[str, str]]:
        """Return every legal (from, to) pair."""
        return {(source, row.target) for row in self.transitions for source in row.sources}

    def terminal(self) -> set[str]:
        """Return the states that nothing leads out of."""
        return set(self.states.values) - {source for source, _ in self.allowed()}

    def row(self, event: str) -> Transition:
        """Return an event's row. Raises KeyError for an event that the machine does not know."""
        return {row.event: row for row in self.transitions}[event]


class StateField(FSMField):
    """A protected FSM field that is text in the database and has no meaningless length."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("protected", True)
        kwargs.setdefault("max_length", 40)
        super().__init__(*args, **kwargs)


class StatefulModel(models.Model):
    """A model with one state machine, named by its class attribute `machine`."""

    machine: Machine

    class Meta:
        abstract = True

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Reload from the database, protected state included.

        django-fsm-2 lifts the protection on the whole class while it reloads, and for good after a
        DoesNotExist; dropping the loaded value first lets Django's own method set it afresh.
        """
        self.__dict__.pop("state", None)
        models.Model.refresh_from_db(self, *args, **kwargs)


def with_transitions(machine: Machine) -> Callable[[type[M]], type[M]]:
    """Give a model one django-fsm transition method per event of its machine."""

    def decorate(model: type[M]) -> type[M]:
        field: Any = model._meta.get_field("state")
        for row in machine.transitions:
            method = _transition_method(row)
            decorated = transition(field=field, source=list(row.sources), target=row.target)(method)
            setattr(model, row.event, decorated)
        field._collect_transitions(sender=model)
        model.machine = machine  # type: ignore[attr-defined]
        return model

    return decorate


def _transition_method(row: Transition) -> Callable[[Any], None]:
    def method(self: Any) -> None:
        return None

    method.__name__ = row.event
    method.__doc__ = row.phrase
    return method


def move(subject: StatefulModel, event: str, *, actor: str, now: datetime, reason: str = "", **changes: Any) -> None:
    """Move a row along one transition, together with other column changes, and log the move.

    The update is conditional on the state that was read, so of two racing movers one wins and the other gets
    IllegalTransition. A row with a column `state_since` keeps there when it moved. Must run inside the caller's
    transaction.
    """
    require_transaction(f"move {event}")
    machine = subject.machine
    before = str(subject.state)  # type: ignore[attr-defined]
    if before not in machine.row(event).sources:
        raise IllegalTransition(machine=machine.name, subject_id=subject.pk, state=before, event=event)
    try:
        getattr(subject, event)()
    except TransitionNotAllowed as error:
        raise IllegalTransition(machine=machine.name, subject_id=subject.pk, state=before, event=event) from error
    if hasattr(subject, "state_since"):
        changes["state_since"] = now
    for name, value in changes.items():
        setattr(subject, name, value)
    target = machine.row(event).target
    columns = {name: _for_database(subject, name, value) for name, value in changes.items()}
    told = [machine.name, str(subject.pk), event, before, target, actor, reason, now]
    if not ask_prepared(_move_statement(type(subject), tuple(columns)), [subject.pk, *told, *columns.values()]):
        raise IllegalTransition(machine=machine.name, subject_id=subject.pk, state="elsewhere by now", event=event)


def unmoved(subject: StatefulModel) -> bool:
    """Lock a row that was read before, in the caller's transaction; tell whether its state is still what was read."""
    require_transaction("ask whether a row has moved")
    state = str(subject.state)  # type: ignore[attr-defined]
    return bool(ask_prepared(_unmoved_statement(type(subject)), [subject.pk, state]))


@cache
def _unmoved_statement(model: type[StatefulModel]) -> str:
    meta = model._meta
    return f'SELECT 1 FROM "{meta.db_table}" WHERE "{meta.pk.column}" = $1 AND state = $2 FOR UPDATE'  # noqa: S608 - names of our models


@cache
def _move_statement(model: type[StatefulModel], changes: tuple[str, ...]) -> str:
    """Return the one statement of a move: the conditional update and, where it was possible, its log."""
    meta = model._meta
    fields: list[Any] = [meta.get_field(name) for name in changes]
    more = "".join(f', "{field.column}" = ${number}' for number, field in enumerate(fields, start=10))
    log = StateChange._meta.db_table
    return f"""
        WITH moved AS (
            UPDATE "{meta.db_table}" SET state = $6{more}
            WHERE "{meta.pk.column}" = $1 AND state = $5::text RETURNING 1
        )
        INSERT INTO "{log}" (machine, subject_id, event, from_state, to_state, actor, reason, at)
        SELECT $2, $3, $4, $5, $6::text, $7, $8, $9::timestamptz FROM moved
        RETURNING id
    """  # noqa: S608 - names of our models and their columns


def _for_database(subject: StatefulModel, name: str, value: Any) -> Any:
    """Return a column's new value as a statement takes it."""
    if isinstance(value, models.Model):
        return value.pk
    if value is not None and isinstance(subject._meta.get_field(name), models.JSONField):
        return json.dumps(value)
    return value
