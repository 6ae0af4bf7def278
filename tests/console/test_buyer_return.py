import pytest
from django.test import Client

from payments.models import Checkout
from tests.console.world import World, brl


@pytest.fixture
def market(db: None) -> World:
    return World().open()


class TestBuyerReturn:
    def test_thanks_for_what_is_paid(self, market: World) -> None:
        checkout = market.sale(("Ann's Lamps", brl(12_345)))

        page = Client().get(f"/pay/{checkout.pk}/return").content.decode()

        assert "your payment is complete" in page
        assert "R$123.45" in page
        assert "http-equiv" not in page

    def test_looks_again_while_it_waits(self, market: World) -> None:
        checkout = market.checkout(("Ann's Lamps", brl(12_345)))

        page = Client().get(f"/pay/{checkout.pk}/return").content.decode()

        assert '<meta http-equiv="refresh" content="3">' in page
        assert "please do not pay twice" in page

    def test_needs_no_script_and_nothing_from_elsewhere(self, market: World) -> None:
        checkout = market.checkout(("Ann's Lamps", brl(12_345)))

        page = Client().get(f"/pay/{checkout.pk}/return").content.decode()

        assert "<script" not in page
        assert "src=" not in page
        assert "http://" not in page.replace("http://127.0.0.1", "")

    def test_shows_a_hostile_id_as_text(self, market: World) -> None:
        checkout = market.checkout(("Ann's Lamps", brl(12_345)))
        Checkout.objects.filter(pk=checkout.pk).update(checkout_id="<script>alert(1)</script>")

        page = Client().get(f"/pay/{checkout.pk}/return").content.decode()

        assert "<script" not in page
        assert "&lt;script&gt;" in page

    def test_does_not_know_what_was_never_here(self, db: None) -> None:
        answer = Client().get("/pay/chk_nothing/return")

        assert answer.status_code == 404
        assert "We do not know this payment" in answer.content.decode()
