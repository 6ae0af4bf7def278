"""How a guard is weakened: by SQL on the database of the tests.

A change of a function is a replacement in its source that must match exactly once, so that no mutant quietly becomes
none.
"""

from collections.abc import Callable

import pytest

from operations import database

Weakening = Callable[[pytest.MonkeyPatch], None]


def sql(*statements: str) -> Weakening:
    """Return the weakening by statements."""

    def weaken(_: pytest.MonkeyPatch) -> None:
        for statement in statements:
            database.execute(statement)

    return weaken


def without(constraint: str, *, of: str) -> str:
    """Return the statement that drops a constraint."""
    return f"ALTER TABLE {of} DROP CONSTRAINT {constraint}"


def source(function: str, *replacements: tuple[str, str], also: tuple[str, ...] = ()) -> Weakening:
    """Return the weakening by replacements in a function's source, each of which matches exactly once."""

    def weaken(_: pytest.MonkeyPatch) -> None:
        query = "SELECT pg_get_functiondef(%s::regproc) AS text"
        text = database.fetch_one(query, [function])["text"]
        for old, new in replacements:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {function}"
            text = text.replace(old, new)
        for statement in (text, *also):
            database.execute(statement)

    return weaken
