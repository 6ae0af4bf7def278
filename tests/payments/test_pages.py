"""The buyer's pages: where a payment stands, and the provider's form on a page of ours, where that is wanted."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from ledger.selectors import wallet
from operations.models import Job
from payments.models import Attempt, Checkout, PaymentOrder, Seller
from payments.pages import scripts
from tests.payments.faults import rule
from tests.world import World

STATES = {
    "NOT_STARTED": "We are confirming your payment",
    "EXECUTING": "We are confirming your payment",
    "UNKNOWN": "We are confirming your payment",
    "REQUIRES_ACTION": "Your bank asks you to confirm this payment",
    "IN_REVIEW": "Your payment is being checked",
    "FAILED": "This payment was not made",
}


def get(path: str, **headers: str) -> Any:
    return Client().get(path, headers=headers)


def policy(answer: Any) -> dict[str, list[str]]:
    """Return an answer's Content-Security-Policy by directive."""
    parts = [part.split() for part in answer["Content-Security-Policy"].split("; ")]
    return {name: sources for name, *sources in parts}


@pytest.fixture
def checkout(world: World, ann: Seller) -> Checkout:
    """A checkout of ann's over 1,234.56 EUR, registered at the provider."""
    assert world.order("cart-1", {"ann": "1234.56"}).status_code == 201
    return Checkout.objects.get()


def put(state: str) -> None:
    """Bring the order into a state by legal moves."""
    path = {"NOT_STARTED": [], "EXECUTING": [], "FAILED": ["FAILED"]}.get(state, [state])
    for step in path:
        PaymentOrder.objects.update(state=step)


class TestTheReturnPage:
    @pytest.mark.parametrize(("state", "heading"), STATES.items())
    def test_says_where_the_payment_stands(self, checkout: Checkout, state: str, heading: str) -> None:
        put(state)

        assert heading in get(f"/pay/{checkout.pk}/return").content.decode()

    def test_leads_back_to_the_form_when_the_bank_wants_something(self, checkout: Checkout) -> None:
        put("REQUIRES_ACTION")
        [attempt] = Attempt.objects.all()

        assert f'href="{attempt.page_url}"' in get(f"/pay/{checkout.pk}/return").content.decode()

    @pytest.mark.parametrize(
        ("accepts", "shown"),
        [
            ("de-DE,de;q=0.9", "1.234,56 €"),
            ("en-GB", "€1,234.56"),
            ("pt-BR", "€ 1.234,56"),
            ("", "€1,234.56"),
            ("*", "€1,234.56"),
            ("no-such-tongue-" * 20, "€1,234.56"),
        ],
    )
    def test_writes_the_amount_as_the_buyer_does(self, checkout: Checkout, accepts: str, shown: str) -> None:
        page = get(f"/pay/{checkout.pk}/return", **{"Accept-Language": accepts}).content.decode()

        assert shown in page.replace("\xa0", " ")

    def test_writes_all_decimals_that_the_currency_has_here(self, world: World, ann: Seller) -> None:
        assert world.order("cart-1", {"ann": "1234.56"}, currency="RSD").status_code == 201

        assert "RSD1,234.56" in get(f"/pay/{Checkout.objects.get().pk}/return").content.decode()

    def test_has_the_provider_asked_soon_but_not_at_every_look(self, checkout: Checkout) -> None:
        job = Job.objects.get(kind="payments.sync_attempt")
        assert job.next_at > timezone.now() + timedelta(seconds=60)

        get(f"/pay/{checkout.pk}/return")
        job.refresh_from_db()
        due = job.next_at
        assert due <= timezone.now()
        get(f"/pay/{checkout.pk}/return")

        job.refresh_from_db()
        assert job.next_at == due

    def test_books_a_payment_whose_webhook_was_lost(self, world: World, checkout: Checkout, ann: Seller) -> None:
        world.buyer.pay(url=Attempt.objects.get().page_url)
        world.provider.take_webhooks()
        get(f"/pay/{checkout.pk}/return")

        world.work()

        assert wallet(seller=ann.id, currency="EUR").pending.text == "1111.10"
        assert "your payment is complete" in get(f"/pay/{checkout.pk}/return").content.decode()

    @pytest.mark.parametrize("path", ["/pay/{}/return", "/pay/chk_nothing/return", "/pay/chk_nothing"])
    def test_runs_no_script_and_lets_nobody_frame_it(self, checkout: Checkout, path: str) -> None:
        allowed = policy(get(path.format(checkout.pk)))

        assert allowed["default-src"] == ["'none'"]
        assert allowed["frame-ancestors"] == ["'none'"]
        assert "script-src" not in allowed
        assert allowed["style-src"][0].startswith("'nonce-")


