"""Providers that are not even asked, because this process's breaker is open."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from payments.gateway import Gateway, mollie_adapter, stripe_adapter
from tests.payments.mollie_stand_in import Mollie
from tests.world import World

Break = Callable[[], None]
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MADE: tuple[dict[Any, Any], ...] = (stripe_adapter._made, mollie_adapter._made)


@pytest.fixture
def strict(settings: Any) -> Iterator[None]:
    """Breakers that open at one silence and rest until the test is over."""
    made = [dict(each) for each in _MADE]
    settings.PSP_BREAKER_FAILURES, settings.PSP_BREAKER_REST_S = 1, 600
    restart()
    yield
    for each, before in zip(_MADE, made, strict=True):
        each.clear()
        each.update(before)


@pytest.fixture
def breaker(world: World, settings: Any, strict: None) -> Break:
    """Open the breaker of Stripe."""
    return lambda: silence_stripe(world, stripe_adapter.make(settings))


@pytest.fixture
def mollies_breaker(mollie: Mollie, settings: Any, strict: None) -> Break:
    """Open the breaker of Mollie."""

    def open_() -> None:
        mollie.plan("GET payments", "503")
        mollie_adapter.make(settings).find_checkout("nobody", since=_EPOCH)

    return open_


@pytest.fixture
def mend() -> Break:
    """Let the providers be asked again, as a process that has just begun would."""
    return restart


def restart() -> None:
    """Forget what this process knows of the providers' health."""
    for each in _MADE:
        each.clear()


def silence_stripe(world: World, gateway: Gateway) -> None:
    """Let one call go unanswered."""
    world.provider.plan([{"op": "event.list", "action": "error_503"}])
    gateway.list_events(["charge.captured"], since=_EPOCH, until=_EPOCH)
