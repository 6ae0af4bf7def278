"""Comparing events with the provider's list where a worker's clock is wrong for a while."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import Seller
from payments.services import sync_events
from tests.world import World

pytestmark = pytest.mark.django_db


class TestSyncEvents:
    def test_takes_no_listing_by_a_clock_that_ran_ahead_for_having_seen(self, world: World, ann: Seller) -> None:
        now = timezone.now()
        sync_events(psp="stripe", actor="system:schedule", now=now)
        sync_events(psp="stripe", actor="system:schedule", now=now + timedelta(hours=2))
        world.pay(world.order("cart-1", {"ann": "100.00"}))
        world.provider.take_webhooks()

        found = sync_events(psp="stripe", actor="system:schedule", now=now + timedelta(minutes=10))

        assert "checkout.session.completed" in [gap.type for gap in found.gaps]
        assert found.since < now

    def test_looks_at_a_span_that_ends_after_it_begins_where_the_clock_falls_behind(self, world: World) -> None:
        now = timezone.now()
        sync_events(psp="stripe", actor="system:schedule", now=now)

        found = sync_events(psp="stripe", actor="system:schedule", now=now - timedelta(hours=2))

        assert found.since < found.until
