"""What the stories of an account share that settles in another currency than buyers pay in: what must come out even."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from ledger.services import verify_books
from operations import database
from payments.models import Checkout, Refund
from reconciliation.selectors import unexplained_minor
from tests.world import World

TODAY = {"usd": "0.92345", "jpy": "0.006174", "bhd": "2.4512"}


def settle_in_euros(world: World, settings: Any) -> None:
    """Have the account settle in euros; nothing is expected of its fees but in euros."""
    settings.PROVIDER_FEE_RATES = {"EUR": (290, 30)}
    world.provider.settle_in("eur", TODAY)


def refund(world: World, payment_order_id: str, amount: str, *, currency: str = "USD") -> Refund:
    """Refund a part of an order and have it sent, and return it."""
    body = {"payment_order_id": payment_order_id, "amount": amount, "currency": currency, "reason": "too big"}
    answer = world.shop.post("/v1/refunds", body, key=f"refund-{payment_order_id}-{amount}")
    assert answer.status_code == 201, answer.content
    world.settle()
    return Refund.objects.get(pk=answer.json()["id"])


def subject_of(checkout: Checkout) -> str:
    return f"checkout:{checkout.pk}"


def open_at_the_provider() -> dict[str, dict[str, int]]:
    """Return what the books have open at the provider, by item and currency; what is settled is left out."""
    rows = database.fetch_tuples(
        "SELECT item, currency, net_minor FROM ledger_clearing_item WHERE net_minor <> 0 ORDER BY item, currency"
    )
    found: dict[str, dict[str, int]] = {}
    for item, currency, minor in rows:
        found.setdefault(item, {})[currency] = minor
    return found


def held_there(world: World) -> dict[str, int]:
    """Return what the provider holds for us, available and pending together."""
    balances = world.provider.ledger()["balances"]["platform"]
    return {currency.upper(): sum(parts.values()) for currency, parts in balances.items() if any(parts.values())}


def assert_proved(world: World) -> None:
    """The books are proved, agree with what the provider holds, and every line of its statement is matched."""
    assert verify_books(actor="system:test", now=timezone.now()).green
    total: dict[str, int] = {}
    for parts in open_at_the_provider().values():
        for currency, minor in parts.items():
            total[currency] = total.get(currency, 0) + minor
    assert {currency: minor for currency, minor in total.items() if minor} == held_there(world)
    assert set(world.reconciled()) == {"matched"}
    assert unexplained_minor(psp="stripe", now=timezone.now() + timedelta(days=2)) == 0
