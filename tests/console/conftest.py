from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ledger.models import ManualJournal
from tests.console.journals import ANN
from tests.console.whole import full_world, people
from tests.console.world import World, brl


@pytest.fixture
def staff(db: None) -> dict[str, User]:
    """One person of each role, by name."""
    return people()


@pytest.fixture
def world(db: None) -> World:
    """A marketplace with something on every page."""
    return full_world()


@pytest.fixture
def sign_in(staff: dict[str, User]) -> Callable[[str], Client]:
    """Return a browser in which a person is signed in."""

    def signed_in(username: str) -> Client:
        client = Client()
        client.force_login(staff[username])
        return client

    return signed_in


@pytest.fixture
def market(db: None) -> World:
    """A marketplace with one sale: 90.00 pending for Ann's Lamps."""
    world = World().open()
    world.sale((ANN, brl(10_000)))
    return world


@pytest.fixture
def journal(market: World) -> ManualJournal:
    """A journal of oscar's that waits for a second person."""
    return market.journal()
