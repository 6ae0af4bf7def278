"""Fixtures of committed data, for races against a real server."""

from tests.committed import committed_db, committed_world, web

__all__ = ["committed_db", "committed_world", "web"]
