"""What the stories of money out begin with."""

import pytest

from payments.models import Seller
from payouts.models import Batch, Payout
from tests.world import World


@pytest.fixture
def ann_with_90(world: World, ann: Seller) -> Seller:
    """Ann, with 90.00 EUR available: a sale of 100.00, delivered, its hold over."""
    world.sell("cart-1", {"ann": "100.00"})
    world.deliver_goods("cart-1.ann")
    world.release()
    return ann


@pytest.fixture
def payout(world: World, ann_with_90: Seller) -> Payout:
    """Ann's payout of 90.00 EUR: approved, its job due, nothing sent yet."""
    world.approve(world.propose())
    return Payout.objects.get()


@pytest.fixture
def batch(world: World, ann_with_90: Seller) -> Batch:
    """A proposed batch that pays ann 90.00 EUR."""
    return world.propose()
