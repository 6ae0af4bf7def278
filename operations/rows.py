"""Rows of models by prepared statements: the ORM writes each statement once, and libpq sends it from then on.

Putting a query together anew and having it parsed and planned costs more than finding its row. On the path of every
payment that is most of the work, so what runs there is asked for here; everywhere else the ORM's own way is right.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any, Generic, ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.transaction import TransactionManagementError

from operations.prepared import ask_prepared

M = TypeVar("M", bound=models.Model)
P = ParamSpec("P")
# What stands for an argument while the ORM writes the statement: within the range of every integer column.
_FIRST_NUMBER = 32_000


class NotPreparable(Exception):
    """A query's arguments cannot be told apart in what the ORM wrote."""


@dataclass(frozen=True)
class _Written(Generic[M]):
    """A statement, with what goes where: an argument's number, or a constant."""

    model: type[M]
    statement: str
    places: list[int | str]
    locks: bool


def prepared_query(build: Callable[P, "models.QuerySet[M]"]) -> Callable[P, list[M]]:
    """Make a function that returns a query into one that returns its rows.

    It is called once, with stand-ins for its arguments, which are texts or integers and passed by position; each must
    reach the statement exactly once, and constants beside them are texts; otherwise NotPreparable. Rows are whole:
    nothing is deferred, annotated or joined. As with the ORM, a query that locks raises TransactionManagementError
    outside a transaction.
    """
    written: list[_Written[M]] = []

    @wraps(build)
    def rows(*values: P.args, **named: P.kwargs) -> list[M]:
        assert not named  # noqa: S101 - the statement has places, not names
        if not written:
            written.append(_written(build, values))
        query = written[0]
        if query.locks and not connection.in_atomic_block:
            raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")
        given = [values[place] if isinstance(place, int) else place for place in query.places]
        return [_model(query.model, row) for row in ask_prepared(query.statement, given)]

    return rows


def insert_row(row: M, *, or_ignore: bool = False) -> M:
    """Insert a new object as `save` would, without signals, and return it; with `or_ignore` unless it is there.

    Raises IntegrityError.
    """
    fields = _inserted(type(row))
    values = [_value(field, row) for field in fields]
    for (key,) in ask_prepared(_insert_statement(type(row), or_ignore), values):
        row.pk = row._meta.pk.to_python(key)
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return row


def update_row(row: models.Model, *names: str) -> None:
    """Write some fields of an object that is in the database, as they are by now."""
    fields = [row._meta.get_field(name) for name in names]
    ask_prepared(_update_statement(type(row), names), [row.pk, *(_value(field, row) for field in fields)])


def _written(build: Callable[..., "models.QuerySet[M]"], values: Sequence[Any]) -> _Written[M]:
    """Have the ORM write the statement."""
    kinds = enumerate(isinstance(value, int) for value in values)
    stand_ins = [_FIRST_NUMBER + number if whole else f"argument {number}" for number, whole in kinds]
    query = build(*stand_ins).query
    text, parameters = query.sql_with_params()
    found = [stand_ins.index(value) if value in stand_ins else value for value in parameters]
    if sorted(place for place in found if isinstance(place, int)) != list(range(len(values))):
        raise NotPreparable(f"{build.__qualname__}: {text} {parameters}")
    numbers = iter(range(1, len(parameters) + 1))
    statement = re.sub("%[s%]", lambda mark: "%" if mark[0] == "%%" else f"${next(numbers)}", text)
    model: Any = query.model
    return _Written(model=model, statement=statement, places=found, locks=query.select_for_update)


def _model(model: type[M], row: Sequence[str | None]) -> M:
    names, readers = _columns(model)
    values = [value if value is None else read(value) for read, value in zip(readers, row, strict=True)]
    return model.from_db(DEFAULT_DB_ALIAS, names, values)


@cache
def _columns(model: type[models.Model]) -> tuple[list[str], list[Callable[[str], Any]]]:
    fields: Any = model._meta.concrete_fields
    readers = [json.loads if isinstance(field, models.JSONField) else field.to_python for field in fields]
    return [field.attname for field in fields], readers


def _value(field: Any, row: models.Model) -> Any:
    """Return a field's value as a statement takes it."""
    value = field.pre_save(row, row._state.adding)
    if isinstance(field, models.JSONField):
        return None if value is None else json.dumps(value, cls=field.encoder)
    return field.get_prep_value(value)


@cache
def _inserted(model: type[models.Model]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]


@cache
def _insert_statement(model: type[models.Model], or_ignore: bool) -> str:
    columns = ", ".join(f'"{field.column}"' for field in _inserted(model))
    places = ", ".join(f"${number}" for number, _ in enumerate(_inserted(model), start=1))
    conflict = " ON CONFLICT DO NOTHING" if or_ignore else ""
    meta = model._meta
    return f'INSERT INTO "{meta.db_table}" ({columns}) VALUES ({places}){conflict} RETURNING "{meta.pk.column}"'  # noqa: S608 - names of our models


@cache
def _update_statement(model: type[models.Model], names: tuple[str, ...]) -> str:
    meta: Any = model._meta
    columns = ", ".join(f'"{meta.get_field(name).column}" = ${number}' for number, name in enumerate(names, start=2))
    return f'UPDATE "{meta.db_table}" SET {columns} WHERE "{meta.pk.column}" = $1 RETURNING 1'  # noqa: S608 - names of our models
