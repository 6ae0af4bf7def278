"""The bare view that our payments are measured beside writes the rows of a payment, as they are today."""

import pytest
from django.conf import settings
from django.utils import timezone

from benchmarks.bare import gateway, views
from payments.gateway import CheckoutRequest, Succeeded
from payments.gateway.base import CheckoutLine
from payments.models import Attempt, PaymentOrder, Seller
from tests.world import World


class TestTheBareView:
    def test_writes_what_a_payment_writes(self, world: World, ann: Seller, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(views, "_STOREFRONT", world.shop.slug)
        part = {"payment_order_id": "bare-1.ann", "seller_account": "ann", "amount": "25.00", "currency": "EUR"}

        views._write({"checkout_id": "bare-1", "buyer_info": {}, "payment_orders": [part]}, key="k")
        world.order("ours-1", {"ann": "25.00"})

        orders = PaymentOrder.objects.order_by("pk").values_list("state", "amount_minor", "currency")
        attempts = Attempt.objects.order_by("pk").values_list("state", "sends", "amount_minor")
        assert list(orders) == [("EXECUTING", 2_500, "EUR")] * 2
        assert list(attempts) == [("pending", 1, 2_500)] * 2


class TestTheInstantProvider:
    def test_can_do_what_stripe_can(self) -> None:
        instant = gateway.make(settings)
        request = CheckoutRequest(
            reference="chk_1",
            currency="EUR",
            lines=[CheckoutLine(name="Ann", amount_minor=2_500)],
            success_url="https://pay.example/1",
            cancel_url="https://pay.example/1",
            expires_at=int(timezone.now().timestamp()),
        )

        answer = instant.register_checkout(request, key="k")

        assert isinstance(answer, Succeeded)
        assert answer.value.amount.text == "25.00"
        assert "EUR" in instant.abilities.currencies
        assert not instant.resting()
