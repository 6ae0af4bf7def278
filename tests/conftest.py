"""Fixtures that every story may use: the provider as a real process, and the cast."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.nodeid import NodeId
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from pytest_django.plugin import DjangoDbBlocker

from operations.api import guessing, throttling
from operations.edges import along
from payments.models import Seller
from sandbox.control import SandboxControl
from sandbox.process import RunningProvider, free_port, start
from tests.world import World, make_shop

WEBHOOK_SECRET = "whsec_0123456789abcdefghijklmnopqrstuv"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Name the group of each test that has one in its id: by that, pytest-xdist keeps a group with one worker.

    It writes it there itself, but where pytest 9.2 does not look any more.
    """
    if not config.getoption("loadgroup", False):
        return
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        group = f"@{'_'.join(groups)}"
        if groups and not item.nodeid.endswith(group):
            item._id = NodeId.parse(f"{item.nodeid}{group}")


@pytest.fixture(autouse=True)
def nothing_noted() -> None:
    """No test writes along what another one noted."""
    along.forget(list(along.noted()))


@pytest.fixture(autouse=True)
def nobody_guessed() -> None:
    """No test is refused for what another one tried."""
    guessing.memory.clear()
    throttling.spells.clear()


@pytest.fixture(scope="session")
def provider_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProvider]:
    """The stand-in provider, in a process of its own, speaking HTTP."""
    folder: Path = tmp_path_factory.mktemp("provider")
    running = start(
        port=free_port(),
        store=folder / "provider.sqlite",
        webhook_url="http://127.0.0.1:1/webhooks/stripe",
        webhook_secret=WEBHOOK_SECRET,
    )
    running.wait_ready()
    yield running
    running.stop()


@pytest.fixture
def provider(provider_process: RunningProvider, settings: Any) -> SandboxControl:
    """The provider, empty, with every webhook held until a story delivers it; our settings point at it."""
    control = provider_process.control
    control.reset()
    control.webhooks_manual()
    settings.STRIPE_API_BASE = provider_process.base_url
    settings.STRIPE_API_KEY = "sk_test_sandbox"
    settings.STRIPE_WEBHOOK_SECRETS = [WEBHOOK_SECRET]
    return control


@pytest.fixture
def world(provider: SandboxControl, db: None) -> World:
    """The cast's world: a shop, another shop, the provider."""
    return World(shop=make_shop("acme"), other_shop=make_shop("bolt"), provider=provider, webhook_secret=WEBHOOK_SECRET)


@pytest.fixture
def ann(world: World) -> Seller:
    """A seller with an account at the provider."""
    return world.open_seller("ann")


@pytest.fixture
def bob(world: World) -> Seller:
    """Another seller."""
    return world.open_seller("bob")


@pytest.fixture(scope="session")
def test_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make the test database in a run of committed tests only, where pytest-django sees none of its marks."""
    if connection.settings_dict["NAME"] == connection.settings_dict["TEST"]["NAME"]:
        yield
        return
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases={"default": None})
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)
