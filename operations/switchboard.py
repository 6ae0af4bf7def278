"""Where a stored kind finds the code that answers for it.

Low rooms store kinds as strings; `config/wiring.py` (named by `settings.SWITCHBOARD`) says who answers. Names
travel up as strings, calls travel down as imports.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from operations.errors import DomainError


class UnknownKind(DomainError):
    """Nobody answers for the {table} kind {kind!r}: it is not in config/wiring.py."""

    code = "unknown_kind"


def table(name: str) -> dict[str, str]:
    """Return one of the switchboard's tables: kind -> dotted path."""
    found: dict[str, str] = getattr(import_module(settings.SWITCHBOARD), name)
    return found


@cache
def answerer(name: str, kind: str) -> Callable[..., Any]:
    """Return the function that answers for a kind. Raises UnknownKind."""
    try:
        path = table(name)[kind]
    except KeyError as error:
        raise UnknownKind(table=name, kind=kind) from error
    found: Callable[..., Any] = import_string(path)
    return found
