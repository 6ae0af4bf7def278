"""A world whose processes may die: what they commit is committed, and what they do not is lost."""

import pytest

from tests.committed import committed_db, committed_world
from tests.faults.processes import MortalClient
from tests.world import World

__all__ = ["committed_db", "committed_world"]


@pytest.fixture
def mortal_world(committed_world: World) -> World:
    """The cast's world, in which each request is answered by a process that a crash takes down."""
    committed_world.shop.client = MortalClient(raise_request_exception=False)
    return committed_world
