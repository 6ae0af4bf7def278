"""What the stories of what comes after the sale begin with."""

import pytest

from operations.models import Storefront
from payments.models import Seller
from tests.world import World


@pytest.fixture
def sold(world: World, ann: Seller) -> Seller:
    """Bea bought ann's chair for 100.00."""
    world.sell("cart-1", {"ann": "100.00"})
    return ann


@pytest.fixture
def listening(world: World) -> None:
    """The shop has an address for messages."""
    shop = Storefront.objects.filter(slug=world.shop.slug)
    shop.update(event_url="http://127.0.0.1:1/hooks", event_secret="whsec_eA==")
