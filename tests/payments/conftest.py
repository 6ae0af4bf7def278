"""What the stories of what comes after the sale begin with."""

import pytest

from payments.models import Seller
from tests.world import World


@pytest.fixture
def sold(world: World, ann: Seller) -> Seller:
    """Bea bought ann's chair for 100.00."""
    world.sell("cart-1", {"ann": "100.00"})
    return ann
