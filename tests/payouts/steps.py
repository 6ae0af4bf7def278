"""Questions and steps that several stories of money out share."""

from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import IntegrityError, transaction
from django.utils import timezone

from ledger.selectors import balance, wallet
from operations import database
from operations.models import Job
from payments.models import Seller
from payouts.models import Payout
from tests.world import World


def available(seller: Seller, currency: str = "EUR") -> str:
    """Return what a seller may be paid, as text."""
    return wallet(seller=seller.id, currency=currency).available.text


def in_transit(currency: str = "EUR") -> str:
    """Return what is reserved for payouts under way, as text."""
    return balance(code="payouts:in_transit", currency=currency).text


def transferred(world: World) -> list[int]:
    """Return the amounts of every transfer that the provider ever made, by its own record."""
    return [transfer["amount"] for transfer in world.provider.ledger()["transfers"]]


def transfer_posts(world: World) -> list[dict[str, Any]]:
    """Return every POST of a transfer that reached the provider."""
    return [call for call in world.provider.calls() if (call["method"], call["path"]) == ("POST", "/v1/transfers")]


def work_later(world: World, *, rounds: int = 6, **later: int) -> None:
    """Let a while pass and do what is then due, again and again; each round is that much later than the last."""
    for number in range(1, rounds + 1):
        world.work(later=timedelta(**later) * number)


def states() -> list[str]:
    """Return the state of every payout."""
    return list(Payout.objects.order_by("pk").values_list("state", flat=True))


def dead_letters() -> list[tuple[str, str]]:
    """Return the kind and the error of every dead letter."""
    return list(Job.objects.filter(state="dead").order_by("pk").values_list("kind", "last_error"))


def refund(world: World, payment_order_id: str, amount: str | None = None) -> None:
    """Refund an order through the API, in part or in full, and let the provider's answer be booked."""
    body = {"payment_order_id": payment_order_id, "reason": "returned"}
    if amount is not None:
        body |= {"amount": amount, "currency": "EUR"}
    answer = world.shop.post("/v1/refunds", body, key=f"refund-{payment_order_id}-{amount}")
    assert answer.status_code in (200, 201, 202), answer.content
    world.settle()


def forget_hints(kind: str) -> None:
    """Make the jobs of a kind due only tomorrow, as if nothing but a webhook could bring the news today."""
    Job.objects.filter(kind=kind, state="todo").update(next_at=timezone.now() + timedelta(days=1))


def at_the_provider(world: World, path: str, **form: Any) -> dict[str, Any]:
    """POST to the provider as somebody with access to its dashboard would."""
    answer = requests.post(
        world.provider.base_url + path, data=form, headers={"Authorization": "Bearer sk_test_sandbox"}, timeout=10
    )
    body: dict[str, Any] = answer.json()
    assert answer.status_code == 200, body
    return body


def attack(statement: str, *, match: str) -> None:
    """Run raw SQL that PostgreSQL must refuse, for a reason that matches."""
    # TRUNCATE would otherwise be refused for deferred checks that still wait, which proves nothing.
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        database.execute(statement)
