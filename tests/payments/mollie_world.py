"""A world whose shop is paid through Mollie."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone

from payments.models import Surplus
from tests.payments.mollie_stand_in import Mollie, running
from tests.world import World


@pytest.fixture
def mollie(world: World, settings: Any) -> Iterator[Mollie]:
    """Mollie, where the shop acme's payments go; bolt's go where they went."""
    with running() as found:
        settings.MOLLIE_API_KEY = "test_0123456789abcdefghijklmnopqr"
        settings.MOLLIE_API_BASE = f"{found.base_url}/v2"
        settings.MOLLIE_WEBHOOK_SECRET = "a secret of thirty-two characters"
        settings.PSP_ROUTES = {"*": ["stripe"], "acme": ["mollie"]}
        yield found


def webhook(world: World, mollie: Mollie, payment: str, *, token: str | None = None) -> Any:
    """POST what Mollie would, to the address that it was given, each in a second of its own."""
    mollie.told += 1
    moment = timezone.now() + timedelta(seconds=2 * mollie.told)
    address = mollie.payments[payment]["webhookUrl"].partition("/webhooks/")[2]
    if token is not None:
        address = f"mollie?token={token}"
    with patch("django.utils.timezone.now", return_value=moment):
        return world.shop.client.post(
            f"/webhooks/{address}", data=f"id={payment}", content_type="application/x-www-form-urlencoded"
        )


def paid_twice(world: World, mollie: Mollie) -> Surplus:
    """Have a cart paid twice, and the second payment on its way back; return that."""
    mollie.plan("POST payments", "cut after")
    world.order("cart-1", {"ann": "100.00"})
    hidden = mollie.forget()
    world.work(later=timedelta(minutes=61))
    world.work(later=timedelta(minutes=62))
    [first], [second] = hidden, mollie.payments
    mollie.payments |= hidden
    for payment in (second, first):
        mollie.pay(payment)
        webhook(world, mollie, payment)
        world.work(later=timedelta(seconds=30))
    world.work(later=timedelta(seconds=30))
    return Surplus.objects.get(state="pending")