@pytest.fixture
def way_back(checkout: Checkout) -> str:
    """Where the provider's page leads a buyer who does not pay."""
    address = urlsplit(Attempt.objects.get().params["cancel_url"])
    return f"{address.path}?{address.query}"


class TestTheWayBackFromTheProvidersPage:
    def test_says_that_nothing_was_paid_and_leads_to_the_page_again(self, checkout: Checkout, way_back: str) -> None:
        Checkout.objects.update(return_url="https://shop.example/cart")

        page = get(way_back).content.decode()

        assert "<h1>Nothing was paid yet</h1>" in page
        assert f'href="{Attempt.objects.get().page_url}"' in page
        assert 'href="https://shop.example/cart"' in page
        assert "We are confirming" not in page

    def test_is_taken_for_no_more_than_words(self, world: World, checkout: Checkout, way_back: str) -> None:
        world.buyer.pay(url=Attempt.objects.get().page_url)
        get(way_back)
        world.work()

        page = get(way_back).content.decode()

        assert "your payment is complete" in page
        assert "Go on with the payment" not in page

    @pytest.mark.parametrize("state", ["REQUIRES_ACTION", "IN_REVIEW", "FAILED"])
    def test_says_what_is_so_where_more_is_known(self, checkout: Checkout, way_back: str, state: str) -> None:
        put(state)

        assert STATES[state] in get(way_back).content.decode()

    @pytest.mark.parametrize("over", ["run out", "being closed"])
    def test_offers_no_page_that_takes_no_payment_any_more(
        self, world: World, checkout: Checkout, way_back: str, over: str
    ) -> None:
        if over == "run out":
            Checkout.objects.update(expires_at=timezone.now())
        else:
            world.provider.plan([rule("checkout.session.expire", "cut before")])
            world.shop.post("/v1/payments/cart-1/cancel", {}, key="cancel-1")

        page = get(way_back).content.decode()

        assert "Go on with the payment" not in page
        assert "We are confirming your payment" in page


class TestMoneyThatTakesDays:
    @pytest.fixture
    def debited(self, world: World, checkout: Checkout) -> Checkout:
        """Bea paid by direct debit: the provider is told, her bank is not."""
        world.buyer.pay(url=Attempt.objects.get().page_url, method="sepa_debit")
        world.settle()
        return checkout

    @pytest.mark.parametrize("query", ["", "?left=1"])
    def test_lets_the_buyer_close_the_page(self, debited: Checkout, query: str) -> None:
        page = get(f"/pay/{debited.pk}/return{query}").content.decode()

        assert "<h1>Your payment is on its way</h1>" in page
        assert "Your bank takes a few days" in page
        assert "You can close this page" in page
        assert "seconds" not in page
        assert "Go on with the payment" not in page
        assert '<meta http-equiv="refresh" content="600">' in page

    def test_is_told_so_too_after_the_bank_asked_something(self, debited: Checkout) -> None:
        put("REQUIRES_ACTION")

        assert "Your payment is on its way" in get(f"/pay/{debited.pk}/return").content.decode()

    @pytest.mark.parametrize(("comes", "heading"), [(True, "your payment is complete"), (False, "was not made")])
    def test_ends_as_every_payment(self, world: World, debited: Checkout, comes: bool, heading: str) -> None:
        [session] = world.provider.ledger()["sessions"]
        world.provider.settle_async(session["payment_intent"], succeeded=comes)
        world.settle()

        assert heading in get(f"/pay/{debited.pk}/return").content.decode()


