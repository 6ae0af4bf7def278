"""What the stories of reconciliation begin with."""

import pytest

from payments.models import Seller
from tests.reconciliation.steps import charge_of
from tests.world import World


@pytest.fixture
def charge(world: World, ann: Seller) -> str:
    """The provider's id of a booked charge of 100.00 EUR, fee 3.20."""
    world.sell("cart-1", {"ann": "100.00"})
    return charge_of("cart-1")
