"""A world whose shop is paid through Mollie."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone

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
