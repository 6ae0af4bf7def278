"""Committed data, for tests with threads."""

from tests.committed import committed_db, committed_world

__all__ = ["committed_db", "committed_world"]
