"""The story of a buyer whose bank wants to be sure, and of one whose first card is refused."""

from ledger.selectors import wallet
from payments.models import Seller
from sandbox.storefront.buyer import Buyer
from tests.world import World

CHALLENGED = "4000002500003155"
REFUSED = "4000000000009995"
FINE = "4000000000000077"


class TestAChallengedPayment:
    """Bea's bank asks her to confirm."""

    def test_is_paid_once_she_confirms(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})

        outcome = world.pay(created, card=CHALLENGED)
        world.settle()

        assert (outcome.status, outcome.challenged) == ("paid", True)
        assert world.status("cart-1.ann") == "SUCCESS"

    def test_is_still_open_when_she_does_not(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})
        world.buyer = Buyer(complete_challenge=False)

        outcome = world.pay(created, card=CHALLENGED)
        world.settle()

        assert outcome.status == "declined"
        assert world.status("cart-1.ann") == "EXECUTING"
        assert wallet(seller=ann.id, currency="EUR").pending.minor == 0


class TestARefusedCard:
    """Bea's first card has no money on it."""

    def test_costs_nothing_and_the_second_card_pays_the_same_page(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})
        assert world.pay(created, card=REFUSED).decline_code == "insufficient_funds"
        world.settle()
        assert world.status("cart-1.ann") == "EXECUTING"

        world.pay(created, card=FINE)
        world.settle()

        assert world.status("cart-1.ann") == "SUCCESS"
        assert wallet(seller=ann.id, currency="EUR").pending.text == "90.00"
        assert [charge["status"] for charge in world.provider.ledger()["charges"]].count("succeeded") == 1
