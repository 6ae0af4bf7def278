"""The list of checkouts finds a payment by whatever id somebody has of it."""

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from payments.models import Surplus
from tests.console.journals import text_of
from tests.console.world import World, brl

SignIn = Callable[[str], Client]


def found(browser: Client, wanted: str) -> str:
    """Return the list of checkouts, searched for an id."""
    return text_of(browser.get(reverse("admin:payments_checkout_changelist"), {"q": wanted}))


class TestASearchForAPayment:
    def test_takes_any_id_that_a_buyer_a_bank_or_the_provider_gives(self, market: World, sign_in: SignIn) -> None:
        checkout = market.sale(("Ann's Lamps", brl(5_000)), fee_minor=90)
        market.sale(("Ann's Lamps", brl(5_000)))
        dispute, surplus, browser = market.inquiry(checkout), market.paid_twice(checkout), sign_in("vera")
        attempt = checkout.attempts.get(number=1)
        number = checkout.checkout_id.rpartition("-")[2]

        for wanted in (
            checkout.orders.get().pk,
            attempt.pk,
            attempt.psp_key,
            dispute.pk,
            dispute.psp_ref,
            surplus.pk,
            Surplus.objects.get().charge_ref,
            f"txn_{number}",
        ):
            assert f"1 checkout {checkout.checkout_id}" in _brief(found(browser, wanted)), wanted

    def test_that_finds_nothing_says_so(self, market: World, sign_in: SignIn) -> None:
        assert "Nothing matches" in found(sign_in("vera"), "du_nobody")


def _brief(text: str) -> str:
    """Return how many checkouts a list has, and the ids of them that it shows."""
    shown = [word for word in text.split() if word.startswith("cart-")]
    return f"{len(set(shown))} checkout {' '.join(dict.fromkeys(shown))}"