@pytest.fixture
def embedded(world: World, ann: Seller, settings: Any) -> Checkout:
    """A checkout of ann's that is paid on a page of ours."""
    settings.CHECKOUT_PAGE = "embedded"
    settings.STRIPE_JS_URL = f"{settings.STRIPE_API_BASE}/endive/stripe.js"
    settings.STRIPE_CONNECT_ORIGINS = settings.STRIPE_API_BASE
    settings.STRIPE_FRAME_ORIGINS = ""
    created = world.order("cart-1", {"ann": "100.00"})
    assert created.status_code == 201, created.content
    return Checkout.objects.get()


class TestTheEmbeddedPage:
    def test_is_where_the_storefront_sends_the_buyer(self, world: World, embedded: Checkout) -> None:
        attempt = Attempt.objects.get()

        assert attempt.page_url == f"{django_settings.PUBLIC_URL}/pay/{embedded.pk}"
        assert attempt.psp_ref is not None
        assert attempt.page_secret.startswith(f"{attempt.psp_ref}_secret_")

    def test_carries_what_the_providers_form_opens_with(self, embedded: Checkout) -> None:
        page = get(f"/pay/{embedded.pk}").content.decode()

        assert f'data-secret="{Attempt.objects.get().page_secret}"' in page
        assert f'data-key="{django_settings.STRIPE_PUBLISHABLE_KEY}"' in page

    def test_allows_scripts_and_frames_from_the_provider_and_us_alone(self, embedded: Checkout, settings: Any) -> None:
        allowed = policy(get(f"/pay/{embedded.pk}"))

        assert allowed["script-src"] == ["'self'", settings.STRIPE_API_BASE]
        assert allowed["frame-src"] == [settings.STRIPE_API_BASE]
        assert allowed["connect-src"] == ["'self'", settings.STRIPE_API_BASE]
        assert allowed["default-src"] == ["'none'"]

    def test_has_the_scripts_of_the_inventory_and_no_other(self, embedded: Checkout, settings: Any) -> None:
        page = get(f"/pay/{embedded.pk}").content.decode()

        found = re.findall(r"<script\b([^>]*)>(.*?)</script>", page, re.DOTALL)
        listed = [urlsplit(one.url).path for one in scripts.inventory()]
        sources = [urlsplit(re.search(r'src="([^"]+)"', head)[1]).path for head, _ in found]  # type: ignore[index]
        assert sources == listed
        assert [body for _, body in found] == ["", ""]
        assert " on" not in re.sub(r">[^<]*<", "><", page)

    def test_leads_to_the_return_page_once_there_is_nothing_to_pay(self, world: World, embedded: Checkout) -> None:
        [session] = world.provider.ledger()["sessions"]
        world.buyer.pay(url=f"{world.provider.base_url}/c/pay/{session['id']}")
        world.settle()

        answer = get(f"/pay/{embedded.pk}")

        assert (answer.status_code, answer["Location"]) == (302, f"/pay/{embedded.pk}/return")
        assert world.status("cart-1.ann") == "SUCCESS"

    def test_leads_to_the_return_page_where_buyers_are_redirected(self, checkout: Checkout) -> None:
        assert get(f"/pay/{checkout.pk}").status_code == 302


class TestTheInventory:
    def test_is_written_as_it_is(self) -> None:
        written = (django_settings.BASE_DIR / "docs" / "payment-page-scripts.md").read_text(encoding="utf-8")

        assert written == scripts.document(), "run manage.py payment_page_scripts"
