"""A shop with two sellers, for requests that never get as far as the provider; and committed data for races."""

import pytest
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
