"""The story of a payment that the provider looks at for a day."""

from payments.models import Seller
from tests.world import World

HELD_FOR_REVIEW = "4000000000009235"


class TestAReviewedPayment:
    """Bea's card is unusual; the provider holds the payment, and decides tomorrow."""

    def test_is_in_review_until_the_provider_decides_and_booked_then(self, world: World, ann: Seller) -> None:
        created = world.order("cart-1", {"ann": "100.00"})
        world.pay(created, card=HELD_FOR_REVIEW)
        world.settle()
        assert world.status("cart-1.ann") == "IN_REVIEW"

        [review] = world.provider.ledger()["reviews"]
        world.provider.decide_review(review["id"], approve=True)
        world.settle()

        assert world.status("cart-1.ann") == "SUCCESS"
        assert world.shop.get("/v1/payments/cart-1.ann").json()["is_payment_done"] is True
