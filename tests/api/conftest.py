"""A shop with two sellers, for requests that never get as far as the provider; and committed data for races."""

import pytest
from _pytest.nodeid import NodeId
from django.conf import settings as django_settings
from django.utils import timezone

from payments.services import register_seller
from tests.committed import committed_db, committed_world, web
from tests.world import Shop, make_shop

__all__ = ["committed_db", "committed_world", "web"]


@pytest.fixture
def shop(db: None) -> Shop:
    """A storefront that knows ann and bob. There is no provider: a call to it would fail."""
    made = make_shop("acme")
    for name in ("ann", "bob"):
        register_seller(
            storefront="acme", seller_id=name, name=name.title(), country="DE", actor="system:test", now=timezone.now()
        )
    return made


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give each operation that schemathesis makes a test of an id of its own.

    By pytest 9.2 they all have the id of the function, and of tests with one id pytest-xdist runs one.
    """
    _, bracket, params = item.name.partition("[")
    if bracket and not item.nodeid.endswith("]"):
        item._id = NodeId.parse(f"{item.nodeid}[{params}")


@pytest.fixture
def shop_listening(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop on the developer's own machine takes what it is sent."""
    monkeypatch.setattr(django_settings, "WEBHOOK_PRIVATE_ADDRESSES", True)
    monkeypatch.setattr("operations.edges.relay._post", lambda *_, **__: (204, "", None))
