"""The provider's fee: expected while it is not known, trued up when it is, and never booked twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.selectors import balance, count_entries, entries_about
from ledger.services import verify_books
from operations.models import Job
from payments.models import Attempt, Seller
from tests.flows.test_authorise_and_capture import capture, reserve
from tests.ledger_text import assert_posted
from tests.payments.faults import UNCLEAR, rule
from tests.world import World

RETRIEVE = "checkout.session.retrieve"


def fee_later(*, times: int = 1) -> dict[str, Any]:
    """Return the rule by which the provider does not know its fee yet."""
    return {"op": RETRIEVE, "action": "fee_later", "times": times}


@pytest.fixture
def sold(world: World, ann: Seller) -> str:
    """Bea's purchase, which was paid before the provider knew its fee; return the checkout's subject."""
    world.provider.plan([fee_later()])
    return f"checkout:{world.sell('cart-1', {'ann': '100.00'}).pk}"


class TestAFeeThatIsNotKnownYet:
    def test_is_booked_as_the_rate_card_expects_it(self, world: World, ann: Seller, settings: Any) -> None:
        settings.PROVIDER_FEE_RATES = {"EUR": (250, 25)}
        world.provider.plan([fee_later()])

        checkout = world.sell("cart-1", {"ann": "100.00"})

        attempt = Attempt.objects.get()
        assert (attempt.fee_minor, attempt.fee_known) == (275, False)
        assert_posted(
            f"checkout:{checkout.pk}",
            {
                "payment_captured": """
                    debit   psp:stripe:clearing  100.00 EUR
                    credit  seller:ann:pending    90.00 EUR
                    credit  platform:commission   10.00 EUR
                """,
                "provider_fee_estimated": """
                    debit   psp:stripe:fees        2.75 EUR
                    credit  psp:stripe:clearing    2.75 EUR
                """,
            },
            names={ann.id: "ann"},
        )

    def test_is_trued_up_by_the_difference(self, world: World, ann: Seller, settings: Any) -> None:
        settings.PROVIDER_FEE_RATES = {"EUR": (250, 25)}
        world.provider.plan([fee_later()])
        checkout = world.sell("cart-1", {"ann": "100.00"})

        world.work(later=timedelta(minutes=2))

        attempt = Attempt.objects.get()
        assert (attempt.fee_minor, attempt.fee_known) == (320, True)
        assert_posted(
            f"checkout:{checkout.pk}",
            {
                "payment_captured": """
                    debit   psp:stripe:clearing  100.00 EUR
                    credit  seller:ann:pending    90.00 EUR
                    credit  platform:commission   10.00 EUR
                """,
                "provider_fee_estimated": """
                    debit   psp:stripe:fees        2.75 EUR
                    credit  psp:stripe:clearing    2.75 EUR
                """,
                "provider_fee_trued_up": """
                    debit   psp:stripe:fees        0.45 EUR
                    credit  psp:stripe:clearing    0.45 EUR
                """,
            },
            names={ann.id: "ann"},
        )
        assert verify_books(actor="system:test", now=timezone.now()).green

    def test_that_was_expected_to_be_more_gives_the_rest_back(self, world: World, ann: Seller, settings: Any) -> None:
        settings.PROVIDER_FEE_RATES = {"EUR": (500, 0)}
        world.provider.plan([fee_later()])
        world.sell("cart-1", {"ann": "100.00"})
        assert balance(code="psp:stripe:fees", currency="EUR").text == "5.00"

        world.work(later=timedelta(minutes=2))

        assert balance(code="psp:stripe:fees", currency="EUR").text == "3.20"

    def test_that_was_expected_to_the_cent_posts_nothing_more(self, world: World, sold: str) -> None:
        entries = count_entries()

        world.work(later=timedelta(minutes=2))

        assert (Attempt.objects.get().fee_known, count_entries()) == (True, entries)

    def test_without_a_rate_is_booked_whole_when_it_is_known(self, world: World, ann: Seller, settings: Any) -> None:
        settings.PROVIDER_FEE_RATES = {}
        world.provider.plan([fee_later()])
        world.sell("cart-1", {"ann": "100.00"})
        assert balance(code="psp:stripe:fees", currency="EUR").minor == 0

        world.work(later=timedelta(minutes=2))

        assert balance(code="psp:stripe:fees", currency="EUR").text == "3.20"

    def test_is_asked_for_until_the_provider_says_it(self, world: World, sold: str) -> None:
        world.provider.plan([fee_later()])
        world.work(later=timedelta(minutes=2))
        assert not Attempt.objects.get().fee_known

        world.work(later=timedelta(hours=1))

        assert Attempt.objects.get().fee_known
        assert Job.objects.get(kind="payments.true_up_fee").state == "done"

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_is_trued_up_once_however_the_answer_was_lost(
        self, world: World, ann: Seller, settings: Any, fault: str
    ) -> None:
        settings.PROVIDER_FEE_RATES = {"EUR": (250, 25)}
        world.provider.plan([fee_later()])
        world.sell("cart-1", {"ann": "100.00"})
        world.provider.plan([rule(RETRIEVE, fault)])

        for minutes in (2, 30, 60):
            world.work(later=timedelta(minutes=minutes))

        assert balance(code="psp:stripe:fees", currency="EUR").text == "3.20"

    def test_stays_as_it_is_expected_where_the_provider_shows_a_later_captures_by_now(
        self, world: World, ann: Seller, settings: Any
    ) -> None:
        """It shows how the last capture was settled: that is one fee, and not the earlier one's too."""
        settings.PROVIDER_FEE_RATES = {"EUR": (290, 30)}
        reserve(world, "cart-1", {"ann": "100.00"})
        world.provider.plan([fee_later()])
        capture(world, {"ann": "60.00"}, final=False)
        capture(world, {"ann": "40.00"}, key="c2")

        world.work(later=timedelta(minutes=2))

        booked = entries_about(subjects=[f"checkout:{Attempt.objects.get().checkout_id}"])
        assert [entry["recipe"] for entry in booked if entry["recipe"] != "payment_captured"] == [
            "provider_fee_estimated",
            "provider_fee_charged",
        ]
        assert balance(code="psp:stripe:fees", currency="EUR").text == "3.50"
        assert world.reconciled() == {"matched": 2}
